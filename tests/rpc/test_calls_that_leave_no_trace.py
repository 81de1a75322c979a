"""Calls of threshold reports are counted and timed; no span, no trace and no log tells of one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import grpc
import pytest

from omega.threshold.v1 import relay_service_pb2 as pb
from omega.threshold.v1 import relay_service_pb2_grpc
from omega_core import spans
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import tracing
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing.probe import eventually, running
from omega_testing.recording import counting, recording


class Noting:
    """A gateway and a relay that note the metadata of their callers, and refuse."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str | bytes]] = []
        self.Handle = self.Forward = self.GetReportingKeys = self._refuse

    def _refuse(self, request: object, context: grpc.ServicerContext) -> None:
        del request
        self.seen.append(dict(context.invocation_metadata()))
        raise OmegaError(ErrorCode.OVERLOADED)


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.fixture
def channel(noting: Noting) -> Iterator[grpc.Channel]:
    add = relay_service_pb2_grpc
    bindings = [
        Binding("gateway", add.add_GatewayServiceServicer_to_server, noting),
        Binding("relay", add.add_RelayServiceServicer_to_server, noting),
    ]
    server = Server(ServerConfig("127.0.0.1:0", grace_seconds=0), bindings)
    with running(server) as address, connect(address, retries=False) as opened:
        yield opened


CALLS: dict[str, Callable[[grpc.Channel], object]] = {
    "Handle": lambda channel: relay_service_pb2_grpc.GatewayServiceStub(channel).Handle(
        pb.HandleRequest(), timeout=20
    ),
    "Forward": lambda channel: relay_service_pb2_grpc.RelayServiceStub(channel).Forward(
        pb.ForwardRequest(), timeout=20
    ),
}


@pytest.mark.parametrize(("method", "lines"), [("Handle", 0), ("Forward", 1)])
def test_such_calls_have_no_span_and_hand_no_trace_on(
    channel: grpc.Channel,
    noting: Noting,
    caplog: pytest.LogCaptureFixture,
    method: str,
    lines: int,
) -> None:
    with (
        recording() as recorded,
        counting(tracing) as counted,
        caplog.at_level(logging.INFO, "omega_rpc"),
    ):
        with spans.span("a TV's evening"), pytest.raises(grpc.RpcError):
            CALLS[method](channel)
        times = eventually(counted, lambda found: len(found) == 2)
    # It is counted on both sides, by method and status.
    assert set(times.values()) == {1}
    assert {name for name, _ in times} == {"rpc.server.call.duration", "rpc.client.call.duration"}
    assert [span.name for span in recorded.all()] == ["a TV's evening"]
    (metadata,) = noting.seen
    assert "traceparent" not in metadata
    # Whoever keeps a relay sees why calls fail; whoever takes reports does not see when.
    assert len([r for r in caplog.records if method in r.getMessage()]) == lines
