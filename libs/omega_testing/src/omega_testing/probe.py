"""A service of raw bytes with a method of each arity, for tests of the gRPC plumbing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega_rpc.server import Binding
from omega_rpc.service import Server

A = TypeVar("A")

NAME = "omega.testing.v1.ProbeService"
"""Full name of the service."""
UNARY = f"/{NAME}/Unary"
SERVER_STREAM = f"/{NAME}/ServerStream"
CLIENT_STREAM = f"/{NAME}/ClientStream"
BIDI_STREAM = f"/{NAME}/BidiStream"


class ProbeClient:
    """The methods of the service."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.unary: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(UNARY)
        """bytes -> bytes."""
        self.server_stream: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(
            SERVER_STREAM
        )
        """bytes -> its answer, 3 times."""
        self.client_stream: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(
            CLIENT_STREAM
        )
        """stream of bytes -> the answers, joined."""
        self.bidi_stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            BIDI_STREAM
        )
        """stream of bytes -> an answer each."""


def probe(behaviour: Callable[[bytes], bytes]) -> Binding:
    """A binding whose methods answer `behaviour(request)`."""

    def unary(request: bytes, _: grpc.ServicerContext) -> bytes:
        return behaviour(request)

    def server_stream(request: bytes, _: grpc.ServicerContext) -> Iterator[bytes]:
        for _repetition in range(3):
            yield behaviour(request)

    def client_stream(requests: Iterable[bytes], _: grpc.ServicerContext) -> bytes:
        return b"".join(behaviour(request) for request in requests)

    def bidi_stream(requests: Iterable[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        for request in requests:
            yield behaviour(request)

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
        "BidiStream": grpc.stream_stream_rpc_method_handler(bidi_stream),
    }

    def add(_: object, server: grpc.Server) -> None:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))

    return Binding(NAME, add, behaviour)


@contextmanager
def running(server: Server) -> Iterator[str]:
    """Starts a server, gives its address, stops it."""
    address = server.start()
    try:
        yield address
    finally:
        server.stop()


def await_health(channel: grpc.Channel, *, serving: bool, service: str = "") -> None:
    """Waits until a server's health says so.

    Raises:
        TimeoutError: it did not within 20 s.
    """
    states = health_pb2.HealthCheckResponse
    wanted = states.SERVING if serving else states.NOT_SERVING
    request = health_pb2.HealthCheckRequest(service=service)
    stub = health_pb2_grpc.HealthStub(channel)
    deadline = time.monotonic() + 20
    while stub.Check(request, timeout=20, wait_for_ready=True).status != wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"health of {service!r} did not become {wanted}")
        time.sleep(0.02)


def eventually(
    ask: Callable[[], A],
    wanted: Callable[[A], object],
    *,
    what: str = "the answer",
    seconds: float = 20.0,
) -> A:
    """Repeats a question until the answer is as wanted; returns that answer.

    Args:
        ask: the question; what it raises ends the waiting.
        wanted: gives something true for a good answer.
        what: the answer is, for the error's text.
        seconds: time that it has, 0 or more.

    Raises:
        TimeoutError: it was not in time; the text ends with the last answer.
    """
    deadline = time.monotonic() + seconds
    while not wanted(answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} is still {answer!r}")
        time.sleep(0.02)
    return answer
