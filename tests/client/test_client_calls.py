"""Every method of the contracts has its client method, its deadline and its own message."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, duration_pb2, message_factory
from google.protobuf.message import Message

from omega.brain.v1 import brain_service_pb2
from omega.common.v1 import resource_pb2
from omega.constellation.v1 import (
    admin_pb2,
    constellation_service_pb2,
    directory_pb2,
    release_pb2,
)
from omega.federation.v1 import federation_service_pb2
from omega.sync.v1 import sync_service_pb2
from omega.threshold.v1 import randomness_service_pb2, relay_service_pb2
from omega_client import (
    AdminClient,
    BrainClient,
    ClientTls,
    ConstellationClient,
    FederationClient,
    GatewayClient,
    RandomnessClient,
    RelayClient,
    ServiceError,
    SyncClient,
    Watch,
    aio,
)
from omega_client.base import ServiceClient
from omega_core.errors import OmegaError
from omega_rpc.aio.loop import run
from omega_rpc.config import ServerConfig
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover
from omega_testing.certificates import Certificates
from omega_testing.gateway import Fault, Gateway, serving

Serve = Callable[..., str]
BRAIN = "omega.brain.v1.BrainService"
SYNC = "omega.sync.v1.SyncService"
CONSTELLATION = "omega.constellation.v1.ConstellationService"
ADMIN = "omega.constellation.v1.AdminService"
FEDERATION = "omega.federation.v1.FederationService"
RANDOMNESS = "omega.threshold.v1.RandomnessService"
RELAY = "omega.threshold.v1.RelayService"
GATEWAY = "omega.threshold.v1.GatewayService"
CATALOGUE = resource_pb2.RESOURCE_KIND_CATALOGUE
# grpc sends a timeout with few digits and rounds it up.
ROUNDED_UP = 1.02
# What an HTTP/2 server says first.
EMPTY_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])

Sent = Message | list[Message]
"""One message, or those of a stream."""
CALLS: dict[str, tuple[type[ServiceClient], dict[str, tuple[Callable[[Any], object], Sent]]]] = {
    BRAIN: (
        BrainClient,
        {
            "GetRecommendations": (
                lambda c: c.get_recommendations(
                    brain_service_pb2.GetRecommendationsRequest(limit=7)
                ),
                brain_service_pb2.GetRecommendationsRequest(limit=7),
            ),
            "WatchRecommendations": (
                lambda c: c.watch_recommendations(
                    brain_service_pb2.WatchRecommendationsRequest(
                        list=brain_service_pb2.GetRecommendationsRequest(limit=3)
                    ),
                    seconds=900,
                ),
                brain_service_pb2.WatchRecommendationsRequest(
                    list=brain_service_pb2.GetRecommendationsRequest(limit=3)
                ),
            ),
            "ObserveEvents": (
                lambda c: c.observe_events(
                    brain_service_pb2.ObserveEventRequest(event_id=name) for name in "ab"
                ),
                [
                    brain_service_pb2.ObserveEventsRequest(
                        event=brain_service_pb2.ObserveEventRequest(event_id=name)
                    )
                    for name in "ab"
                ],
            ),
            "PutProfile": (
                lambda c: c.put_profile(brain_service_pb2.Profile(profile_id="ann")),
                brain_service_pb2.PutProfileRequest(
                    profile=brain_service_pb2.Profile(profile_id="ann")
                ),
            ),
            "ListProfiles": (lambda c: c.list_profiles(), brain_service_pb2.ListProfilesRequest()),
            "DeleteProfile": (
                lambda c: c.delete_profile("ann"),
                brain_service_pb2.DeleteProfileRequest(profile_id="ann"),
            ),
            "ClearData": (
                lambda c: c.clear_data("4e9b7a5c-0f5e-4a67-9a4f-3f0a9c1d2b10"),
                brain_service_pb2.ClearDataRequest(
                    request_id="4e9b7a5c-0f5e-4a67-9a4f-3f0a9c1d2b10"
                ),
            ),
            "ObserveEvent": (
                lambda c: c.observe_event(brain_service_pb2.ObserveEventRequest(event_id="e")),
                brain_service_pb2.ObserveEventRequest(event_id="e"),
            ),
            "QueryMemory": (
                lambda c: c.query_memory(brain_service_pb2.QueryMemoryRequest(query_text="q")),
                brain_service_pb2.QueryMemoryRequest(query_text="q"),
            ),
            "UpsertContents": (
                lambda c: c.upsert_contents(brain_service_pb2.UpsertContentsRequest()),
                brain_service_pb2.UpsertContentsRequest(),
            ),
            "SyncNow": (lambda c: c.sync_now(), brain_service_pb2.SyncNowRequest()),
            "SetSyncOptions": (
                lambda c: c.set_sync_options(metered=False),
                brain_service_pb2.SetSyncOptionsRequest(metered=False),
            ),
            "GetStats": (lambda c: c.get_stats(), brain_service_pb2.GetStatsRequest()),
        },
    ),
    SYNC: (
        SyncClient,
        {
            "RegisterDevice": (
                lambda c: c.register_device(
                    sync_service_pb2.RegisterDeviceRequest(platform="test")
                ),
                sync_service_pb2.RegisterDeviceRequest(platform="test"),
            ),
            "Sync": (
                lambda c: c.sync(
                    sync_service_pb2.SyncRequest(state_version=3), credential=Shown("one")
                ),
                sync_service_pb2.SyncRequest(state_version=3),
            ),
            "StreamSync": (
                lambda c: c.stream_sync(
                    [sync_service_pb2.StreamSyncRequest(exchange=sync_service_pb2.SyncRequest())],
                    seconds=900,
                    credential=Shown("one"),
                ),
                [sync_service_pb2.StreamSyncRequest(exchange=sync_service_pb2.SyncRequest())],
            ),
            "GetResource": (
                lambda c: c.get_resource(CATALOGUE, 4, 9, credential=Shown("one")),
                sync_service_pb2.GetResourceRequest(kind=CATALOGUE, version=4, offset=9),
            ),
            "EraseDevice": (
                lambda c: c.erase_device(credential=Shown("one")),
                sync_service_pb2.EraseDeviceRequest(),
            ),
            "GetReportingKeys": (
                lambda c: c.get_reporting_keys(credential=Shown("one")),
                sync_service_pb2.GetReportingKeysRequest(),
            ),
            "IssueTokens": (
                lambda c: c.issue_tokens(
                    sync_service_pb2.IssueTokensRequest(epoch=8), credential=Shown("one")
                ),
                sync_service_pb2.IssueTokensRequest(epoch=8),
            ),
            "PushPatterns": (
                lambda c: c.push_patterns(
                    sync_service_pb2.PushPatternsRequest(sketches=b"s"), credential=Shown("one")
                ),
                sync_service_pb2.PushPatternsRequest(sketches=b"s"),
            ),
            "PullPatterns": (
                lambda c: c.pull_patterns(
                    sync_service_pb2.PullPatternsRequest(page=3), credential=Shown("one")
                ),
                sync_service_pb2.PullPatternsRequest(page=3),
            ),
        },
    ),
    CONSTELLATION: (
        ConstellationClient,
        {
            "GetHeads": (
                lambda c: c.get_heads(
                    constellation_service_pb2.GetHeadsRequest(revocations_after=2)
                ),
                constellation_service_pb2.GetHeadsRequest(revocations_after=2),
            ),
            "RegisterDevice": (
                lambda c: c.register_device(
                    constellation_service_pb2.RegisterDeviceRequest(platform="test")
                ),
                constellation_service_pb2.RegisterDeviceRequest(platform="test"),
            ),
            "IngestPatterns": (
                lambda c: c.ingest_patterns(constellation_service_pb2.IngestPatternsRequest()),
                constellation_service_pb2.IngestPatternsRequest(),
            ),
            "GetGlobalState": (
                lambda c: c.get_global_state(
                    constellation_service_pb2.GetGlobalStateRequest(state_version=2)
                ),
                constellation_service_pb2.GetGlobalStateRequest(state_version=2),
            ),
            "UpsertContents": (
                lambda c: c.upsert_contents(
                    constellation_service_pb2.UpsertContentsRequest(publish=True)
                ),
                constellation_service_pb2.UpsertContentsRequest(publish=True),
            ),
            "PublishCodebook": (
                lambda c: c.publish_codebook(b"body"),
                constellation_service_pb2.PublishCodebookRequest(body=b"body"),
            ),
            "GetResource": (
                lambda c: c.get_resource(CATALOGUE, 4, 9),
                constellation_service_pb2.GetResourceRequest(kind=CATALOGUE, version=4, offset=9),
            ),
            "EraseDevice": (
                lambda c: c.erase_device("tv-" + "0" * 32),
                constellation_service_pb2.EraseDeviceRequest(device_id="tv-" + "0" * 32),
            ),
            "GetClusterStatus": (
                lambda c: c.get_cluster_status(5),
                constellation_service_pb2.GetClusterStatusRequest(max_devices=5),
            ),
            "GetDirectory": (lambda c: c.get_directory(), directory_pb2.GetDirectoryRequest()),
            "AdoptDevices": (
                lambda c: c.adopt_devices(directory_pb2.AdoptDevicesRequest(from_shard="s")),
                directory_pb2.AdoptDevicesRequest(from_shard="s"),
            ),
            "SpendClaim": (
                lambda c: c.spend_claim("claim", "tv"),
                directory_pb2.SpendClaimRequest(claim="claim", device_id="tv"),
            ),
            "IssueTokens": (
                lambda c: c.issue_tokens(
                    constellation_service_pb2.IssueTokensRequest(device_id="tv", epoch=8)
                ),
                constellation_service_pb2.IssueTokensRequest(device_id="tv", epoch=8),
            ),
        },
    ),
    ADMIN: (
        AdminClient,
        {
            "CreateClaims": (
                lambda c: c.create_claims(2, timedelta(hours=1)),
                constellation_service_pb2.CreateClaimsRequest(
                    count=2, valid_for=duration_pb2.Duration(seconds=3_600)
                ),
            ),
            "RevokeDevice": (
                lambda c: c.revoke_device("tv"),
                constellation_service_pb2.RevokeDeviceRequest(device_id="tv"),
            ),
            "ListShards": (lambda c: c.list_shards(), admin_pb2.ListShardsRequest()),
            "GetShardStats": (
                lambda c: c.get_shard_stats("s", 5),
                admin_pb2.GetShardStatsRequest(shard="s", minutes=5),
            ),
            "PublishDirectory": (
                lambda c: c.publish_directory(directory_pb2.Directory(version=3)),
                directory_pb2.PublishDirectoryRequest(directory=directory_pb2.Directory(version=3)),
            ),
            "ListDevices": (
                lambda c: c.list_devices(admin_pb2.ListDevicesRequest(shard="s")),
                admin_pb2.ListDevicesRequest(shard="s"),
            ),
            "GetDevice": (
                lambda c: c.get_device("tv"),
                admin_pb2.GetDeviceRequest(device_id="tv"),
            ),
            "EraseDevice": (
                lambda c: c.erase_device("tv"),
                admin_pb2.AdminServiceEraseDeviceRequest(device_id="tv"),
            ),
            "ListContents": (
                lambda c: c.list_contents(admin_pb2.ListContentsRequest(title_prefix="a")),
                admin_pb2.ListContentsRequest(title_prefix="a"),
            ),
            "ListTrends": (
                lambda c: c.list_trends("eu"),
                admin_pb2.ListTrendsRequest(region="eu"),
            ),
            "TriggerFederation": (
                lambda c: c.trigger_federation("r", refresh=True),
                admin_pb2.TriggerFederationRequest(request_id="r", refresh=True),
            ),
            "ListRounds": (
                lambda c: c.list_rounds(5, 9),
                admin_pb2.ListRoundsRequest(page_size=5, before_round_id=9),
            ),
            "ListAudit": (
                lambda c: c.list_audit(5, 9),
                admin_pb2.ListAuditRequest(page_size=5, before_entry_id=9),
            ),
            "ListReleases": (
                lambda c: c.list_releases(5, before=9),
                release_pb2.ListReleasesRequest(page_size=5, before_release_id=9),
            ),
            "EndRelease": (
                lambda c: c.end_release(4, complete=True),
                release_pb2.EndReleaseRequest(release_id=4, complete=True),
            ),
        },
    ),
    FEDERATION: (
        FederationClient,
        {
            "RunRound": (
                lambda c: c.run_round(federation_service_pb2.RunRoundRequest(request_id="r")),
                federation_service_pb2.RunRoundRequest(request_id="r"),
            ),
            "GetRound": (
                lambda c: c.get_round(8),
                federation_service_pb2.GetRoundRequest(round_id=8),
            ),
            "ListRounds": (
                lambda c: c.list_rounds(5, 9),
                federation_service_pb2.ListRoundsRequest(page_size=5, before_round_id=9),
            ),
        },
    ),
    RANDOMNESS: (
        RandomnessClient,
        {
            "GetPublicKey": (
                lambda c: c.get_public_key(8),
                randomness_service_pb2.GetPublicKeyRequest(epoch=8),
            ),
            "Evaluate": (
                lambda c: c.evaluate(8, [b"e"]),
                randomness_service_pb2.EvaluateRequest(epoch=8, blinded=[b"e"]),
            ),
        },
    ),
    RELAY: (
        RelayClient,
        {
            "Forward": (
                lambda c: c.forward(b"e"),
                relay_service_pb2.ForwardRequest(encapsulated=b"e"),
            ),
            "GetReportingKeys": (
                lambda c: c.get_reporting_keys(),
                relay_service_pb2.RelayServiceGetReportingKeysRequest(),
            ),
        },
    ),
    GATEWAY: (
        GatewayClient,
        {
            "Handle": (
                lambda c: c.handle(b"e"),
                relay_service_pb2.HandleRequest(encapsulated=b"e"),
            ),
            "GetReportingKeys": (
                lambda c: c.get_reporting_keys(),
                relay_service_pb2.GatewayServiceGetReportingKeysRequest(),
            ),
        },
    ),
}


class Recording:
    """Answers every method of one service with an empty message; keeps what it saw."""

    def __init__(self, service: str) -> None:
        self.seen: list[tuple[str, Sent, float, dict[str, str | bytes]]] = []
        methods = descriptor_pool.Default().FindServiceByName(service).methods
        for method in methods:
            answer = message_factory.GetMessageClass(method.output_type)
            setattr(self, method.name, self._handler(method.name, answer, method.server_streaming))

    def _handler(
        self, name: str, answer: type[Message], streams: bool
    ) -> Callable[[Message, grpc.ServicerContext], object]:
        def handle(request: Message | Iterator[Message], context: grpc.ServicerContext) -> object:
            left = context.time_remaining()
            assert left is not None
            sent = request if isinstance(request, Message) else list(request)
            self.seen.append((name, sent, left, dict(context.invocation_metadata())))
            return iter(()) if streams else answer()

        return handle


@pytest.mark.parametrize("service", CALLS)
def test_every_method_is_called_with_its_message_and_a_deadline(
    serve: Serve, dial: Callable[..., Any], service: str
) -> None:
    kind, calls = CALLS[service]
    servicer = Recording(service)
    client = dial(kind.__name__, serve(service, servicer))
    for call, _ in calls.values():
        answer = call(client)
        if isinstance(answer, Watch):
            assert list(answer) == []
    assert [(name, request) for name, request, _, _ in servicer.seen] == [
        (name, request) for name, (_, request) in calls.items()
    ]
    assert all(1 < left <= 3_600 * ROUNDED_UP for _, _, left, _ in servicer.seen)
    methods = descriptor_pool.Default().FindServiceByName(service).methods
    assert {method.name for method in methods} == set(calls)


class Away:
    """Takes no call, and counts by method."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[[object, grpc.ServicerContext], None]:
        def refuse(_: object, context: grpc.ServicerContext) -> None:
            self.asked[name] += 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")

        return refuse


@pytest.mark.parametrize("service", CALLS)
def test_what_was_not_taken_is_sent_again_unless_it_may_happen_once_only(
    serve_plain: Serve, service: str
) -> None:
    kind, calls = CALLS[service]
    servicer = Away()

    async def refused(call: Callable[[Any], Any], client: aio.ServiceClient) -> str:
        answer = call(client)
        with pytest.raises(ServiceError) as caught:
            await (anext(answer) if isinstance(answer, aio.Watch) else answer)
        return caught.value.status

    async def ask() -> list[str]:
        async with getattr(aio, kind.__name__)(serve_plain(service, servicer)) as client:
            return await asyncio.gather(*(refused(call, client) for call, _ in calls.values()))

    assert set(run(ask())) == {"UNAVAILABLE"}
    once = {name.removeprefix(f"{service}/") for name in kind.single}
    if service == SYNC:
        once |= {"GetResource", "StreamSync"}
    assert servicer.asked == {name: 1 if name in once else 3 for name in calls}


def test_the_clients_own_timeout_replaces_every_default(
    serve: Serve, dial: Callable[..., Any]
) -> None:
    servicer = Recording(FEDERATION)
    client = dial("FederationClient", serve(FEDERATION, servicer), timeout=7)
    client.get_round(1)
    client.run_round(federation_service_pb2.RunRoundRequest())
    assert all(1 < left <= 7 * ROUNDED_UP for _, _, left, _ in servicer.seen)


def test_one_call_may_have_a_deadline_of_its_own(serve: Serve, dial: Callable[..., Any]) -> None:
    servicer = Recording(FEDERATION)
    client = dial("FederationClient", serve(FEDERATION, servicer), timeout=7)
    client.within(900).get_round(1)
    client.get_round(2)
    longer, usual = (left for _, _, left, _ in servicer.seen)
    assert 7 * ROUNDED_UP < longer <= 900 * ROUNDED_UP
    assert usual <= 7 * ROUNDED_UP
    with pytest.raises(OmegaError, match="seconds must be between"):
        client.within(0)


class Shown:
    """A credential whose metadata tells how often it was asked for."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.made = 0

    def metadata(self, method: str) -> tuple[tuple[str, str], ...]:
        self.made += 1
        return (("authorization", f"DPoP {self.token}"), ("dpop", f"{method} {self.made}"))


def test_credentials_travel_with_the_calls_of_their_device(serve: Serve) -> None:
    servicer = Recording(SYNC)
    with SyncClient(serve(SYNC, servicer)) as client:
        client.register_device(sync_service_pb2.RegisterDeviceRequest())
        client.sync(sync_service_pb2.SyncRequest(), credential=Shown("one"))
        list(client.get_resource(CATALOGUE, 1, credential=Shown("two")))
        client.erase_device(credential=Shown("three"))
    sent = [(m.get("authorization"), m.get("dpop")) for _, _, _, m in servicer.seen]
    assert sent == [
        (None, None),
        ("DPoP one", f"/{SYNC}/Sync 1"),
        ("DPoP two", f"/{SYNC}/GetResource 1"),
        ("DPoP three", f"/{SYNC}/EraseDevice 1"),
    ]


@pytest.mark.parametrize(
    ("refusals", "code", "answered"),
    [
        (2, grpc.StatusCode.UNAVAILABLE, True),
        (3, grpc.StatusCode.UNAVAILABLE, False),
        (1, grpc.StatusCode.INTERNAL, False),
    ],
)
def test_a_call_that_was_not_taken_is_sent_again_with_another_proof(
    refusals: int, code: grpc.StatusCode, answered: bool
) -> None:
    """The gateway takes each proof once."""
    gateway, key = Gateway(), DeviceKey.generate()
    gateway.faults.extend([Fault(code)] * refusals)
    request = sync_service_pb2.RegisterDeviceRequest(request_id=str(uuid.uuid4()))
    with serving(gateway) as address, SyncClient(address) as client:
        token = client.register_device(request, credential=Prover(key)).auth_token
        if answered:
            client.sync(sync_service_pb2.SyncRequest(), credential=Prover(key, token))
        else:
            with pytest.raises(ServiceError) as failed:
                client.sync(sync_service_pb2.SyncRequest(), credential=Prover(key, token))
            assert failed.value.status == code.name
    assert len(gateway.requests) == min(refusals + answered, 3)


class Silent:
    """Answers nothing until it is released."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def GetStats(  # noqa: N802 - the contract's name
        self, _request: brain_service_pb2.GetStatsRequest, _context: grpc.ServicerContext
    ) -> brain_service_pb2.GetStatsResponse:
        self.released.wait(30)
        return brain_service_pb2.GetStatsResponse()


def test_a_server_that_does_not_answer_costs_no_more_than_the_deadline(serve: Serve) -> None:
    servicer = Silent()
    with BrainClient(serve(BRAIN, servicer), timeout=0.3) as client:
        with pytest.raises(ServiceError) as caught:
            client.get_stats()
        servicer.released.set()
    assert (caught.value.status, caught.value.reason) == ("DEADLINE_EXCEEDED", "")


@pytest.mark.parametrize("timeout", [0.0, -1.0, 86_401.0, float("nan")])
def test_a_timeout_out_of_bounds_is_refused(timeout: float) -> None:
    with pytest.raises(OmegaError, match="timeout must be between"):
        BrainClient("127.0.0.1:1", timeout=timeout)


def test_a_closed_client_may_be_closed_again() -> None:
    client = BrainClient("127.0.0.1:1")
    client.close()
    client.close()


class Owner:
    """Notes what reached it."""

    def __init__(self) -> None:
        self.left = 0.0
        self.request_id: str | bytes = ""

    def GetClusterStatus(  # noqa: N802 - the contract's name
        self,
        _request: constellation_service_pb2.GetClusterStatusRequest,
        context: grpc.ServicerContext,
    ) -> constellation_service_pb2.GetClusterStatusResponse:
        self.left = context.time_remaining() or 0.0
        self.request_id = dict(context.invocation_metadata())["x-request-id"]
        return constellation_service_pb2.GetClusterStatusResponse()


class Between:
    """Asks the owner while it answers."""

    def __init__(self, owner: ConstellationClient) -> None:
        self._owner = owner

    def RegisterDevice(  # noqa: N802 - the contract's name
        self,
        _request: sync_service_pb2.RegisterDeviceRequest,
        _context: grpc.ServicerContext,
    ) -> sync_service_pb2.RegisterDeviceResponse:
        self._owner.get_cluster_status()
        return sync_service_pb2.RegisterDeviceResponse()


def test_a_call_within_a_call_keeps_its_deadline_and_its_id(serve: Serve) -> None:
    owner = Owner()
    with (
        ConstellationClient(serve(CONSTELLATION, owner), timeout=600) as inner,
        grpc.insecure_channel(serve(SYNC, Between(inner))) as channel,
    ):
        register = channel.unary_unary(
            f"/{SYNC}/RegisterDevice",
            request_serializer=sync_service_pb2.RegisterDeviceRequest.SerializeToString,
            response_deserializer=sync_service_pb2.RegisterDeviceResponse.FromString,
        )
        register(
            sync_service_pb2.RegisterDeviceRequest(),
            timeout=20,
            metadata=(("x-request-id", "trace-7"),),
        )
    assert owner.request_id == "trace-7"
    assert 0 < owner.left <= 20 * ROUNDED_UP


@pytest.fixture
def directory() -> Iterator[Path]:
    # A socket's path holds at most 107 bytes, which pytest's own directories can exceed.
    with tempfile.TemporaryDirectory(prefix="omega-") as made:
        yield Path(made)


def test_a_unix_socket_is_reached(serve: Serve, directory: Path) -> None:
    servicer = Recording(BRAIN)
    config = ServerConfig(f"unix:{directory}/brain.sock", grace_seconds=0)
    with BrainClient(serve(BRAIN, servicer, config)) as client:
        client.get_stats()
    assert [name for name, *_ in servicer.seen] == ["GetStats"]


def test_a_unix_socket_is_called_localhost_on_the_wire(directory: Path) -> None:
    path = directory / "brain.sock"
    with socket.socket(socket.AF_UNIX) as listener, BrainClient(f"unix:{path}") as client:
        listener.bind(str(path))
        listener.listen()
        caller = threading.Thread(target=_ignoring_the_end, args=(client.get_stats,))
        caller.start()
        peer, _ = listener.accept()
        with peer:
            peer.sendall(EMPTY_SETTINGS)
            received = b""
            while b"user-agent" not in received:
                received += peer.recv(65_536)
            client.close()
        caller.join()
    assert b":authority\tlocalhost" in received  # the tab is the length, 9
    assert str(path).encode() not in received


def _ignoring_the_end(call: Callable[[], object]) -> None:
    with contextlib.suppress(ServiceError):
        call()


def test_a_server_with_tls_is_reached_by_those_who_trust_it(serve: Serve, tmp_path: Path) -> None:
    files = Certificates(tmp_path)
    config = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=files.server_certificate,
        tls_key=files.server_key,
        grace_seconds=0,
    )
    address = serve(FEDERATION, Recording(FEDERATION), config)
    with FederationClient(address, tls=ClientTls(ca=files.ca)) as client:
        assert client.get_round(1) == federation_service_pb2.GetRoundResponse()
    with (
        FederationClient(address, timeout=20) as client,
        pytest.raises(ServiceError) as caught,
    ):
        client.get_round(1)
    assert caught.value.status == "UNAVAILABLE"
    with pytest.raises(OmegaError, match="tls_ca"):
        FederationClient(address, tls=ClientTls(ca=tmp_path / "absent.pem"))
