"""The relay as a process, before a gateway that reads what it hands on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from omega.threshold.v1 import relay_service_pb2 as pb
from omega.threshold.v1 import relay_service_pb2_grpc
from omega_client import RelayClient, ServiceError
from omega_core.errors import ErrorCode
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing.processes import ServiceProcess, free_port
from omega_threshold.envelope import Gateway, encapsulate, pad, unpad

PROGRAM = str(Path(sys.prefix) / "bin" / "omega-relay")
KEYS = Gateway({1: b"\2" * 32})
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Reader(relay_service_pb2_grpc.GatewayServiceServicer):
    """Answers what it read backwards, and keeps what it could see of a call."""

    seen: list[tuple[pb.HandleRequest, dict[str, str | bytes], str]] = field(default_factory=list)
    answers: Callable[[bytes], bytes] = lambda answer: answer

    def Handle(  # noqa: N802 - named by the contract
        self, request: pb.HandleRequest, context: grpc.ServicerContext
    ) -> pb.HandleResponse:
        self.seen.append((request, dict(context.invocation_metadata()), context.peer()))
        message, exchange = KEYS.decapsulate(request.encapsulated)
        answer = exchange.seal(pad(unpad(message)[::-1], 64))
        return pb.HandleResponse(encapsulated=self.answers(answer))

    def GetReportingKeys(  # noqa: N802 - named by the contract
        self, request: pb.GatewayServiceGetReportingKeysRequest, context: grpc.ServicerContext
    ) -> pb.GatewayServiceGetReportingKeysResponse:
        raise NotImplementedError  # no keys are told here: tests/relay/test_keys.py


@pytest.fixture(scope="module")
def target() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def reader(target: str) -> Iterator[Reader]:
    """A gateway that serves for one test."""
    reader = Reader()
    binding = Binding(
        "omega.threshold.v1.GatewayService",
        relay_service_pb2_grpc.add_GatewayServiceServicer_to_server,
        reader,
    )
    server = Server(ServerConfig(listen=target), [binding])
    server.start()
    yield reader
    server.stop()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("relay")


@pytest.fixture(scope="module")
def process(target: str, log: Path) -> Iterator[ServiceProcess]:
    settings = {
        "OMEGA_RELAY_LISTEN": "127.0.0.1:0",
        "OMEGA_RELAY_GATEWAY_TARGET": target,
        "OMEGA_LOG_LEVEL": "INFO",
    }
    with ServiceProcess(["omega-relay"], settings, directory=log) as started:
        yield started


@pytest.fixture
def relay(process: ServiceProcess) -> Iterator[RelayClient]:
    with RelayClient(process.address) as client:
        yield client


def test_a_gateway_reads_and_answers_through_it(relay: RelayClient, reader: Reader) -> None:
    for message in (b"a report", b"another one"):
        sent, exchange = encapsulate(KEYS.config(1), pad(message, 64))
        answer = relay.forward(sent).encapsulated
        assert unpad(exchange.open(answer)) == message[::-1]
    assert len({len(request.encapsulated) for request, _, _ in reader.seen}) == 1


def test_nothing_of_the_caller_goes_on(process: ServiceProcess, reader: Reader) -> None:
    """Neither metadata nor trace, nor bytes that hide in fields of other contracts."""
    sent, _ = encapsulate(KEYS.config(1), pad(b"a report", 64))
    request = pb.ForwardRequest(encapsulated=sent)
    smuggled = request.SerializeToString() + b"\x52\x05tv-42"
    told: tuple[tuple[str, str | bytes], ...] = (
        ("authorization", "DPoP tv-42"),
        ("x-request-id", "tv-42"),
        ("traceparent", TRACE),
        ("user-agent-of-tv", "tv-42"),
    )
    with grpc.insecure_channel(process.address) as channel:
        forward: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/omega.threshold.v1.RelayService/Forward"
        )
        forward(smuggled, metadata=told, timeout=30)
    ((request_seen, metadata, peer),) = reader.seen
    assert (
        request_seen.SerializeToString() == pb.HandleRequest(encapsulated=sent).SerializeToString()
    )
    assert set(metadata) <= {"user-agent"}
    assert "tv-42" not in f"{metadata}{peer}"


@pytest.mark.parametrize("length", [0, 54, 8_193])
def test_what_is_out_of_bounds_does_not_go_on(
    relay: RelayClient, reader: Reader, length: int
) -> None:
    with pytest.raises(ServiceError, match="encapsulated must be 55 to 8,192 bytes"):
        relay.forward(os.urandom(length))
    assert reader.seen == []


def test_what_a_gateway_cannot_read_is_refused_by_it(relay: RelayClient, reader: Reader) -> None:
    with pytest.raises(ServiceError) as refused:
        relay.forward(os.urandom(100))
    assert refused.value.reason == ErrorCode.INVALID_FIELD
    assert len(reader.seen) == 1


@pytest.mark.parametrize("answer", [b"", bytes(31), bytes(8_193)])
def test_an_answer_out_of_bounds_goes_nowhere(
    relay: RelayClient, reader: Reader, answer: bytes
) -> None:
    reader.answers = lambda _: answer
    sent, _ = encapsulate(KEYS.config(1), pad(b"a report", 64))
    with pytest.raises(ServiceError) as refused:
        relay.forward(sent)
    assert refused.value.reason == ErrorCode.UPSTREAM_UNAVAILABLE


def test_without_its_gateway_it_says_so_and_then_goes_on(
    relay: RelayClient, request: pytest.FixtureRequest
) -> None:
    sent, exchange = encapsulate(KEYS.config(1), pad(b"a report", 64))
    with pytest.raises(ServiceError) as refused:
        relay.within(5).forward(sent)
    assert refused.value.reason in {ErrorCode.UPSTREAM_UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED}
    request.getfixturevalue("reader")
    answer = relay.within(30).forward(sent).encapsulated
    assert unpad(exchange.open(answer)) == b"a report"[::-1]


def test_nothing_of_a_caller_is_written_down(
    relay: RelayClient, reader: Reader, log: Path, target: str
) -> None:
    relay.forward(encapsulate(KEYS.config(1), pad(b"a report", 64))[0])
    with pytest.raises(ServiceError):
        relay.forward(os.urandom(100))
    assert len(reader.seen) == 2
    lines = (log / "omega-relay.log").read_text("utf-8").splitlines()
    assert any("RelayService/Forward: " in line for line in lines)
    # Of addresses, the gateway's alone: another test may have found it gone.
    told = "\n".join(lines).replace(target, "")
    assert "127.0.0.1" not in told


def test_a_network_has_a_rate(target: str, reader: Reader) -> None:
    settings = {
        "OMEGA_RELAY_LISTEN": "127.0.0.1:0",
        "OMEGA_RELAY_GATEWAY_TARGET": target,
        "OMEGA_RELAY_CALLS_PER_MINUTE": "0.1",
        "OMEGA_RELAY_CALL_BURST": "2",
    }
    sent, _ = encapsulate(KEYS.config(1), pad(b"a report", 64))
    with (
        ServiceProcess(["omega-relay"], settings) as process,
        RelayClient(process.address) as relay,
    ):
        for _ in range(2):
            relay.forward(sent)
        for call in (lambda: relay.forward(sent), relay.get_reporting_keys):
            with pytest.raises(ServiceError) as refused:
                call()
            told = refused.value
            assert (told.reason, told.field) == (ErrorCode.RATE_LIMITED, "network")
    assert len(reader.seen) == 2


def test_without_a_gateway_it_does_not_start() -> None:
    done = subprocess.run(
        [PROGRAM, "--check-config"], env={}, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 78
    assert "OMEGA_RELAY_GATEWAY_TARGET must be set" in done.stderr
