"""A console whose certificate, or whose clients' authority, is replaced."""

from __future__ import annotations

import shutil
import socket
import ssl
from pathlib import Path

import httpx

from omega_console.server import HttpServer
from omega_rpc.config import ServerConfig
from omega_testing.certificates import Certificates


async def hello(_scope: object, _receive: object, send: object) -> None:
    """Answers every request."""
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]  # an ASGI callable
    await send({"type": "http.response.body", "body": b"hello"})  # type: ignore[operator]  # the same


def answered(address: str, server: Certificates, client: Certificates) -> bool:
    """Whether a new connection that trusts `server` and shows itself as of `client` is served."""
    context = ssl.create_default_context(cafile=server.ca)
    context.load_cert_chain(client.client_certificate, client.client_key)
    port = address.rpartition(":")[2]
    try:
        return httpx.get(f"https://localhost:{port}/", verify=context).text == "hello"
    except httpx.TransportError:
        return False


def test_new_connections_are_made_by_the_new_files(tmp_path: Path) -> None:
    before, after = Certificates(tmp_path / "before"), Certificates(tmp_path / "after")
    certificate, key, ca = (tmp_path / name for name in ("tls.crt", "tls.key", "ca.crt"))

    def put(source: Path, target: Path) -> None:
        shutil.copy(source, tmp_path / "new")
        (tmp_path / "new").replace(target)

    put(before.server_key, key)
    put(before.server_certificate, certificate)
    put(before.ca, ca)
    server = HttpServer(
        hello,
        ServerConfig(
            "127.0.0.1:0",
            tls_certificate=certificate,
            tls_key=key,
            tls_client_ca=ca,
            grace_seconds=0,
        ),
    )
    address = server.start()
    try:
        assert answered(address, before, before)
        assert not answered(address, before, after)
        put(after.server_key, key)
        assert answered(address, before, before)
        put(after.server_certificate, certificate)
        assert answered(address, after, before)
        assert not answered(address, before, before)
        put(after.ca, ca)
        assert answered(address, after, after)
        assert not answered(address, after, before)
    finally:
        server.stop()


def test_no_session_outlives_the_authority_of_its_certificate(tmp_path: Path) -> None:
    pki, other = Certificates(tmp_path / "pki"), Certificates(tmp_path / "other")
    ca = tmp_path / "ca.crt"
    shutil.copy(pki.ca, ca)
    server = HttpServer(
        hello,
        ServerConfig(
            "127.0.0.1:0",
            tls_certificate=pki.server_certificate,
            tls_key=pki.server_key,
            tls_client_ca=ca,
            grace_seconds=0,
        ),
    )
    port = int(server.start().rpartition(":")[2])
    context = ssl.create_default_context(cafile=pki.ca)
    context.load_cert_chain(pki.client_certificate, pki.client_key)

    def said(session: ssl.SSLSession | None) -> tuple[bytes, ssl.SSLSession | None]:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as line,
            context.wrap_socket(line, server_hostname="localhost", session=session) as shown,
        ):
            shown.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: shown.recv(4_096), b""))
            return answer, shown.session

    try:
        answer, session = said(None)
        assert answer.endswith(b"hello\r\n0\r\n\r\n")
        shutil.copy(other.ca, tmp_path / "new")
        (tmp_path / "new").replace(ca)
        try:
            again, _ = said(session)
        except OSError:
            again = b""
        assert again == b""
    finally:
        server.stop()
