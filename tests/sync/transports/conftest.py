"""One gateway on all of its listeners, before a stand-in of the constellation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from connectrpc.errors import ConnectError
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from google.protobuf.message import Message

from omega.sync.v1 import sync_service_pb2_grpc
from omega_client import ClientTls
from omega_client.connect import SyncConnectClient, Version
from omega_client.connect import service_error as connect_error
from omega_client.errors import service_error
from omega_core.clock import Clock, ManualClock
from omega_rpc import local_authority
from omega_rpc.authorities import DeviceAuthority
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover
from omega_rpc.server import Server
from omega_rpc.service import Application
from omega_rpc.tokens import TokenClaims, TokenKeys
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.probe import running
from omega_testing.site import SERVICE, write
from omega_testing.stand_in import DEVICE, StandIn

DAY = timedelta(days=1)
Ask = Callable[..., list[Any]]
TOLD = ("state_version", "trend_regions")
"""What the gateway learns from heads, and keeps."""
TRANSPORTS = ("grpc", "grpc mutual TLS", "HTTP/1.1", "HTTP/2", "HTTP/3")


@dataclass(frozen=True)
class Transport:
    """A way to the gateway."""

    name: str
    ask: Callable[..., list[Any]]
    """ask(method, *requests, metadata=..., timeout=...) -> answers, or ServiceError."""
    by_certificate: bool = False
    """Whether the connection says who calls."""

    @property
    def streams(self) -> bool:
        """Whether StreamSync is offered."""
        return self.name != "HTTP/1.1"


@dataclass(frozen=True)
class Place:
    """Where the gateway listens, and who may call it."""

    application: Application
    grpc: str
    ca: Path
    folder: Path
    key: DeviceKey
    token: str
    chain: tuple[bytes, ...]
    clock: Clock

    def at(self, name: str) -> str:
        """The address of a further listener."""
        return self.application.server.addresses[name]

    def shown(self, method: str) -> tuple[tuple[str, str], ...]:
        """The token and a fresh proof."""
        token = "" if method == "RegisterDevice" else self.token
        return Prover(self.key, token, self.clock).metadata(SERVICE + method)

    def certificate(self) -> ClientTls:
        """A device with a certificate."""
        pems = (
            x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
            for der in self.chain
        )
        chain = write(self.folder / "device.pem", b"".join(pems))
        return ClientTls(self.ca, chain, write(self.folder / "device.key", self.key.pem()))


@pytest.fixture(scope="module")
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


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
    told = [getattr(module_upstream, name) != before[name] for name in TOLD]
    vars(module_upstream).update({**before, "polls": module_upstream.polls})
    if any(told):
        module_upstream.await_poll()


@pytest.fixture(scope="module")
def place(
    module_upstream: StandIn,
    key_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    resources: ExitStack,
) -> Place:
    folder = tmp_path_factory.mktemp("certificates")
    return begin(module_upstream, key_file, folder, resources, grace=0)


def begin(
    upstream: StandIn, key_file: Path, folder: Path, resources: ExitStack, *, grace: float
) -> Place:
    """Starts a gateway on all of its listeners."""
    # Stands still, so that tokens of two registrations are equal.
    clock = ManualClock(datetime.now(UTC).replace(microsecond=0))
    now = clock.now()
    devices = local_authority.authority("devices", now, DAY)
    servers = local_authority.authority("servers", now, DAY)
    leaf = local_authority.server(servers, ["localhost", "127.0.0.1"], now, DAY)
    local = ServerConfig("127.0.0.1:0", grace_seconds=0)
    target = resources.enter_context(running(Server(local, [upstream.binding()])))
    config = SyncConfig(
        token_keys=key_file,
        constellation_target=target,
        poll_seconds=0.05,
        stream_spread_seconds=0.1,
        device_syncs_per_minute=1e6,
        device_sync_burst=1_000_000,
        device_calls_per_minute=1e6,
        device_call_burst=1_000_000,
        network_calls_per_minute=1e6,
        network_call_burst=1_000_000,
        mtls_listen="127.0.0.1:0",
        device_ca=write(folder / "devices.pem", devices.certificate_pem()),
        http_listen="127.0.0.1:0",
        quic_listen="127.0.0.1:0",
    )
    server = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=write(folder / "server.pem", leaf.certificate_pem()),
        tls_key=write(folder / "server.key", leaf.key_pem()),
        grace_seconds=grace,
    )
    application = build(config, server, clock)
    address = resources.enter_context(running(application.server))
    key = DeviceKey.generate()
    claims = TokenClaims(DEVICE, "local", key.public.thumbprint, now, now + DAY)
    authority = DeviceAuthority((devices.certificate,), devices.key)
    issued = authority.sign(key.public.public, DEVICE, "local", now, DAY)
    return Place(
        application,
        address,
        write(folder / "servers.pem", servers.certificate_pem()),
        folder,
        key,
        TokenKeys.read("token_keys", key_file).issue(claims),
        issued.chain,
        clock,
    )


@pytest.fixture(scope="module")
def transports(place: Place, resources: ExitStack) -> dict[str, Transport]:
    trust = ClientTls(place.ca)

    def over_grpc(name: str, address: str, tls: ClientTls) -> Transport:
        channel = resources.enter_context(connect(address, tls, retries=False))
        stub = sync_service_pb2_grpc.SyncServiceStub(channel)
        return Transport(name, _grpc(stub), by_certificate=tls is not trust)

    def over_http(name: str, listener: str, version: Version) -> Transport:
        url = f"https://{place.at(listener)}"
        client = resources.enter_context(SyncConnectClient(url, version=version, tls=trust))
        return Transport(name, _http(client))

    found = [
        over_grpc("grpc", place.grpc, trust),
        over_grpc("grpc mutual TLS", place.at("mtls_listen"), place.certificate()),
        over_http("HTTP/1.1", "http_listen", "1.1"),
        over_http("HTTP/2", "http_listen", "2"),
        over_http("HTTP/3", "quic_listen", "3"),
    ]
    return {transport.name: transport for transport in found}


@pytest.fixture
def ask(place: Place) -> Ask:
    """ask(transport, method, *requests, timeout): calls as the stand-in's device."""

    def make(
        transport: Transport, method: str, *requests: Message, timeout: float | None = 20
    ) -> list[Any]:
        without = transport.by_certificate and method != "RegisterDevice"
        metadata = () if without else place.shown(method)
        return transport.ask(method, *requests, metadata=metadata, timeout=timeout)

    return make


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, transports: dict[str, Transport]) -> Transport:
    return transports[request.param]


def _grpc(stub: sync_service_pb2_grpc.SyncServiceStub) -> Callable[..., list[Any]]:
    def ask(
        method: str,
        *requests: Message,
        metadata: tuple[tuple[str, str], ...] = (),
        timeout: float | None = 20,
    ) -> list[Any]:
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
        metadata: tuple[tuple[str, str], ...] = (),
        timeout: float | None = 20,
    ) -> list[Any]:
        name = re.sub("(?<!^)([A-Z])", r"_\1", method).lower()
        said: Any = iter(requests) if method == "StreamSync" else requests[0]
        try:
            answer = getattr(client._stub, name)(
                said,
                headers=dict(metadata),
                timeout_ms=None if timeout is None else round(1_000 * timeout),
            )
            return [answer] if isinstance(answer, Message) else list(answer)
        except ConnectError as error:
            raise connect_error(error) from error

    return ask
