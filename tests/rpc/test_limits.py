from __future__ import annotations

import threading
from collections.abc import Callable

import grpc
import pytest

from omega_core.errors import ErrorCode
from omega_rpc.config import ServerConfig
from omega_rpc.status import from_rpc_error
from omega_testing.probe import ProbeClient

MEBIBYTE = 1024 * 1024


def test_calls_beyond_the_limit_are_refused_at_once(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    entered, release = threading.Event(), threading.Event()

    def behaviour(request: bytes) -> bytes:
        entered.set()
        assert release.wait(20)
        return request

    config = ServerConfig("127.0.0.1:0", max_concurrent_rpcs=1, grace_seconds=0)
    method = ProbeClient(dial(serve(behaviour, config))).unary
    first = method.future(b"first", timeout=20)
    assert entered.wait(20)
    with pytest.raises(grpc.RpcError) as caught:
        method(b"second", timeout=20)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert from_rpc_error(caught.value).code is ErrorCode.OVERLOADED
    release.set()
    assert first.result() == b"first"


def test_a_message_of_5_mebibytes_is_refused_and_the_connection_lives_on(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    method = ProbeClient(dial(serve(lambda request: str(len(request)).encode()))).unary
    with pytest.raises(grpc.RpcError) as caught:
        method(b"x" * 5 * MEBIBYTE, timeout=20)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert method(b"x" * 3 * MEBIBYTE, timeout=20) == str(3 * MEBIBYTE).encode()


def test_a_client_takes_no_answer_of_5_mebibytes(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    method = ProbeClient(dial(serve(lambda _: b"x" * 5 * MEBIBYTE))).unary
    with pytest.raises(grpc.RpcError) as caught:
        method(b"", timeout=20)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
