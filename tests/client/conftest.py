from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

import omega_client
from omega.brain.v1 import brain_service_pb2_grpc as brain
from omega.constellation.v1 import constellation_service_pb2_grpc as constellation
from omega.federation.v1 import federation_service_pb2_grpc as federation
from omega.sync.v1 import sync_service_pb2_grpc as sync
from omega.threshold.v1 import randomness_service_pb2_grpc as randomness
from omega.threshold.v1 import relay_service_pb2_grpc as relay
from omega_client import aio
from omega_rpc.aio.loop import run
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing.probe import running

ADDERS: dict[str, Callable[[Any, grpc.Server], None]] = {
    "omega.brain.v1.BrainService": brain.add_BrainServiceServicer_to_server,
    "omega.sync.v1.SyncService": sync.add_SyncServiceServicer_to_server,
    "omega.constellation.v1.ConstellationService": (
        constellation.add_ConstellationServiceServicer_to_server
    ),
    "omega.constellation.v1.AdminService": constellation.add_AdminServiceServicer_to_server,
    "omega.federation.v1.FederationService": federation.add_FederationServiceServicer_to_server,
    "omega.threshold.v1.RandomnessService": randomness.add_RandomnessServiceServicer_to_server,
    "omega.threshold.v1.RelayService": relay.add_RelayServiceServicer_to_server,
    "omega.threshold.v1.GatewayService": relay.add_GatewayServiceServicer_to_server,
}


class _Partial:
    """A servicer whose missing methods are unimplemented."""

    def __init__(self, servicer: object) -> None:
        self._servicer = servicer

    def __getattr__(self, name: str) -> Callable[[object, grpc.ServicerContext], None]:
        found: Callable[[object, grpc.ServicerContext], None]
        found = getattr(self._servicer, name, _unimplemented)
        return found


def _unimplemented(_: object, context: grpc.ServicerContext) -> None:
    context.abort(grpc.StatusCode.UNIMPLEMENTED, "not part of this test")


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def serve(resources: ExitStack) -> Callable[..., str]:
    """serve(name of a service, servicer, config=...) -> address of a server of the project."""

    def start(name: str, servicer: object, config: ServerConfig | None = None) -> str:
        binding = Binding(name, ADDERS[name], _Partial(servicer))
        listen = config or ServerConfig("127.0.0.1:0", grace_seconds=0)
        return resources.enter_context(running(Server(listen, [binding])))

    return start


@pytest.fixture
def serve_plain(resources: ExitStack) -> Callable[..., str]:
    """serve_plain(name of a service, servicer) -> address of a server without the layers."""

    def start(name: str, servicer: object) -> str:
        server = grpc.server(resources.enter_context(ThreadPoolExecutor(2)))
        ADDERS[name](_Partial(servicer), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        resources.callback(lambda: server.stop(None).wait())
        return f"127.0.0.1:{port}"

    return start


class OnLoop:
    """A client of the event loop that is called from here: answers are awaited, streams read."""

    def __init__(self, client: aio.ServiceClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            answer: Any = getattr(self._client, name)(*args, **kwargs)
            if isinstance(answer, aio.ServiceClient):
                return OnLoop(answer)
            if isinstance(answer, aio.Watch):
                return [each async for each in answer]
            return await answer

        return lambda *args, **kwargs: run(call(*args, **kwargs))


@pytest.fixture(params=["threads", "loop"])
def dial(request: pytest.FixtureRequest, resources: ExitStack) -> Callable[..., Any]:
    """dial(name of a client, address, ...): it, made for threads and made for an event loop.

    Streams of answers can be iterated over.
    """

    async def made(name: str, address: str, **settings: Any) -> OnLoop:
        return OnLoop(getattr(aio, name)(address, **settings))

    def open_client(name: str, address: str, **settings: Any) -> Any:
        if request.param == "loop":
            client = run(made(name, address, **settings))
        else:
            client = getattr(omega_client, name)(address, **settings)
        resources.callback(client.close)
        return client

    return open_client
