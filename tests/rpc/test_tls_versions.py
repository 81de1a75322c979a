"""What a service process agrees to speak, asked by another TLS library."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from omega_core.errors import OmegaError
from omega_rpc.service import EXIT_CONFIG
from omega_rpc.tls import check_suites
from omega_testing.certificates import Certificates

PROGRAM = """
import sys
import omega_rpc
from dataclasses import dataclass
from omega_rpc.server import Server
from omega_rpc.service import Application, Service, run_service
from omega_testing import probe

@dataclass(frozen=True)
class Config:
    pass

def build(config, server_config):
    return Application(Server(server_config, [probe.probe(bytes)]))

sys.exit(run_service(Service("omega-rpc", "OMEGA_TEST_", Config, "127.0.0.1:0", build)))
"""
GCM = "ECDHE-ECDSA-AES128-GCM-SHA256"
CBC = "ECDHE-ECDSA-AES128-SHA"
SUITES = "GRPC_SSL_CIPHER_SUITES"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "pki")


@pytest.fixture
def start(certificates: Certificates) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    with ExitStack() as stack:

        def begin(**settings: str) -> subprocess.Popen[str]:
            inherited = {k: v for k, v in os.environ.items() if k != SUITES}
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                env={
                    **inherited,
                    "OMEGA_TEST_TLS_CERTIFICATE": str(certificates.server_certificate),
                    "OMEGA_TEST_TLS_KEY": str(certificates.server_key),
                    "OMEGA_TEST_GRACE_SECONDS": "0",
                    **settings,
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
            stack.callback(process.communicate)
            stack.callback(process.terminate)
            return process

        yield begin


def address(process: subprocess.Popen[str]) -> tuple[str, int]:
    assert process.stdout
    host, _, port = json.loads(process.stdout.readline())["listening"].rpartition(":")
    return host, int(port)


def agreed(
    at: tuple[str, int], ca: Path, highest: ssl.TLSVersion, suites: str = ""
) -> tuple[str | None, str] | None:
    """(version, suite) that a server agrees to; None = it hangs up."""
    context = ssl.create_default_context(cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = highest
    context.set_alpn_protocols(["h2"])
    if suites:
        context.set_ciphers(suites)
    with socket.create_connection(at, timeout=20) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as spoken:
                found = spoken.cipher()
                return spoken.version(), found[0] if found else ""
        except (ssl.SSLError, ConnectionError):
            return None


def test_a_service_speaks_tls_1_3_alone(
    start: Callable[..., subprocess.Popen[str]], certificates: Certificates
) -> None:
    at = address(start())
    found = agreed(at, certificates.ca, ssl.TLSVersion.TLSv1_3)
    assert found
    assert found[0] == "TLSv1.3"
    for suites in ("", GCM, CBC):
        assert agreed(at, certificates.ca, ssl.TLSVersion.TLSv1_2, suites) is None


def test_an_operator_may_allow_suites_of_tls_1_2_and_no_other_is_agreed_on(
    start: Callable[..., subprocess.Popen[str]], certificates: Certificates
) -> None:
    at = address(start(**{SUITES: GCM}))
    assert agreed(at, certificates.ca, ssl.TLSVersion.TLSv1_2) == ("TLSv1.2", GCM)
    assert agreed(at, certificates.ca, ssl.TLSVersion.TLSv1_2, CBC) is None


def test_a_suite_without_aead_ends_the_start(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    process = start(**{SUITES: f"{GCM}:{CBC}"})
    _, said = process.communicate()
    assert process.returncode == EXIT_CONFIG
    assert f"{SUITES} must be suites of ECDHE with GCM" in said


@pytest.mark.parametrize("suites", ["AES128-GCM-SHA256", CBC, "ALL", f"{GCM}:ECDHE-RSA-DES", "!"])
def test_only_aead_with_forward_secrecy_is_a_suite(suites: str) -> None:
    check_suites("")
    check_suites(f"{GCM}:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384")
    with pytest.raises(OmegaError, match=SUITES):
        check_suites(suites)
