from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from omega_core.errors import invalid
from omega_rpc import call
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing import probe
from omega_testing.probe import ProbeClient

CHAIN_ID = (("x-request-id", "chain-9"),)
Open = Callable[[str], grpc.Channel]


def call_all(channel: grpc.Channel, requests: list[bytes]) -> dict[str, list[bytes]]:
    """The answers of each arity to the same requests."""
    arguments: dict[str, Any] = {"timeout": 20, "metadata": CHAIN_ID}
    return {
        "server": list(ProbeClient(channel).server_stream(requests[0], **arguments)),
        "client": [ProbeClient(channel).client_stream(iter(requests), **arguments)],
        "bidi": list(ProbeClient(channel).bidi_stream(iter(requests), **arguments)),
    }


def test_every_arity_answers_inside_the_chain(serve: Callable[..., str], dial: Open) -> None:
    channel = dial(serve(lambda request: request + call.request_id().encode()))
    assert call_all(channel, [b"a", b"b"]) == {
        "server": [b"achain-9"] * 3,
        "client": [b"achain-9bchain-9"],
        "bidi": [b"achain-9", b"bchain-9"],
    }


@pytest.mark.parametrize("arity", ["server_stream", "client_stream", "bidi_stream"])
def test_every_arity_fails_inside_the_chain(
    serve: Callable[..., str], dial: Open, arity: str
) -> None:
    def behaviour(_: bytes) -> bytes:
        raise invalid("the_field", "better")

    method = getattr(ProbeClient(dial(serve(behaviour))), arity)
    request: Any = b"" if arity == "server_stream" else iter([b""])
    with pytest.raises(grpc.RpcError) as caught:
        list(method(request, timeout=20))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "the_field must be better"


def test_what_was_sent_before_a_failure_arrives(serve: Callable[..., str], dial: Open) -> None:
    def behaviour(request: bytes) -> bytes:
        if request == b"bad":
            raise invalid("the_field", "better")
        return request

    answers = ProbeClient(dial(serve(behaviour))).bidi_stream(
        iter([b"one", b"two", b"bad"]), timeout=20
    )
    assert [next(answers), next(answers)] == [b"one", b"two"]
    with pytest.raises(grpc.RpcError) as caught:
        next(answers)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_stream_that_its_client_leaves_is_closed(dial: Open) -> None:
    closed = threading.Event()

    def endless(request: bytes, _: grpc.ServicerContext) -> Iterator[bytes]:
        try:
            while True:
                yield request
        finally:
            closed.set()

    def add(_: object, server: grpc.Server) -> None:
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Endless": grpc.unary_stream_rpc_method_handler(endless)
        }
        handler = grpc.method_handlers_generic_handler("omega.testing.v1.Endless", handlers)
        server.add_generic_rpc_handlers((handler,))

    binding = Binding("omega.testing.v1.Endless", add, None)
    server = Server(ServerConfig("127.0.0.1:0", grace_seconds=0), [binding])
    with probe.running(server) as address:
        method: grpc.UnaryStreamMultiCallable[bytes, bytes] = dial(address).unary_stream(
            "/omega.testing.v1.Endless/Endless"
        )
        answers = method(b"x", timeout=20)
        assert next(answers) == b"x"
        answers.cancel()
        assert closed.wait(20)
