from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import grpc
import pytest

from omega_rpc import call, layers
from omega_rpc.chain import Chain
from omega_rpc.channel import connect
from omega_testing import probe
from omega_testing.probe import ProbeClient


def test_a_handler_learns_what_is_left(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    channel = dial(serve(lambda longest: str(call.remaining(float(longest))).encode()))
    remaining = ProbeClient(channel).unary
    assert float(remaining(b"1000")) == 1000
    # grpc rounds a deadline up on its way.
    assert 0 < float(remaining(b"1000", timeout=30)) < 32
    assert float(remaining(b"2.5", timeout=30)) == 2.5


def test_a_call_whose_time_is_over_never_reaches_its_handler(resources: ExitStack) -> None:
    reached: list[bytes] = []
    passed = threading.Event()

    @contextmanager
    def queue(_: call.Call) -> Iterator[None]:
        assert not passed.wait(0.2)
        yield

    @contextmanager
    def outermost(_: call.Call) -> Iterator[None]:
        try:
            yield
        finally:
            passed.set()

    def behaviour(request: bytes) -> bytes:
        reached.append(request)
        return request

    server = grpc.server(
        ThreadPoolExecutor(1),
        interceptors=[Chain([outermost, layers.errors, queue, layers.deadlines])],
    )
    binding = probe.probe(behaviour)
    binding.add(binding.servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    resources.callback(lambda: server.stop(0).wait())
    channel = resources.enter_context(connect(f"127.0.0.1:{port}", retries=False))
    with pytest.raises(grpc.RpcError) as caught:
        ProbeClient(channel).unary(b"late", timeout=0.1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert passed.wait(20)
    assert reached == []
