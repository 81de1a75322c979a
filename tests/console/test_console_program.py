"""The console as a process, with its settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.console.conftest import Start

from omega_client import ClientTls
from omega_console.config import ConsoleConfig
from omega_console.probe import probe
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.config import ServerConfig
from omega_rpc.local_operators import OperatorKey, key_set
from omega_testing.certificates import Certificates
from omega_testing.processes import ServiceProcess, free_port

PROGRAM = str(Path(sys.prefix) / "bin" / "omega-console")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    jwks = tmp_path / "operators.jwks"
    jwks.write_bytes(key_set([OperatorKey.generate()]))
    return {
        "OMEGA_CONSOLE_JWKS": str(jwks),
        "OMEGA_CONSOLE_ISSUER": "x",
        "OMEGA_CONSOLE_LISTEN": f"127.0.0.1:{free_port()}",
        "OMEGA_CONSOLE_CONSTELLATION_TARGET": f"127.0.0.1:{free_port()}",
    }


def run(environ: dict[str, str], *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *flags], env=environ, capture_output=True, text=True, timeout=30, check=False
    )


def test_it_lives_without_a_constellation_and_says_that_it_is_not_ready(
    environ: dict[str, str],
) -> None:
    with ServiceProcess(["omega-console"], environ, serving=False) as process:
        url = f"http://{process.address}/api/v1/health"
        assert httpx.get(f"{url}/live").json() == {"status": "live"}
        ready = httpx.get(f"{url}/ready")
        assert (ready.status_code, ready.json()["code"]) == (503, "UPSTREAM_UNAVAILABLE")
        asked = run(environ, "--health")
        assert asked.returncode == 1
        assert "a server behind this one does not answer" in asked.stderr
        assert process.terminate() == 0
    assert "it does not serve" in run(environ, "--health").stderr


def test_it_stops_at_once_when_it_is_told_to(environ: dict[str, str]) -> None:
    with (
        ServiceProcess(["omega-console"], environ, serving=False) as process,
        httpx.Client() as client,  # which keeps its connection open
    ):
        client.get(f"http://{process.address}/")
        assert process.terminate() == 0


def test_it_is_ready_before_a_constellation(start: Start) -> None:
    site = start()
    answer = httpx.get(f"{site.url}/api/v1/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert probe(ServerConfig(site.url.removeprefix("http://"))) == ""


@pytest.mark.parametrize("mutual", [False, True])
def test_the_probe_trusts_its_own_certificate(
    start: Start, tmp_path: Path, *, mutual: bool
) -> None:
    pki = Certificates(tmp_path / "pki")
    server: dict[str, Any] = {"tls_certificate": pki.server_certificate, "tls_key": pki.server_key}
    if mutual:
        server["tls_client_ca"] = pki.ca
    site = start(server=server)
    listen = site.url.removeprefix("https://")
    assert probe(ServerConfig(listen, **server)) == ""
    other = Certificates(tmp_path / "other")
    assert "SSL" in probe(
        ServerConfig(listen, tls_certificate=other.server_certificate, tls_key=other.server_key)
    )


def test_a_unix_socket_is_served(start: Start, tmp_path: Path) -> None:
    listen = f"unix:{tmp_path}/console.sock"
    start(server={"listen": listen})
    assert probe(ServerConfig(listen)) == ""
    transport = httpx.HTTPTransport(uds=listen.removeprefix("unix:"))
    with httpx.Client(transport=transport) as client:
        assert client.get("http://console/api/v1/health/live").status_code == 200


def test_a_probe_needs_a_port() -> None:
    with pytest.raises(OmegaError, match="listen"):
        probe(ServerConfig("127.0.0.1:0"))


def test_outside_of_this_machine_it_asks_for_tls(environ: dict[str, str]) -> None:
    ended = run(environ | {"OMEGA_CONSOLE_LISTEN": "0.0.0.0:0"})
    assert ended.returncode == 78
    assert "listen must be a loopback address" in ended.stderr


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"jwks": "http://localhost/keys"}, "jwks"),
        ({"jwks": "https:///keys"}, "jwks"),
        ({"jwks": ""}, "jwks"),
        ({"issuer": ""}, "issuer"),
        ({"audience": "x" * 257}, "audience"),
        ({"role_claim": "a..b"}, "role_claim"),
        ({"role_claim": "a b"}, "role_claim"),
        ({"role_prefix": "x" * 65}, "role_prefix"),
        ({"encoder": "other"}, "encoder"),
        ({"constellation_target": ""}, "constellation_target"),
        ({"constellation_tls_certificate": Path("x")}, "constellation_tls_ca"),
    ],
)
def test_settings_have_bounds(changed: dict[str, str], field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        ConsoleConfig(**{"jwks": "keys", "issuer": "x", **changed})  # type: ignore[arg-type]  # on purpose
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, field)


def test_a_certificate_without_its_key_is_named(tmp_path: Path, environ: dict[str, str]) -> None:
    pki = Certificates(tmp_path / "pki")
    ended = run(
        environ
        | {
            "OMEGA_CONSOLE_CONSTELLATION_TLS_CA": str(pki.ca),
            "OMEGA_CONSOLE_CONSTELLATION_TLS_CERTIFICATE": str(pki.client_certificate),
        }
    )
    assert ended.returncode == 78
    assert "constellation_tls_key must be" in ended.stderr


def test_keys_that_are_not_there_end_the_start(environ: dict[str, str]) -> None:
    ended = run(environ | {"OMEGA_CONSOLE_JWKS": "absent.jwks"})
    assert ended.returncode == 78
    assert "jwks must be a readable file" in ended.stderr


def test_it_shows_its_certificate_to_the_constellation(tmp_path: Path) -> None:
    config = ConsoleConfig(
        "keys",
        "x",
        constellation_tls_ca=tmp_path / "ca",
        constellation_tls_certificate=tmp_path / "pem",
        constellation_tls_key=tmp_path / "key",
    )
    assert config.constellation_tls == ClientTls(
        tmp_path / "ca", tmp_path / "pem", tmp_path / "key"
    )
