from __future__ import annotations

import threading
from collections.abc import Callable

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega_rpc.config import ServerConfig
from omega_rpc.server import Server
from omega_testing.probe import NAME, ProbeClient, await_health, probe

Open = Callable[[str], grpc.Channel]


@pytest.mark.parametrize("service", ["", NAME])
def test_health_follows_readiness(serve: Callable[..., str], dial: Open, service: str) -> None:
    ready = threading.Event()
    channel = dial(serve(readiness=ready.is_set))
    await_health(channel, serving=False, service=service)
    ready.set()
    await_health(channel, serving=True, service=service)
    ready.clear()
    await_health(channel, serving=False, service=service)


def test_a_readiness_check_that_fails_means_not_ready(
    serve: Callable[..., str], dial: Open, caplog: pytest.LogCaptureFixture
) -> None:
    broken = threading.Event()

    def readiness() -> bool:
        if broken.is_set():
            raise RuntimeError("the check itself is broken")
        return True

    channel = dial(serve(readiness=readiness))
    await_health(channel, serving=True)
    broken.set()
    await_health(channel, serving=False)
    assert "the readiness check failed" in caplog.text


def test_health_needs_no_token(serve: Callable[..., str], dial: Open) -> None:
    def refuse(method: str, _: object) -> None:
        raise AssertionError(method)

    await_health(dial(serve(authenticator=refuse)), serving=True)


def test_health_knows_no_other_service(serve: Callable[..., str], dial: Open) -> None:
    stub = health_pb2_grpc.HealthStub(dial(serve()))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="omega.testing.v1.Other"), timeout=20)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def first_refusal(channel: grpc.Channel) -> grpc.StatusCode:
    """Calls until a call fails."""
    stub = health_pb2_grpc.HealthStub(channel)
    while True:
        try:
            stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
        except grpc.RpcError as error:
            return error.code()


def test_a_stop_says_so_refuses_new_calls_and_lets_the_running_one_finish(dial: Open) -> None:
    entered, release = threading.Event(), threading.Event()

    def behaviour(request: bytes) -> bytes:
        entered.set()
        assert release.wait(20)
        return request

    config = ServerConfig("127.0.0.1:0", drain_seconds=0.5, grace_seconds=30)
    server = Server(config, [probe(behaviour)])
    address = server.start()
    channel, late = dial(address), dial(address)
    await_health(channel, serving=True)
    running = ProbeClient(channel).unary.future(b"under way", timeout=30)
    assert entered.wait(20)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    await_health(channel, serving=False)
    # A call that meets the stop itself is cancelled by grpc.
    assert first_refusal(late) in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert not running.done()
    release.set()
    assert running.result() == b"under way"
    stopping.join()


def test_watch_is_not_served(serve: Callable[..., str], dial: Open) -> None:
    stub = health_pb2_grpc.HealthStub(dial(serve()))
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=20))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_call_that_outlasts_the_grace_is_cancelled(dial: Open) -> None:
    entered, release = threading.Event(), threading.Event()

    def behaviour(request: bytes) -> bytes:
        entered.set()
        release.wait(20)
        return request

    server = Server(ServerConfig("127.0.0.1:0", grace_seconds=0), [probe(behaviour)])
    running = ProbeClient(dial(server.start())).unary.future(b"", timeout=20)
    assert entered.wait(20)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert running.code() in {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}
    release.set()
    stopping.join()


def test_stopping_twice_or_before_the_start_does_nothing() -> None:
    server = Server(ServerConfig("127.0.0.1:0", grace_seconds=0), [probe(bytes)])
    server.start()
    server.stop()
    server.stop()
    Server(ServerConfig("127.0.0.1:0"), [probe(bytes)]).stop()
