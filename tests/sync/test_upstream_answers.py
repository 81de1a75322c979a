"""What TVs get for what the constellation answers; a servicer of this file stands in for it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.constellation.v1 import constellation_service_pb2_grpc as upstream_grpc
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_core import limits
from omega_core.errors import CATALOGUE, ErrorCode, OmegaError
from omega_rpc import call as calls
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_rpc.status import from_rpc_error
from omega_rpc.tokens import TokenKeys
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.probe import await_health, running

DEVICE = "tv-" + "ab" * 16
REGISTERED = Timestamp(seconds=1_790_000_000)
CATALOGUE_KIND = resource_pb2.ResourceKind.RESOURCE_KIND_CATALOGUE


@dataclass
class StandIn(upstream_grpc.ConstellationServiceServicer):
    """Answers as it is told to, and remembers what it was asked."""

    failure: Exception | None = None
    outcome: upstream_pb.PushOutcome.ValueType = upstream_pb.PushOutcome.PUSH_OUTCOME_STORED
    retry_after: Duration = field(default_factory=lambda: Duration(seconds=600))
    chunks: int = 3
    ready: threading.Event = field(default_factory=threading.Event)
    asked: list[Any] = field(default_factory=list)
    request_ids: set[str] = field(default_factory=set)
    time_left: list[float] = field(default_factory=list)
    sent: int = 0
    left: threading.Event = field(default_factory=threading.Event)

    def RegisterDevice(  # noqa: N802 - name of the contract
        self, request: upstream_pb.RegisterDeviceRequest, context: grpc.ServicerContext
    ) -> upstream_pb.RegisterDeviceResponse:
        self._note(request, context)
        return upstream_pb.RegisterDeviceResponse(device_id=DEVICE, registered_at=REGISTERED)

    def IngestPatterns(  # noqa: N802 - name of the contract
        self, request: upstream_pb.IngestPatternsRequest, context: grpc.ServicerContext
    ) -> upstream_pb.IngestPatternsResponse:
        self._note(request, context)
        result = upstream_pb.PushResult(
            outcome=self.outcome, sketches=len(request.pushes[0].classes)
        )
        return upstream_pb.IngestPatternsResponse(results=[result])

    def GetGlobalState(  # noqa: N802 - name of the contract
        self, request: upstream_pb.GetGlobalStateRequest, context: grpc.ServicerContext
    ) -> upstream_pb.GetGlobalStateResponse:
        self._note(request, context)
        return upstream_pb.GetGlobalStateResponse(
            state_version=9,
            compression=resource_pb2.Compression.COMPRESSION_ZSTD,
            delta=b"delta",
            resources=[resource_pb2.ResourceInfo(kind=CATALOGUE_KIND, version=4)],
            retry_after=self.retry_after,
        )

    def GetResource(  # noqa: N802 - name of the contract
        self, request: upstream_pb.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[upstream_pb.GetResourceResponse]:
        self._note(request, context)
        try:
            for position in range(self.chunks):
                self.sent += 1
                yield upstream_pb.GetResourceResponse(
                    chunk=resource_pb2.ResourceChunk(
                        offset=position * limits.MAX_CHUNK, data=bytes(limits.MAX_CHUNK)
                    )
                )
        finally:
            self.left.set()

    def _note(self, request: Any, context: grpc.ServicerContext) -> None:
        self.asked.append(request)
        self.request_ids.add(calls.request_id())
        self.time_left.append(context.time_remaining())
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def upstream() -> StandIn:
    stand_in = StandIn()  # type: ignore[abstract]  # the operators' methods stay unimplemented
    stand_in.ready.set()
    return stand_in


@pytest.fixture
def token(keys: TokenKeys) -> str:
    return keys.sign(DEVICE, REGISTERED.ToDatetime(UTC))


@pytest.fixture
def channel(upstream: StandIn, key_file: Path, resources: ExitStack) -> grpc.Channel:
    """A channel to a gateway before the stand-in."""
    binding = Binding(
        "omega.constellation.v1.ConstellationService",
        upstream_grpc.add_ConstellationServiceServicer_to_server,
        upstream,
    )
    server = Server(
        ServerConfig("127.0.0.1:0", grace_seconds=0), [binding], readiness=upstream.ready.is_set
    )
    target = resources.enter_context(running(server))
    config = SyncConfig(token_keys=key_file, constellation_target=target, max_resource_streams=1)
    gateway = build(config, ServerConfig("127.0.0.1:0", grace_seconds=0))
    resources.callback(gateway.close)
    address = resources.enter_context(running(gateway.server))
    return resources.enter_context(connect(address, retries=False))


@pytest.fixture
def tv(channel: grpc.Channel) -> sync_service_pb2_grpc.SyncServiceStub:
    return sync_service_pb2_grpc.SyncServiceStub(channel)


@pytest.fixture
def bearer(token: str) -> dict[str, Any]:
    return {
        "timeout": 20,
        "metadata": (("authorization", f"Bearer {token}"), ("x-request-id", "from-the-tv")),
    }


def push(sketches: int = 1) -> pb.SyncRequest:
    return pb.SyncRequest(
        request_id=str(uuid.uuid4()),
        model_version="encoder-1",
        sketches=bytes(48 * sketches),
        classes=bytes(sketches),
    )


def registration() -> pb.RegisterDeviceRequest:
    return pb.RegisterDeviceRequest(request_id=str(uuid.uuid4()), platform="linux")


def wanted() -> pb.GetResourceRequest:
    return pb.GetResourceRequest(kind=CATALOGUE_KIND, version=4)


Tv = sync_service_pb2_grpc.SyncServiceStub
EACH = pytest.mark.parametrize(
    "ask",
    [
        lambda tv, bearer: tv.RegisterDevice(registration(), **bearer),
        lambda tv, bearer: tv.Sync(push(), **bearer),
        lambda tv, bearer: tv.Sync(push(0), **bearer),
        lambda tv, bearer: list(tv.GetResource(wanted(), **bearer)),
    ],
    ids=["RegisterDevice", "Sync", "Sync without sketches", "GetResource"],
)
Bearer = dict[str, Any]
Ask = Callable[[Tv, Bearer], object]


def refusal(ask: Ask, tv: Tv, bearer: Bearer) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        ask(tv, bearer)
    return caught.value


def passes_through(code: ErrorCode, upstream: StandIn, tv: Tv, bearer: Bearer, ask: Ask) -> None:
    upstream.failure = OmegaError(code, field="a_field", bound="a bound", detail="secret")
    error = refusal(ask, tv, bearer)
    assert error.code() is grpc.StatusCode[CATALOGUE[code].status]
    read = from_rpc_error(error)
    assert (read.code, read.field, read.bound) == (code, "a_field", "a bound")
    assert "secret" not in str(error)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_of_the_catalogue_passes_through(
    upstream: StandIn, tv: Tv, bearer: Bearer, code: ErrorCode
) -> None:
    passes_through(code, upstream, tv, bearer, lambda tv, bearer: tv.Sync(push(), **bearer))


@EACH
def test_an_error_passes_through_every_method(
    upstream: StandIn, tv: Tv, bearer: Bearer, ask: Ask
) -> None:
    passes_through(ErrorCode.OVERLOADED, upstream, tv, bearer, ask)


@EACH
def test_anything_else_is_internal_and_only_the_log_says_what(
    upstream: StandIn,
    tv: Tv,
    bearer: Bearer,
    ask: Ask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upstream.failure = RuntimeError("secret")
    with caplog.at_level(logging.ERROR, "omega_rpc"):
        error = refusal(ask, tv, bearer)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == CATALOGUE[ErrorCode.INTERNAL].text
    assert caplog.text.count("[from-the-tv]") == 2  # the stand-in's line and the gateway's


@EACH
def test_a_constellation_that_is_away_is_unavailable(
    key_file: Path, bearer: Bearer, ask: Ask, resources: ExitStack
) -> None:
    config = SyncConfig(token_keys=key_file, constellation_target="unix:/nowhere/omega.sock")
    gateway = build(config, ServerConfig("127.0.0.1:0", grace_seconds=0))
    resources.callback(gateway.close)
    address = resources.enter_context(running(gateway.server))
    channel = resources.enter_context(connect(address, retries=False))
    error = refusal(ask, sync_service_pb2_grpc.SyncServiceStub(channel), bearer)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert from_rpc_error(error).code is ErrorCode.UPSTREAM_UNAVAILABLE
    await_health(channel, serving=False)


@EACH
def test_the_request_id_and_the_deadline_go_along(
    upstream: StandIn, tv: Tv, bearer: Bearer, ask: Ask
) -> None:
    ask(tv, {**bearer, "timeout": 5})
    assert upstream.request_ids == {"from-the-tv"}
    assert max(upstream.time_left) < 6
    ask(tv, {**bearer, "timeout": None})
    assert max(upstream.time_left) < 310


def test_health_follows_the_constellations(upstream: StandIn, channel: grpc.Channel) -> None:
    await_health(channel, serving=True, service="omega.sync.v1.SyncService")
    upstream.ready.clear()
    await_health(channel, serving=False, service="omega.sync.v1.SyncService")
    upstream.ready.set()
    await_health(channel, serving=True)


def test_a_registration_answers_the_stored_identity(upstream: StandIn, tv: Tv, token: str) -> None:
    request = registration()
    answer = tv.RegisterDevice(request, timeout=20)
    assert answer == pb.RegisterDeviceResponse(
        device_id=DEVICE, auth_token=token, registered_at=REGISTERED
    )
    assert upstream.asked == [
        upstream_pb.RegisterDeviceRequest(request_id=request.request_id, platform="linux")
    ]


def test_an_exchange_stores_first_and_then_asks_for_news(
    upstream: StandIn, tv: Tv, bearer: Bearer
) -> None:
    request = push(2)
    request.state_version = 8
    request.held.add(kind=CATALOGUE_KIND, version=3)
    answer = tv.Sync(request, **bearer)
    assert upstream.asked == [
        upstream_pb.IngestPatternsRequest(
            pushes=[
                upstream_pb.DevicePush(
                    device_id=DEVICE,
                    request_id=request.request_id,
                    model_version="encoder-1",
                    sketches=bytes(96),
                    classes=bytes(2),
                )
            ]
        ),
        upstream_pb.GetGlobalStateRequest(device_id=DEVICE, state_version=8, held=request.held),
    ]
    assert (answer.accepted_sketches, answer.duplicate) == (2, False)
    assert (answer.state_version, answer.delta) == (9, b"delta")
    assert answer.compression == resource_pb2.Compression.COMPRESSION_ZSTD
    assert [resource.version for resource in answer.resources] == [4]


def test_an_exchange_without_sketches_only_asks_for_news(
    upstream: StandIn, tv: Tv, bearer: Bearer
) -> None:
    answer = tv.Sync(push(0), **bearer)
    assert [type(request) for request in upstream.asked] == [upstream_pb.GetGlobalStateRequest]
    assert (answer.accepted_sketches, answer.duplicate, answer.state_version) == (0, False, 9)


def test_a_repeated_push_is_said_to_be_one(upstream: StandIn, tv: Tv, bearer: Bearer) -> None:
    upstream.outcome = upstream_pb.PushOutcome.PUSH_OUTCOME_DUPLICATE
    answer = tv.Sync(push(3), **bearer)
    assert (answer.accepted_sketches, answer.duplicate) == (3, True)


def test_a_push_of_an_unknown_device_is_unauthenticated_and_brings_no_news(
    upstream: StandIn, tv: Tv, bearer: Bearer
) -> None:
    upstream.outcome = upstream_pb.PushOutcome.PUSH_OUTCOME_UNKNOWN_DEVICE
    error = refusal(lambda tv, bearer: tv.Sync(push(), **bearer), tv, bearer)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert [type(request) for request in upstream.asked] == [upstream_pb.IngestPatternsRequest]


@pytest.mark.parametrize(
    ("stated", "least", "most"),
    [(600, 480, 720), (1, 1, 1.2), (0, 1, 1), (86_400, 69_120, 86_400), (10**6, 86_400, 86_400)],
)
def test_the_retry_time_gets_a_jitter_and_stays_in_bounds(
    upstream: StandIn, tv: Tv, bearer: Bearer, stated: int, least: float, most: float
) -> None:
    upstream.retry_after = Duration(seconds=stated)
    waits = {
        tv.Sync(push(0), **bearer).retry_after.ToTimedelta().total_seconds() for _ in range(12)
    }
    assert least <= min(waits) <= max(waits) <= most
    assert (len(waits) > 1) == (least < most)


def test_a_body_comes_through_in_its_own_chunks(upstream: StandIn, tv: Tv, bearer: Bearer) -> None:
    request = pb.GetResourceRequest(kind=CATALOGUE_KIND, version=4, offset=7)
    chunks = [answer.chunk for answer in tv.GetResource(request, **bearer)]
    assert [chunk.offset for chunk in chunks] == [0, limits.MAX_CHUNK, 2 * limits.MAX_CHUNK]
    assert {len(chunk.data) for chunk in chunks} == {limits.MAX_CHUNK}
    assert upstream.asked == [
        upstream_pb.GetResourceRequest(kind=CATALOGUE_KIND, version=4, offset=7)
    ]


def test_a_slow_tv_slows_the_constellation_and_holds_no_other_up(
    upstream: StandIn, tv: Tv, bearer: Bearer
) -> None:
    upstream.chunks = 256
    body = tv.GetResource(wanted(), **bearer)
    next(body)
    # What is under way fits the windows of two connections: far from the 64 MiB of the body.
    tv.Sync(push(), **bearer)
    second = refusal(lambda tv, bearer: next(tv.GetResource(wanted(), **bearer)), tv, bearer)
    assert from_rpc_error(second).code is ErrorCode.OVERLOADED
    assert upstream.sent < 128
    body.cancel()


def test_a_tv_that_hangs_up_ends_the_stream_at_the_constellation(
    upstream: StandIn, tv: Tv, bearer: Bearer
) -> None:
    upstream.chunks = 256
    body = tv.GetResource(wanted(), **bearer)
    next(body)
    body.cancel()
    assert upstream.left.wait(20)
    assert upstream.sent < 256
    upstream.chunks = 1
    # The place of the stream is free again as soon as the gateway has noticed.
    while True:
        try:
            assert len(list(tv.GetResource(wanted(), **bearer))) == 1
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # noqa: PT017 - until then
        else:
            break
