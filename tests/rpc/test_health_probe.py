"""A running server is asked whether it serves, as a container's probe does."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from omega_core.errors import OmegaError
from omega_rpc.config import ServerConfig
from omega_rpc.logs import JsonFormatter
from omega_rpc.probe import probe, probe_own
from omega_rpc.tls import ClientTls
from omega_testing.certificates import Certificates
from omega_testing.probe import ProbeClient
from omega_testing.processes import ServiceProcess, free_port

Serve = Callable[..., str]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "pki")


def await_serving(address: str, tls: ClientTls | None = None) -> None:
    while probe(address, tls):
        pass


def test_a_server_is_asked_whether_it_serves(serve: Serve) -> None:
    ready = [False]
    address = serve(readiness=lambda: ready[0])
    assert probe(address) == "NOT_SERVING"
    ready[0] = True
    await_serving(address)
    assert probe_own(ServerConfig(address)) == ""
    assert probe(f"127.0.0.1:{free_port()}").startswith("UNAVAILABLE: ")


@pytest.mark.parametrize("mutual", [False, True])
def test_a_server_trusts_its_own_certificate(
    serve: Serve, certificates: Certificates, mutual: bool
) -> None:
    config = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=certificates.server_certificate,
        tls_key=certificates.server_key,
        # As in a PKI that signs both ends.
        tls_client_ca=certificates.ca if mutual else None,
        grace_seconds=0,
    )
    address = serve(config=config)
    own = ClientTls(certificates.ca, certificates.client_certificate, certificates.client_key)
    await_serving(address, own)
    assert probe_own(replace(config, listen=address)) == ""
    anywhere = f"0.0.0.0:{address.rpartition(':')[2]}"
    assert probe_own(replace(config, listen=anywhere)) == ""


def test_what_cannot_be_asked_is_named(certificates: Certificates, tmp_path: Path) -> None:
    with pytest.raises(OmegaError, match="listen must be an address with a port that is known"):
        probe_own(ServerConfig("127.0.0.1:0"))
    config = ServerConfig(
        "127.0.0.1:1", tls_certificate=tmp_path / "none", tls_key=certificates.server_key
    )
    with pytest.raises(OmegaError, match="tls_certificate must be a readable certificate"):
        probe_own(config)


@pytest.fixture
def environ(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "OMEGA_CONSTELLATION_DATABASE_URL": database_url,
        "OMEGA_CONSTELLATION_LISTEN": f"unix:{tmp_path}/c",
    }


def health(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    script = Path(sys.prefix) / "bin" / "omega-constellation"
    return subprocess.run(
        [script, "--health"], env=environ, capture_output=True, text=True, check=False
    )


def test_a_service_answers_for_its_container(environ: dict[str, str]) -> None:
    with ServiceProcess(["omega-constellation"], environ):
        done = health(environ)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = health(environ)
    assert done.returncode == 1
    assert done.stderr.startswith("omega-constellation: it does not serve: UNAVAILABLE: ")
    assert done.stderr.count("\n") == 1


def test_a_line_of_a_call_carries_its_id(serve: Serve, dial: Callable[[str], grpc.Channel]) -> None:
    def behaviour(_: bytes) -> bytes:
        record = logging.makeLogRecord({"msg": "served", "levelname": "INFO"})
        return JsonFormatter().format(record).encode()

    unary = ProbeClient(dial(serve(behaviour))).unary
    line = json.loads(unary(b"", timeout=20, metadata=(("x-request-id", "chain-7"),)))
    assert (line["message"], line["request_id"]) == ("served", "chain-7")
    assert "request_id" not in json.loads(JsonFormatter().format(logging.makeLogRecord({})))


def test_logs_are_one_object_a_line_on_request(tmp_path: Path) -> None:
    program = """
import logging
from omega_rpc.logs import configure_logging
from omega_rpc import call
configure_logging()
logging.getLogger("a.b").warning("line %d\\nnext", 1)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("a").exception("failed")
"""
    file = tmp_path / "logs.py"
    file.write_text(program)
    done = subprocess.run(
        [sys.executable, file],
        env={**os.environ, "OMEGA_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = (json.loads(line) for line in done.stderr.splitlines())
    assert first["time"].endswith("+00:00")
    assert (first["level"], first["logger"], first["message"]) == ("WARNING", "a.b", "line 1\nnext")
    assert first["where"] == "logs.py:6"
    assert second["error"].endswith("ZeroDivisionError: division by zero")
