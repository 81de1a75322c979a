"""One gateway on all of its listeners, before a stand-in of the constellation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import grpc
import pytest
from connectrpc.errors import ConnectError
from google.protobuf.message import Message

from omega.sync.v1 import sync_service_pb2_grpc
from omega_client import ClientTls
from omega_client.connect import SyncConnectClient, Version
from omega_client.connect import service_error as connect_error
from omega_client.errors import service_error
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.server import Server
from omega_rpc.service import Application
from omega_rpc.tokens import TokenKeys
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.certificates import Certificates
from omega_testing.probe import running
from omega_testing.stand_in import DEVICE, REGISTERED, StandIn

TRANSPORTS = ("grpc", "grpc mutual TLS", "HTTP/1.1", "HTTP/2", "HTTP/3")


@dataclass(frozen=True)
class Bearer:
    """A credential of every call."""

    token: str

    def metadata(self, method: str) -> tuple[tuple[str, str], ...]:
        del method
        return (("authorization", f"Bearer {self.token}"),)


@dataclass(frozen=True)
class Transport:
    """A way to the gateway."""

    name: str
    ask: Callable[..., list[Any]]
    """ask(method, *requests, credential=..., timeout=...) -> answers, or ServiceError."""

    @property
    def streams(self) -> bool:
        """Whether StreamSync is offered."""
        return self.name != "HTTP/1.1"


@dataclass(frozen=True)
class Place:
    """Where the gateway listens."""

    application: Application
    grpc: str
    certificates: Certificates

    @property
    def tls(self) -> ClientTls:
        """A TV with a certificate."""
        found = self.certificates
        return ClientTls(found.ca, found.client_certificate, found.client_key)

    def at(self, name: str) -> str:
        """The address of a further listener."""
        return self.application.server.addresses[name]


@pytest.fixture(scope="module")
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def module_upstream() -> StandIn:
    stand_in = StandIn()  # type: ignore[abstract]  # operators' methods stay unimplemented
    stand_in.ready.set()
    return stand_in


@pytest.fixture
def upstream(module_upstream: StandIn) -> Iterator[StandIn]:
    """The stand-in, as it was before a test."""
    before = dict(vars(module_upstream))
    module_upstream.asked.clear()
    yield module_upstream
    vars(module_upstream).update({**before, "polls": module_upstream.polls})


@pytest.fixture(scope="module")
def place(
    module_upstream: StandIn, key_file: Path, certificates: Certificates, resources: ExitStack
) -> Place:
    local = ServerConfig("127.0.0.1:0", grace_seconds=0)
    target = resources.enter_context(running(Server(local, [module_upstream.binding()])))
    config = SyncConfig(
        token_keys=key_file,
        constellation_target=target,
        poll_seconds=0.05,
        stream_spread_seconds=0.1,
        mtls_listen="127.0.0.1:0",
        device_ca=certificates.ca,
        http_listen="127.0.0.1:0",
        quic_listen="127.0.0.1:0",
    )
    server = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=certificates.server_certificate,
        tls_key=certificates.server_key,
        grace_seconds=0,
    )
    application = build(config, server)
    address = resources.enter_context(running(application.server))
    return Place(application, address, certificates)


@pytest.fixture(scope="module")
def credential(keys: TokenKeys) -> Bearer:
    return Bearer(keys.sign(DEVICE, REGISTERED.ToDatetime(UTC)))


@pytest.fixture(scope="module")
def transports(place: Place, resources: ExitStack) -> dict[str, Transport]:
    trust = ClientTls(place.certificates.ca)

    def over_grpc(name: str, address: str, tls: ClientTls) -> Transport:
        channel = resources.enter_context(connect(address, tls, retries=False))
        return Transport(name, _grpc(sync_service_pb2_grpc.SyncServiceStub(channel)))

    def over_http(name: str, listener: str, version: Version) -> Transport:
        url = f"https://{place.at(listener)}"
        client = resources.enter_context(SyncConnectClient(url, version=version, tls=trust))
        return Transport(name, _http(client))

    found = [
        over_grpc("grpc", place.grpc, trust),
        over_grpc("grpc mutual TLS", place.at("mtls_listen"), place.tls),
        over_http("HTTP/1.1", "http_listen", "1.1"),
        over_http("HTTP/2", "http_listen", "2"),
        over_http("HTTP/3", "quic_listen", "3"),
    ]
    return {transport.name: transport for transport in found}


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, transports: dict[str, Transport]) -> Transport:
    return transports[request.param]


def _grpc(stub: sync_service_pb2_grpc.SyncServiceStub) -> Callable[..., list[Any]]:
    def ask(
        method: str,
        *requests: Message,
        credential: Bearer | None = None,
        timeout: float | None = 20,
    ) -> list[Any]:
        metadata = credential.metadata(method) if credential else ()
        said: Any = iter(requests) if method == "StreamSync" else requests[0]
        try:
            answer = getattr(stub, method)(said, timeout=timeout, metadata=metadata)
            return [answer] if isinstance(answer, Message) else list(answer)
        except grpc.RpcError as error:
            raise service_error(error) from error

    return ask


def _http(client: SyncConnectClient) -> Callable[..., list[Any]]:
    def ask(
        method: str,
        *requests: Message,
        credential: Bearer | None = None,
        timeout: float | None = 20,
    ) -> list[Any]:
        name = re.sub("(?<!^)([A-Z])", r"_\1", method).lower()
        said: Any = iter(requests) if method == "StreamSync" else requests[0]
        try:
            answer = getattr(client._stub, name)(
                said,
                headers=dict(credential.metadata(method)) if credential else None,
                timeout_ms=None if timeout is None else round(1_000 * timeout),
            )
            return [answer] if isinstance(answer, Message) else list(answer)
        except ConnectError as error:
            raise connect_error(error) from error

    return ask
