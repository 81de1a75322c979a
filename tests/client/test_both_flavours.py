"""What a client does when a server fails, refuses, dies or asks who calls: the same in threads and
on an event loop."""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import content_pb2, resource_pb2
from omega.sync.v1 import sync_service_pb2
from omega_client import ClientTls, ServiceError
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.config import ServerConfig
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover
from omega_testing.certificates import Certificates
from omega_testing.gateway import Fault, Gateway, serving
from omega_testing.probe import eventually
from omega_testing.processes import ServiceProcess

BRAIN = "omega.brain.v1.BrainService"
SYNC = "omega.sync.v1.SyncService"
Serve = Callable[..., str]
Dial = Callable[..., Any]


class Stats:
    """Answers GetStats with the number of calls, unless `refuse` ends the call."""

    def __init__(self, refuse: Callable[[int, grpc.ServicerContext], object]) -> None:
        self.refuse = refuse
        self.calls = 0

    def GetStats(  # noqa: N802 - the contract's name
        self, _request: pb.GetStatsRequest, context: grpc.ServicerContext
    ) -> pb.GetStatsResponse:
        self.calls += 1
        self.refuse(self.calls, context)
        return pb.GetStatsResponse(contents=self.calls)


def test_a_server_that_fails_twice_and_then_answers_is_no_error(
    serve_plain: Serve, dial: Dial
) -> None:
    def refuse(call: int, context: grpc.ServicerContext) -> None:
        if call <= 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")

    servicer = Stats(refuse)
    assert dial("BrainClient", serve_plain(BRAIN, servicer), timeout=20).get_stats().contents == 3
    assert servicer.calls == 3


def test_each_attempt_at_the_fleets_door_has_a_proof_of_its_own(dial: Dial) -> None:
    """The gateway takes each proof once."""
    gateway, key = Gateway(), DeviceKey.generate()
    request = sync_service_pb2.RegisterDeviceRequest(request_id=str(uuid.uuid4()))
    with serving(gateway) as address:
        client = dial("SyncClient", address)
        token = client.register_device(request, credential=Prover(key)).auth_token
        gateway.faults.extend([Fault(grpc.StatusCode.UNAVAILABLE)] * 2)
        client.sync(sync_service_pb2.SyncRequest(), credential=Prover(key, token))
    assert len(gateway.requests) == 3


def test_who_is_told_to_come_back_later_learns_when_and_does_not_try_before(
    serve: Serve, dial: Dial
) -> None:
    def refuse(_call: int, _context: grpc.ServicerContext) -> None:
        raise OmegaError(ErrorCode.RATE_LIMITED, field="device", retry_after=7.5)

    servicer = Stats(refuse)
    client = dial("BrainClient", serve(BRAIN, servicer))
    with pytest.raises(ServiceError) as caught:
        client.get_stats()
    error = caught.value
    assert (error.status, error.reason) == ("RESOURCE_EXHAUSTED", ErrorCode.RATE_LIMITED)
    assert (error.field, error.retry_after) == ("device", 7.5)
    assert error.request_id
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert servicer.calls == 1


def test_a_closed_client_says_so(serve: Serve, dial: Dial) -> None:
    client = dial("BrainClient", serve(BRAIN, Stats(lambda *_: None)))
    client.get_stats()
    client.close()
    client.close()
    for call in (
        client.get_stats,
        client.within(3).get_stats,
        lambda: list(client.watch_recommendations(pb.WatchRecommendationsRequest())),
        lambda: client.observe_events([]),
    ):
        with pytest.raises(ServiceError, match="CANCELLED: the client is closed"):
            call()


@pytest.fixture
def directory() -> Iterator[Path]:
    # A socket's path holds at most 107 bytes, which pytest's own directories can exceed.
    with tempfile.TemporaryDirectory(prefix="omega-") as made:
        yield Path(made)


def test_a_brain_that_was_killed_is_reached_again_by_the_same_client(
    dial: Dial, directory: Path
) -> None:
    environ = {
        "OMEGA_BRAIN_STORAGE_PATH": str(directory / "tv"),
        "OMEGA_BRAIN_ENCODER": "lexical",
        "OMEGA_BRAIN_LISTEN": f"unix:{directory}/brain.sock",
    }
    title = content_pb2.Content(
        content_id="title-1", title="Night Train", kind=content_pb2.CONTENT_KIND_MOVIE
    )
    event = pb.ObserveEventRequest(event_id="e1", content_id="title-1", watch_percentage=0.9)
    with ServiceProcess(["omega-brain"], environ) as process:
        client = dial("BrainClient", process.address, timeout=20)
        client.upsert_contents(pb.UpsertContentsRequest(contents=[title]))
        assert not client.observe_event(event).duplicate
        process.kill()
        with pytest.raises(ServiceError) as caught:
            client.observe_event(event)
        assert caught.value.status == "UNAVAILABLE"
        assert caught.value.not_taken
    with ServiceProcess(["omega-brain"], environ):
        # grpc dials again at most 5 seconds after the last attempt, and refuses calls until then.
        assert eventually(lambda: _duplicate(client, event), bool)
        assert client.get_stats().events == 1


def _duplicate(client: Any, event: pb.ObserveEventRequest) -> bool:
    """Whether an event was there already; False as well when nothing answers."""
    try:
        return bool(client.observe_event(event).duplicate)
    except ServiceError as error:
        if not error.not_taken:
            raise
        return False


def test_a_server_that_asks_who_calls_is_shown_a_certificate(
    serve: Serve, dial: Dial, tmp_path: Path
) -> None:
    files = Certificates(tmp_path)
    config = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=files.server_certificate,
        tls_key=files.server_key,
        tls_client_ca=files.ca,
        grace_seconds=0,
    )
    address = serve(BRAIN, Stats(lambda *_: None), config)
    shown = ClientTls(files.ca, files.client_certificate, files.client_key)
    assert dial("BrainClient", address, timeout=20, tls=shown).get_stats().contents == 1
    with pytest.raises(ServiceError) as caught:
        dial("BrainClient", address, timeout=20, tls=ClientTls(files.ca)).get_stats()
    assert caught.value.status == "UNAVAILABLE"


BODY = bytes(range(256)) * 4
INFO = resource_pb2.ResourceInfo(
    kind=resource_pb2.RESOURCE_KIND_FACTORS,
    version=3,
    size_bytes=len(BODY),
    sha256=hashlib.sha256(BODY).digest(),
)


class Library:
    """Sends a body in two chunks, the second of them as it is told."""

    def __init__(self, second: bytes) -> None:
        self.second = second
        self.asked: list[int] = []

    def GetResource(  # noqa: N802 - the contract's name
        self, request: sync_service_pb2.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[sync_service_pb2.GetResourceResponse]:
        self.asked.append(request.offset)
        first = resource_pb2.ResourceChunk(info=INFO, offset=request.offset, data=BODY[:512])
        if request.offset:
            first.data = BODY[request.offset :]
        yield sync_service_pb2.GetResourceResponse(chunk=first)
        if request.offset:
            return
        if not self.second:
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        second = resource_pb2.ResourceChunk(offset=512, data=self.second)
        yield sync_service_pb2.GetResourceResponse(chunk=second)


def test_a_download_that_broke_off_goes_on_where_it_stopped(serve_plain: Serve, dial: Dial) -> None:
    servicer = Library(b"")
    client = dial("SyncClient", serve_plain(SYNC, servicer), timeout=20)
    held = bytearray()
    with pytest.raises(ServiceError) as caught:
        client.download(INFO, into=held)
    assert (caught.value.status, bytes(held)) == ("UNAVAILABLE", BODY[:512])
    assert client.download(INFO, into=held) == BODY
    assert servicer.asked == [0, 512]


@pytest.mark.parametrize("second", [BODY[512:-1], BODY[512:] + b"x", BODY[512:-1] + b"\0"])
def test_a_body_that_is_not_the_announced_one_is_refused(
    serve: Serve, dial: Dial, second: bytes
) -> None:
    client = dial("SyncClient", serve(SYNC, Library(second)), timeout=20)
    with pytest.raises(OmegaError) as caught:
        client.download(INFO)
    assert caught.value.code == ErrorCode.CORRUPT_RESOURCE
