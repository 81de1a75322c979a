"""Probes that speak no TLS ask at an address of their own, which answers nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from omega_core.errors import OmegaError
from omega_rpc.aio.gate import Gate
from omega_rpc.aio.server import Server as LoopServer
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.health import LIVE
from omega_rpc.probe import probe as asked
from omega_rpc.server import Server
from omega_testing.certificates import Certificates
from omega_testing.probe import NAME, ProbeClient, await_health, probe, running
from omega_testing.processes import free_port

Ready = Callable[[], bool]


def on_threads(config: ServerConfig, ready: Ready) -> Server:
    return Server(config, [probe(bytes)], readiness=ready)


def on_a_loop(config: ServerConfig, ready: Ready) -> LoopServer:
    async def readiness() -> bool:
        return ready()

    return LoopServer(config, [probe(bytes)], gate=Gate(), readiness=readiness)


kinds = pytest.mark.parametrize("make", [on_threads, on_a_loop])
Make = Callable[[ServerConfig, Ready], Server | LoopServer]


@pytest.fixture
def config(tmp_path: Path) -> ServerConfig:
    """A server that asks its clients for certificates, and a place for those who have none."""
    made = Certificates(tmp_path / "pki")
    return ServerConfig(
        "127.0.0.1:0",
        tls_certificate=made.server_certificate,
        tls_key=made.server_key,
        tls_client_ca=made.ca,
        health_listen="127.0.0.1:0",
        grace_seconds=0,
    )


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@kinds
def test_probes_without_tls_see_what_the_server_can(
    make: Make, config: ServerConfig, resources: ExitStack
) -> None:
    ready = threading.Event()
    server = make(config, ready.is_set)
    address = resources.enter_context(running(server))
    channel = resources.enter_context(connect(server.addresses["health_listen"], retries=False))
    for service in ("", NAME):
        await_health(channel, serving=False, service=service)
    await_health(channel, serving=True, service=LIVE)
    ready.set()
    for service in ("", NAME, LIVE):
        await_health(channel, serving=True, service=service)
    assert asked(address) != "", "the other address takes no one without TLS"


@kinds
def test_nothing_else_is_served_there(
    make: Make, config: ServerConfig, resources: ExitStack
) -> None:
    server = make(config, lambda: True)
    resources.enter_context(running(server))
    channel = resources.enter_context(connect(server.addresses["health_listen"], retries=False))
    await_health(channel, serving=True)
    with pytest.raises(grpc.RpcError) as caught:
        ProbeClient(channel).unary(b"", timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@kinds
def test_a_server_that_drains_lives(make: Make, config: ServerConfig, resources: ExitStack) -> None:
    server = make(replace(config, drain_seconds=0.6), lambda: True)
    server.start()
    channel = resources.enter_context(connect(server.addresses["health_listen"], retries=False))
    await_health(channel, serving=True)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    await_health(channel, serving=False)
    await_health(channel, serving=True, service=LIVE)
    stopping.join()
    assert asked(server.addresses["health_listen"]).startswith("UNAVAILABLE")


@kinds
def test_an_address_that_is_taken_is_named(make: Make, config: ServerConfig) -> None:
    taken = replace(config, health_listen=f"127.0.0.1:{free_port()}")
    with running(make(taken, lambda: True)):
        second = make(taken, lambda: True)
        with pytest.raises(OmegaError, match="health_listen must be an address of this machine"):
            second.start()


def test_it_may_be_a_socket(tmp_path: Path) -> None:
    config = ServerConfig("127.0.0.1:0", health_listen=f"unix:{tmp_path}/h", grace_seconds=0)
    for make in (on_threads, on_a_loop):
        with running(make(config, lambda: True)), connect(config.health_listen) as channel:
            await_health(channel, serving=True)


def test_a_server_of_this_machine_alone_keeps_its_health_there() -> None:
    config = ServerConfig("127.0.0.1:0", health_listen="0.0.0.0:50061")
    with pytest.raises(OmegaError, match="health_listen must be a loopback address"):
        Server(config, [probe(bytes)], local_only=True)
    with pytest.raises(OmegaError, match="health_listen must be HOST:PORT"):
        replace(config, health_listen="here")
