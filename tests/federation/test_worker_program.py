"""The console script: one round, periods, settings."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega_core.errors import OmegaError
from omega_federation_worker.config import FederationConfig
from omega_federation_worker.schedule import request_id
from omega_store import Store, migrate, rounds, states
from omega_store.rounds import RoundStatus
from omega_testing.processes import ServiceProcess
from omega_testing.taste_shard import SIGMA, TasteShard

PROGRAM = str(Path(sys.prefix) / "bin" / "omega-federation-worker")


def settings(database_url: str, **more: str) -> dict[str, str]:
    return {
        "OMEGA_FEDERATION_DATABASE_URL": database_url,
        "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
        "OMEGA_FEDERATION_SIGMA": str(SIGMA),
        **{f"OMEGA_FEDERATION_{name}": value for name, value in more.items()},
    }


def program(flag: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, flag], env=environ, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.usefixtures("fleet")
def test_once_publishes_a_round_and_ends(database_url: str, store: Store) -> None:
    done = program("--once", settings(database_url))
    assert done.returncode == 0, done.stderr
    with store.snapshot() as conn:
        assert rounds.get(conn, 1).status == RoundStatus.SUCCEEDED
        assert states.current(conn).version == 1


def test_once_fails_with_the_reason(database_url: str, shard: TasteShard) -> None:
    shard.publish_catalogue()
    done = program("--once", settings(database_url))
    assert done.returncode == 69
    assert "a round needs 3 devices with sketches" in done.stderr


def test_wrong_settings_are_named() -> None:
    done = program("--check-config", settings("postgresql://x", RANK="0"))
    assert done.returncode == 78
    assert "rank must be between 1 and 256" in done.stderr
    assert program("--check-config", settings("postgresql://x")).returncode == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("database_url", "no url"),
        ("period_seconds", -1),
        ("sigma", 65.0),
        ("lam", 0.0),
        ("rank", 257),
        ("min_devices", 2),
        ("max_patterns", 81),
        ("pool_size", 1),
        ("acquire_seconds", 0.0),
        ("statement_seconds", 0.0),
    ],
)
def test_settings_have_bounds(field: str, value: float | str) -> None:
    with pytest.raises(OmegaError) as caught:
        FederationConfig(**({"database_url": "postgresql://x"} | {field: value}))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


def test_a_password_stays_out_of_the_settings_text() -> None:
    assert "secret" not in repr(FederationConfig(database_url="postgresql://u:secret@h/x"))


@pytest.mark.usefixtures("fleet")
def test_workers_of_one_shard_run_a_period_once_between_them(
    database_url: str, store: Store
) -> None:
    environ = settings(database_url, PERIOD_SECONDS="604800")
    with (
        ServiceProcess(["omega-federation-worker"], environ) as first,
        ServiceProcess(["omega-federation-worker"], environ) as second,
    ):
        deadline = time.monotonic() + 30
        while True:
            with store.snapshot() as conn:
                if states.current(conn).version:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert first.running()
        assert second.running()
        assert first.terminate() == 0
        assert second.terminate() == 0
    with store.snapshot() as conn:
        [(count,)] = conn.execute("SELECT count(*) FROM rounds").fetchall()
    assert count == 1


def test_a_worker_waits_for_the_schema_and_then_works(empty_database_url: str) -> None:
    environ = settings(empty_database_url, PERIOD_SECONDS="604800")
    with (
        ServiceProcess(["omega-federation-worker"], environ, serving=False) as process,
        Store.connect(empty_database_url) as store,
    ):
        assert not process.serving()
        migrate(empty_database_url)
        process.wait_serving()
        deadline = time.monotonic() + 40
        while True:
            with store.snapshot() as conn:
                found = conn.execute("SELECT error_code FROM rounds WHERE status = 3").fetchall()
            if found:
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert found == [("ROUND_NOT_POSSIBLE",)]


def test_a_period_has_one_request_id() -> None:
    start = datetime(2026, 3, 4, 5, 0, tzinfo=UTC)
    inside = [request_id(start + timedelta(seconds=s), 600) for s in (0, 1, 599)]
    assert len(set(inside)) == 1
    assert request_id(start + timedelta(seconds=600), 600) not in inside
    assert request_id(start, 300) not in inside
