from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from omega_core.errors import OmegaError
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.server import Server
from omega_rpc.tls import ClientTls
from omega_testing import probe
from omega_testing.certificates import Certificates
from omega_testing.probe import ProbeClient


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "pki")


@pytest.fixture
def stranger(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "stranger")


@pytest.fixture
def ask(resources: ExitStack) -> Callable[[str, ClientTls | None], bytes]:
    def call(address: str, tls: ClientTls | None) -> bytes:
        channel = resources.enter_context(connect(address, tls, retries=False))
        return ProbeClient(channel).unary(b"hello", timeout=20)

    return call


def tls_config(certificates: Certificates, *, mutual: bool) -> ServerConfig:
    return ServerConfig(
        "127.0.0.1:0",
        tls_certificate=certificates.server_certificate,
        tls_key=certificates.server_key,
        tls_client_ca=certificates.ca if mutual else None,
        grace_seconds=0,
    )


Ask = Callable[[str, ClientTls | None], bytes]


def test_tls_answers_who_trusts_it_and_nobody_else(
    serve: Callable[..., str], ask: Ask, certificates: Certificates, stranger: Certificates
) -> None:
    address = serve(config=tls_config(certificates, mutual=False))
    assert ask(address, ClientTls(certificates.ca)) == b"hello"
    for wrong in (None, ClientTls(stranger.ca)):
        with pytest.raises(grpc.RpcError) as caught:
            ask(address, wrong)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_mutual_tls_answers_only_clients_that_its_authority_signed(
    serve: Callable[..., str], ask: Ask, certificates: Certificates, stranger: Certificates
) -> None:
    address = serve(config=tls_config(certificates, mutual=True))
    own = ClientTls(certificates.ca, certificates.client_certificate, certificates.client_key)
    assert ask(address, own) == b"hello"
    for wrong in (
        ClientTls(certificates.ca),
        ClientTls(certificates.ca, stranger.client_certificate, stranger.client_key),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            ask(address, wrong)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_with_tls_any_address_may_be_served(
    serve: Callable[..., str], ask: Ask, certificates: Certificates
) -> None:
    config = ServerConfig(
        "0.0.0.0:0",
        tls_certificate=certificates.server_certificate,
        tls_key=certificates.server_key,
        grace_seconds=0,
    )
    port = serve(config=config).rpartition(":")[2]
    assert ask(f"localhost:{port}", ClientTls(certificates.ca)) == b"hello"


@pytest.mark.parametrize("broken", ["tls_certificate", "tls_key", "tls_client_ca"])
@pytest.mark.parametrize("content", [None, "no PEM"])
def test_a_server_file_of_no_use_is_named(
    certificates: Certificates, tmp_path: Path, broken: str, content: str | None
) -> None:
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_text(content)
    good = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=certificates.server_certificate,
        tls_key=certificates.server_key,
        tls_client_ca=certificates.ca,
    )
    changed: dict[str, Any] = {broken: path}
    with pytest.raises(OmegaError) as caught:
        Server(replace(good, **changed), [probe.probe(bytes)])
    # Two unlike files of a pair are both suspect; the key is named.
    wanted = "tls_key" if content and broken == "tls_certificate" else broken
    assert caught.value.field == wanted


def test_a_key_of_another_certificate_is_named(
    certificates: Certificates, stranger: Certificates
) -> None:
    config = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=certificates.server_certificate,
        tls_key=stranger.server_key,
    )
    with pytest.raises(OmegaError, match="tls_key must be the unencrypted PEM key"):
        Server(config, [probe.probe(bytes)])


def test_a_client_file_of_no_use_is_named(certificates: Certificates, tmp_path: Path) -> None:
    with pytest.raises(OmegaError, match="tls_ca must be a readable PEM file"):
        connect("localhost:1", ClientTls(tmp_path / "absent.pem"))
    with pytest.raises(OmegaError, match="tls_key must be set together"):
        ClientTls(certificates.ca, certificates.client_certificate)
