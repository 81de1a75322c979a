"""`omega serve`: a shard on one machine that keeps itself running and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_cli.exits import Exit
from omega_cli.main import main
from omega_cli.serve.folder import ServeFolder
from omega_client import (
    BrainClient,
    ClientTls,
    ConstellationClient,
    FederationClient,
    RandomnessClient,
    RelayClient,
    ServiceError,
)
from omega_core.errors import OmegaError
from omega_rpc.probe import probe
from omega_testing.processes import ServiceProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "titles.jsonl"
ANY = [f"--{name}-port=0" for name in ("sync", "mtls", "constellation", "federation", "console")]
SECONDS = 50.0


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that the database's own user may go through; pytest's are closed."""
    with tempfile.TemporaryDirectory(prefix="omega-serve-") as path:
        Path(path).chmod(0o711)
        yield Path(path) / "data"


def until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def serving(data: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process, and what it says when it serves."""
    command = [Path(sys.prefix) / "bin" / "omega", "serve", "--data", data, "--json", *ANY, *more]
    with (
        (data.parent / "serve.err").open("a") as errors,
        subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line, (data.parent / "serve.err").read_text()
            yield process, json.loads(line)
        finally:
            process.terminate()


def serves(address: str, served: dict[str, Any]) -> bool:
    ca = Path(served["tv"]["OMEGA_BRAIN_CONSTELLATION_TLS_CA"])
    return not probe(address, ClientTls(ca))


def gone(pids: list[psutil.Process]) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in pids)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def titles(served: dict[str, Any]) -> int:
    with ConstellationClient(served["addresses"]["omega-constellation"]) as client:
        return client.get_cluster_status().contents


def devices(served: dict[str, Any]) -> int:
    with psycopg.connect(served["database_url"]) as conn:
        row = conn.execute("SELECT count(*) FROM devices").fetchone()
        assert row
        return int(row[0])


def test_a_tv_enrols_and_a_killed_service_comes_back(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = data.parent / "serve.err"
    with serving(data) as (process, served):
        assert set(served["pids"]) == {
            "postgres",
            "omega-constellation",
            "omega-sync",
            "omega-federation-worker",
            "omega-console",
        }
        monkeypatch.setenv("OMEGA_CLI_PROFILE", served["profile"])
        file = tmp_path / "titles.jsonl"
        file.write_text("".join(SAMPLE.read_text("utf-8").splitlines(keepends=True)[:20]), "utf-8")
        assert main(["content", "import", str(file), "--cache-dir", str(tmp_path)]) == Exit.DONE
        tv = {
            "OMEGA_BRAIN_STORAGE_PATH": str(tmp_path / "tv"),
            "OMEGA_BRAIN_ENCODER": "lexical",
            "OMEGA_BRAIN_SYNC_INTERVAL_SECS": "0",
            "OMEGA_BRAIN_CATALOGUE_HOURS": "0",
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
            **served["tv"],
        }
        with ServiceProcess(["omega-brain"], tv) as brain, BrainClient(brain.address) as client:
            client.sync_now()
            assert client.get_stats().contents == 20
            os.kill(served["pids"]["omega-sync"], signal.SIGKILL)
            os.kill(served["pids"]["postgres"], signal.SIGKILL)

            # A TV that is refused time and again rests; so it is asked once both are back.
            until(lambda: said.read_text().count("runs again") == 2)
            until(lambda: serves(served["addresses"]["omega-sync"], served))
            client.sync_now()
        assert devices(served) == 1
        assert main(["certs", served["pki"], "--token", "viewer"]) == Exit.DONE
        token = capsys.readouterr().out.split()[-1]
        answer = httpx.get(
            f"{served['console']}/api/v1/devices", headers={"Authorization": f"Bearer {token}"}
        )
        assert len(answer.json()["devices"]) == 1
        with FederationClient(served["addresses"]["omega-federation-worker"]) as worker:
            with pytest.raises(ServiceError) as refused:
                worker.run_round(federation_pb.RunRoundRequest(request_id=str(uuid.uuid4())))
            # It ran, and said that one device is too few.
            assert refused.value.reason == "ROUND_NOT_POSSIBLE"
        children = family(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == Exit.DONE
        assert gone(children)


def test_what_was_served_is_there_after_a_kill(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "titles.csv"
    file.write_text("content_id,title,kind\na,A,movie\n")
    with serving(data) as (process, served):
        kept = {path: path.read_bytes() for path in (data / "pki").iterdir()}
        target = served["addresses"]["omega-constellation"]
        arguments = [str(file), "--target", target, "--cache-dir", str(tmp_path)]
        assert main(["content", "import", *arguments]) == Exit.DONE
        children = family(process)
        process.kill()
        until(lambda: gone(children))
    ports = [f"--constellation-port={target.rpartition(':')[2]}"]
    with serving(data, *ports) as (process, served):
        assert served["addresses"]["omega-constellation"] == target
        assert titles(served) == 1
        assert {path: path.read_bytes() for path in (data / "pki").iterdir()} == kept
        with (
            pytest.raises(OmegaError, match="--data must be a folder that no other process"),
            ServeFolder(data).locked(),
        ):
            pass


def test_a_port_that_is_none_is_refused(tmp_path: Path) -> None:
    assert main(["serve", "--data", str(tmp_path), "--sync-port", "65536"]) == Exit.FAILED
    assert list(tmp_path.iterdir()) == []


def test_with_reports_both_servers_of_another_party_run_beside(data: Path, tmp_path: Path) -> None:
    ports = ["--relay-port=0", "--randomness-port=0"]
    with serving(data, "--privacy", "threshold", *ports) as (process, served):
        assert {"omega-randomness", "omega-relay"} <= served["pids"].keys()
        tv = served["tv"]
        assert tv["OMEGA_BRAIN_SHARING"] == "threshold"
        urls = [tv[f"OMEGA_BRAIN_{party}_URL"] for party in ("RELAY", "RANDOMNESS")]
        ways = [
            ClientTls(Path(tv[f"OMEGA_BRAIN_{party}_TLS_CA"])) for party in ("RELAY", "RANDOMNESS")
        ]
        with (
            RelayClient(urls[0].removeprefix("https://"), tls=ways[0]) as relay,
            RandomnessClient(urls[1].removeprefix("https://"), tls=ways[1]) as randomness,
        ):
            epoch = relay.get_reporting_keys().keys.epochs[-1]
            assert randomness.get_public_key(epoch.epoch).public_key == epoch.randomness
        settings = {
            "OMEGA_BRAIN_STORAGE_PATH": str(tmp_path / "tv"),
            "OMEGA_BRAIN_ENCODER": "lexical",
            "OMEGA_BRAIN_SYNC_INTERVAL_SECS": "0",
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
            **tv,
        }
        with ServiceProcess(["omega-brain"], settings) as brain:
            assert brain.serving()
        children = family(process)
    until(lambda: gone(children))
    assert (data / "threshold-secret").stat().st_mode & 0o777 == 0o600
