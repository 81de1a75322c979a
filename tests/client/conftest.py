from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from omega.brain.v1 import brain_service_pb2_grpc as brain
from omega.constellation.v1 import constellation_service_pb2_grpc as constellation
from omega.federation.v1 import federation_service_pb2_grpc as federation
from omega.sync.v1 import sync_service_pb2_grpc as sync
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
