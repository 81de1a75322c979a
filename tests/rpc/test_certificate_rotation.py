"""Certificates that are replaced under a running server."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.rotation import Files, renewing
from omega_rpc.tls import ClientTls, RenewedCredentials
from omega_testing.certificates import Certificates
from omega_testing.probe import ProbeClient

Serve = Callable[..., str]


@pytest.fixture
def before(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "before")


@pytest.fixture
def after(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "after")


class Place:
    """Where a server's files are."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.certificate, self.key, self.ca = (folder / n for n in ("tls.crt", "tls.key", "ca.crt"))

    def hold(self, files: Certificates) -> None:
        self.put(files.server_key, self.key)
        self.put(files.server_certificate, self.certificate)
        self.put(files.ca, self.ca)

    def put(self, source: Path, target: Path) -> None:
        """As a secret's file is replaced: the old one or the new one, never a part."""
        shutil.copy(source, target.with_suffix(".new"))
        target.with_suffix(".new").replace(target)

    def config(self, *, mutual: bool = False) -> ServerConfig:
        return ServerConfig(
            "127.0.0.1:0",
            tls_certificate=self.certificate,
            tls_key=self.key,
            tls_client_ca=self.ca if mutual else None,
            grace_seconds=0,
        )


@pytest.fixture
def place(tmp_path: Path, before: Certificates) -> Place:
    made = Place(tmp_path / "place")
    made.hold(before)
    return made


def asked(address: str, tls: ClientTls) -> bool:
    """Whether a new connection is agreed to."""
    with connect(address, tls, retries=False) as channel:
        try:
            return ProbeClient(channel).unary(b"hello", timeout=20) == b"hello"
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return False


def test_new_connections_get_the_new_certificate_and_old_ones_live(
    serve: Serve, place: Place, before: Certificates, after: Certificates, resources: ExitStack
) -> None:
    address = serve(config=place.config())
    old = resources.enter_context(connect(address, ClientTls(before.ca), retries=False))
    assert ProbeClient(old).unary(b"one", timeout=20) == b"one"
    place.hold(after)
    assert asked(address, ClientTls(after.ca))
    assert not asked(address, ClientTls(before.ca))
    assert ProbeClient(old).unary(b"two", timeout=20) == b"two"


def test_half_a_replacement_leaves_what_was(
    serve: Serve, place: Place, before: Certificates, after: Certificates
) -> None:
    address = serve(config=place.config())
    place.put(after.server_key, place.key)
    assert asked(address, ClientTls(before.ca))
    place.certificate.unlink()
    assert asked(address, ClientTls(before.ca))
    place.put(after.server_certificate, place.certificate)
    assert asked(address, ClientTls(after.ca))


def test_those_who_sign_clients_are_replaced_too(
    serve: Serve, place: Place, before: Certificates, after: Certificates
) -> None:
    def own(files: Certificates, ca: Path) -> ClientTls:
        return ClientTls(ca, files.client_certificate, files.client_key)

    address = serve(config=place.config(mutual=True))
    assert asked(address, own(before, before.ca))
    assert not asked(address, own(after, before.ca))
    place.put(after.ca, place.ca)
    assert asked(address, own(after, before.ca))
    assert not asked(address, own(before, before.ca))


def test_a_client_learns_of_replaced_files(
    serve: Serve, place: Place, tmp_path: Path, before: Certificates, after: Certificates
) -> None:
    shown = Place(tmp_path / "client")
    shown.put(before.client_certificate, shown.certificate)
    shown.put(before.client_key, shown.key)
    shown.put(before.ca, shown.ca)
    credentials = RenewedCredentials(ClientTls(shown.ca, shown.certificate, shown.key))
    first = credentials.newest()
    assert credentials.newest() is first
    address = serve(config=place.config(mutual=True))
    place.hold(after)
    shown.put(after.client_key, shown.key)
    assert credentials.newest() is first
    shown.put(after.client_certificate, shown.certificate)
    shown.put(after.ca, shown.ca)
    second = credentials.newest()
    assert second is not first
    for newest, answered in ((second, True), (first, False)):
        with connect(address, newest, retries=False) as channel:
            call = ProbeClient(channel).unary
            if answered:
                assert call(b"hello", timeout=20) == b"hello"
            else:
                with pytest.raises(grpc.RpcError):
                    call(b"hello", timeout=20)


def shown_by(context: ssl.SSLContext, ca: Path, name: str | None) -> bool:
    """Whether a handshake in memory ends well, of a client that names the server or does not."""
    trusts = ssl.create_default_context(cafile=ca)
    trusts.check_hostname = name is not None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusts.wrap_bio(to_client, to_server, server_hostname=name)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
            waiting.remove(end)
    return True


@pytest.mark.parametrize("name", ["localhost", None])
def test_a_context_renews_itself_whether_or_not_a_client_names_the_server(
    place: Place, before: Certificates, after: Certificates, name: str | None
) -> None:
    def make() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(place.certificate, place.key)
        return made

    context = renewing(make, place.certificate, place.key)
    assert shown_by(context, before.ca, name)
    place.put(after.server_key, place.key)
    assert shown_by(context, before.ca, name)
    place.hold(after)
    assert shown_by(context, after.ca, name)
    assert not shown_by(context, before.ca, name)


def test_what_is_of_no_use_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    files = Files(path, None)
    room = False

    def make() -> str:
        if not room:
            raise OSError("too many open files")
        return path.read_text()

    assert files.follow(make) is None
    path.write_text("22")
    assert files.follow(make) is None
    room = True
    assert files.follow(make) is None
    now += 10
    assert files.follow(make) == "22"
    assert files.follow(make) is None
