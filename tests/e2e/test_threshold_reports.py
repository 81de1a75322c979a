"""Households report through a real randomness server, relay and fleet; the operator counts.

Each of the four services is a process of its own, before a real Postgres.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from omega_client import RandomnessClient, RelayClient, SyncClient
from omega_core.shared_clock import VARIABLE, MovedClock
from omega_rpc.tokens import new_key_line
from omega_store import migrate
from omega_testing.fleet import NOW
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess
from omega_testing.reporting import ReportingTV
from omega_testing.site import enrolled, write
from omega_threshold import Pair
from omega_threshold.intake import Outcome

THRESHOLD = 3
TIMELESS = ("threshold_inbox", "threshold_spent", "threshold_sealed", "threshold_opened")


@dataclass
class Fleet:
    """The four services, and what may be looked at of them."""

    clock: MovedClock
    folder: Path
    postgres: EmbeddedPostgres
    url: str
    sync: SyncClient
    randomness: RandomnessClient
    relay: RelayClient

    def tv(self) -> ReportingTV:
        """A TV that has just registered."""
        device = enrolled(self.sync)
        device.clock = self.clock
        return ReportingTV(self.sync, device.prover, self.randomness, self.relay)

    def rows(self, query: LiteralString) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as conn:
            return conn.execute(query).fetchall()

    def inbox(self) -> list[bytes]:
        """Reports, as their rows lie."""
        return [row[0] for row in self.rows("SELECT report FROM threshold_inbox ORDER BY ctid")]

    def dump(self) -> bytes:
        """All that the operator's database holds."""
        done = subprocess.run(
            [self.postgres.programs / "pg_dump", "--dbname", self.url, "--no-comments"],
            capture_output=True,
            check=True,
            env={"LC_ALL": "C"},
        )
        return done.stdout


@pytest.fixture(scope="module")
def fleet(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("parties")
    url = postgres.create_database("reports")
    migrate(url)
    secret = write(folder / "secret", os.urandom(32).hex().encode())
    token_keys = write(folder / "token.keys", new_key_line().encode())
    with ExitStack() as stack:
        stack.callback(postgres.drop_database, "reports")
        clock = stack.enter_context(MovedClock(folder / "clock", NOW))
        (folder / "randomness").mkdir()

        def started(name: str, **settings: str) -> str:
            prefix = name.upper().replace("-", "_")
            environ = {f"{prefix}_{key}": value for key, value in settings.items()}
            environ |= {f"{prefix}_LISTEN": "127.0.0.1:0", VARIABLE: str(folder / "clock")}
            environ |= {"OMEGA_LOG_LEVEL": "INFO"}
            process = ServiceProcess([name], environ, directory=folder / name)
            return stack.enter_context(process).address

        randomness = started("omega-randomness", STORAGE_PATH=str(folder / "randomness"))
        constellation = started(
            "omega-constellation",
            DATABASE_URL=url,
            THRESHOLD_SECRET_FILE=str(secret),
            THRESHOLD=str(THRESHOLD),
            RANDOMNESS_TARGET=randomness,
        )
        sync = started(
            "omega-sync",
            CONSTELLATION_TARGET=constellation,
            TOKEN_KEYS=str(token_keys),
            DEVICE_SYNC_BURST="100",
        )
        relay = started("omega-relay", GATEWAY_TARGET=sync, CALL_BURST="100000")
        yield Fleet(
            clock,
            folder,
            postgres,
            url,
            stack.enter_context(SyncClient(sync)),
            stack.enter_context(RandomnessClient(randomness)),
            stack.enter_context(RelayClient(relay)),
        )


def test_smoke(fleet: Fleet) -> None:
    tv = fleet.tv()
    (s,) = tv.submissions([Pair.of("a", "b")])
    assert tv.submit(s) is Outcome.TAKEN
    assert tv.submit(s) is Outcome.TAKEN
    assert len(fleet.inbox()) == 1
    assert b"threshold_inbox" in fleet.dump()
