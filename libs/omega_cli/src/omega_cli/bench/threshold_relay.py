"""The relay's speed: a real process between a client and a gateway that only answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from omega.threshold.v1 import relay_service_pb2 as pb
from omega.threshold.v1 import relay_service_pb2_grpc
from omega_cli.bench.figures import Figure
from omega_cli.bench.proc import used_seconds
from omega_core import validate
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing.processes import ServiceProcess
from omega_threshold.intake import ANSWERED_BYTES, SENT_BYTES

_TIMEOUT = 60
_LANES = 4
"""Calls under way at once."""


@dataclass(frozen=True)
class RelayPlan:
    """Sizes of a run."""

    calls: int = 2_000
    """Calls of a run, 10 to 1,000,000."""
    runs: int = 5
    """Runs, of which the best counts, 1 to 100."""

    def __post_init__(self) -> None:
        validate.integer("calls", self.calls, 10, 1_000_000)
        validate.integer("runs", self.runs, 1, 100)


class _Gateway(relay_service_pb2_grpc.GatewayServiceServicer):
    """Answers bytes of the length of every answer."""

    def Handle(  # noqa: N802 - named by the contract
        self, request: pb.HandleRequest, context: grpc.ServicerContext
    ) -> pb.HandleResponse:
        del request, context
        return pb.HandleResponse(encapsulated=bytes(ANSWERED_BYTES))

    def GetReportingKeys(  # noqa: N802 - named by the contract
        self, request: pb.GatewayServiceGetReportingKeysRequest, context: grpc.ServicerContext
    ) -> pb.GatewayServiceGetReportingKeysResponse:
        """No keys: whoever is measured asks for none."""
        del request, context
        return pb.GatewayServiceGetReportingKeysResponse()


def measure(plan: RelayPlan, say: Callable[[str], None]) -> dict[str, Figure]:
    """Reports that a relay hands on, a core second of its process.

    Beside it stand bare calls to the same gateway with the same bytes, by the processor time of the
    gateway's process: what one gRPC call costs a server that does nothing.
    """
    report = os.urandom(SENT_BYTES)
    with _gateway() as (gateway_pid, target):
        settings = {
            "OMEGA_RELAY_LISTEN": "127.0.0.1:0",
            "OMEGA_RELAY_GATEWAY_TARGET": target,
            # All calls come from one network here.
            "OMEGA_RELAY_CALLS_PER_MINUTE": "1000000",
            "OMEGA_RELAY_CALL_BURST": "1000000",
        }
        with (
            ServiceProcess(["omega-relay"], settings) as relay,
            connect(relay.address) as to_relay,
            connect(target) as to_gateway,
        ):
            forward = relay_service_pb2_grpc.RelayServiceStub(to_relay).Forward
            handle = relay_service_pb2_grpc.GatewayServiceStub(to_gateway).Handle

            def relayed() -> None:
                forward(pb.ForwardRequest(encapsulated=report), timeout=_TIMEOUT)

            def bare() -> None:
                handle(pb.HandleRequest(encapsulated=report), timeout=_TIMEOUT)

            say("the relay")
            handed_on = plan.calls / _best(plan, relayed, relay.pid)
            say("bare calls to the gateway")
            plain = plan.calls / _best(plan, bare, gateway_pid)
    beside = {"bare gRPC calls": plain}
    return {"threshold_reports_relayed_s": Figure(handed_on, "a core second", "", beside)}


def _best(plan: RelayPlan, call: Callable[[], None], pid: int) -> float:
    """Least processor time of a process for so many calls, after one run that does not count."""
    return min(_used(plan, call, pid) for _ in range(plan.runs + 1))


def _used(plan: RelayPlan, call: Callable[[], None], pid: int) -> float:
    begun = used_seconds(pid)
    with ThreadPoolExecutor(_LANES) as lanes:
        for done in [lanes.submit(call) for _ in range(plan.calls)]:
            done.result()
    # The kernel counts in hundredths of a second.
    return max(used_seconds(pid) - begun, 0.01)


@contextmanager
def _gateway() -> Iterator[tuple[int, str]]:
    """A process that serves, its id and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the gateway has no output")
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("the gateway did not begin to serve")
        yield process.pid, address
    finally:
        process.communicate()


def serve() -> None:
    """The gateway, until its input ends."""
    binding = Binding(
        "omega.threshold.v1.GatewayService",
        relay_service_pb2_grpc.add_GatewayServiceServicer_to_server,
        _Gateway(),
    )
    server = Server(ServerConfig(listen="127.0.0.1:0"), [binding])
    print(server.start(), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    serve()
