"""A gateway whose certificate is replaced shows the new one on every listener."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from aioquic.asyncio.client import connect as connect_quic
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega_rpc.channel import connect
from omega_rpc.tls import ClientTls
from omega_rpc.tokens import new_key_line
from omega_testing.certificates import Certificates
from omega_testing.processes import ServiceProcess

Trusted = Callable[[str, Path], bool]


@pytest.fixture
def before(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "before")


@pytest.fixture
def after(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "after")


@pytest.fixture
def files(tmp_path: Path, before: Certificates) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    replace(made, before)
    return made


@pytest.fixture
def gateway(tmp_path: Path, files: Path, before: Certificates) -> Iterator[ServiceProcess]:
    keys = tmp_path / "token-keys"
    keys.touch(mode=0o600)
    keys.write_text(new_key_line() + "\n")
    environ = {
        "OMEGA_SYNC_LISTEN": "127.0.0.1:0",
        "OMEGA_SYNC_MTLS_LISTEN": "127.0.0.1:0",
        "OMEGA_SYNC_HTTP_LISTEN": "127.0.0.1:0",
        "OMEGA_SYNC_QUIC_LISTEN": "127.0.0.1:0",
        "OMEGA_SYNC_DEVICE_CA": str(before.ca),
        "OMEGA_SYNC_TLS_CERTIFICATE": str(files / "tls.crt"),
        "OMEGA_SYNC_TLS_KEY": str(files / "tls.key"),
        "OMEGA_SYNC_TOKEN_KEYS": str(keys),
        "OMEGA_SYNC_CONSTELLATION_TARGET": f"unix:{tmp_path}/nobody",
    }
    with ServiceProcess(["omega-sync"], environ, serving=False) as process:
        yield process


def replace(folder: Path, files: Certificates) -> None:
    for name, source in (("tls.key", files.server_key), ("tls.crt", files.server_certificate)):
        shutil.copy(source, folder / f"{name}.new")
        (folder / f"{name}.new").replace(folder / name)


def over_tcp(address: str, ca: Path) -> bool:
    """Whether a new connection shows a certificate that `ca` signed."""
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 20) as plain:
        try:
            context.wrap_socket(plain, server_hostname="localhost").close()
        except ssl.SSLCertVerificationError:
            return False
    return True


class Deaf(QuicConnectionProtocol):
    """Takes no notice of what a server sends after the handshake."""

    def quic_event_received(self, event: QuicEvent) -> None:
        """Nothing."""


def over_quic(address: str, ca: Path) -> bool:
    """The same over QUIC."""
    host, _, port = address.rpartition(":")
    configuration = QuicConfiguration(
        alpn_protocols=H3_ALPN, cafile=str(ca), server_name="localhost"
    )

    async def shakes() -> bool:
        async with connect_quic(host, int(port), configuration=configuration, create_protocol=Deaf):
            return True

    with suppress(ConnectionError):
        return asyncio.run(asyncio.wait_for(shakes(), 20))
    return False


WAYS: dict[str, Trusted] = {
    "listening": over_tcp,
    "mtls_listen": over_tcp,
    "http_listen": over_tcp,
    "quic_listen": over_quic,
}


def test_every_listener_shows_the_new_certificate_and_old_connections_live(
    gateway: ServiceProcess, files: Path, before: Certificates, after: Certificates
) -> None:
    addresses = {"listening": gateway.address, **gateway.addresses}
    request = health_pb2.HealthCheckRequest()
    with connect(gateway.address, ClientTls(before.ca), retries=False) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        stub.Check(request, timeout=20)
        for name, trusted in WAYS.items():
            assert trusted(addresses[name], before.ca), name
            assert not trusted(addresses[name], after.ca), name
        replace(files, after)
        for name, trusted in WAYS.items():
            assert trusted(addresses[name], after.ca), name
            assert not trusted(addresses[name], before.ca), name
        # Still the connection of before: its authority signs no new one.
        stub.Check(request, timeout=20)
    with (
        connect(gateway.address, ClientTls(before.ca), retries=False) as channel,
        pytest.raises(grpc.RpcError),
    ):
        health_pb2_grpc.HealthStub(channel).Check(request, timeout=20)
