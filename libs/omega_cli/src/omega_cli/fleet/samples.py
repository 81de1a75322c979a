"""What is looked at along virtual time."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import LiteralString

import numpy as np

from omega_cli.bench import proc
from omega_cli.fleet.library import Library
from omega_cli.fleet.site import FleetSite
from omega_cli.fleet.turns import Turns
from omega_core.errors import OmegaError
from omega_store import Store, StoreConfig
from omega_store.rounds import RoundStatus
from omega_store.rows import only

SIMULATOR = "simulator"
"""The simulator among the parts."""

_SIZES: LiteralString = (
    "SELECT coalesce(pg_partition_root(oid), oid)::regclass::text AS name,"
    " sum(pg_total_relation_size(oid)) FROM pg_class"
    " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace GROUP BY 1 ORDER BY 1"
)
_COUNTED = ("devices", "pushes", "kept_rows")
_ROWS: LiteralString = (
    "SELECT (SELECT count(*) FROM devices), (SELECT count(*) FROM pushes),"
    " (SELECT count(*) FROM kept_rows)"
)


@dataclass(frozen=True)
class Stored:
    """A table of the database."""

    rows: int
    """0 = they were not counted."""
    bytes: int
    """With indexes."""


@dataclass(frozen=True)
class Sample:
    """One stretch of virtual time, from the sample before it on."""

    hour: float
    """Virtual hours since TVs began to live, at its end."""
    seconds: float
    """Real seconds that it took."""
    on: int
    """TVs that were on at its end."""
    exchanges: int
    """Answered ones."""
    failures: dict[str, int]
    """Turns that failed, by reason."""
    calls: dict[str, int]
    """Answered calls, by method."""
    latency_ms: dict[str, float]
    """p50, p99 and max of an exchange as a TV sees it, in real time; empty without any."""
    up: int
    """Bytes of requests."""
    down: int
    """Bytes of answers, bodies of resources left out."""
    bodies: int
    """Bytes of resources."""
    cpu: dict[str, float]
    """Seconds of processor time, by part."""
    memory_mb: dict[str, float]
    """Resident memory at its end, by part that runs."""
    database_bytes: int
    """Size of the database at its end; 0 = it did not answer."""
    rounds: dict[str, int] = field(default_factory=dict)
    """Rounds so far, by status."""

    @property
    def error_rate(self) -> float:
        """Share of turns that failed, 0 to 1."""
        failed = sum(self.failures.values())
        return failed / max(failed + self.exchanges, 1)


class Sampler:
    """Takes samples.

    Args:
        site: the servers.
        turns: what TVs did.
        library: what they read.
    """

    def __init__(self, site: FleetSite, turns: Turns, library: Library) -> None:
        self._site = site
        self._turns = turns
        self._library = library
        self._at = time.perf_counter()
        self._cpu = self._used()
        self._store = Store.connect(
            site.database_url, StoreConfig(pool_size=2, application_name="omega-fleet")
        )

    def take(self, hour: float, on: int) -> Sample:
        """The stretch since the last one."""
        now, used, tally = time.perf_counter(), self._used(), self._turns.taken()
        size, rounds = self._database()
        quantiles = {}
        if tally.seconds:
            p50, p99, top = np.quantile(tally.seconds, (0.5, 0.99, 1.0)) * 1e3
            quantiles = {"p50": float(p50), "p99": float(p99), "max": float(top)}
        taken = Sample(
            hour=hour,
            seconds=now - self._at,
            on=on,
            exchanges=tally.exchanges,
            failures=dict(tally.failures),
            calls=dict(tally.calls),
            latency_ms=quantiles,
            up=tally.up,
            down=tally.down,
            bodies=tally.bodies,
            # Processes that Postgres started since may have ended uncounted.
            cpu={part: max(used[part] - self._cpu.get(part, 0.0), 0.0) for part in used},
            memory_mb=self._site.memory() | {SIMULATOR: proc.resident_mb(os.getpid())},
            database_bytes=size,
            rounds=rounds,
        )
        self._at, self._cpu = now, used
        return taken

    def tables(self) -> dict[str, Stored]:
        """What each table holds; partitions count as one."""
        with self._store.statements() as conn:
            sizes = conn.execute(_SIZES).fetchall()
            rows = only(conn.execute(_ROWS).fetchone())
        counted = dict(zip(_COUNTED, rows, strict=True))
        return {name: Stored(counted.get(name, 0), int(size)) for name, size in sizes}

    def close(self) -> None:
        """Ends its sessions."""
        self._store.close()

    def _used(self) -> dict[str, float]:
        return self._site.cpu() | {SIMULATOR: time.process_time()}

    def _database(self) -> tuple[int, dict[str, int]]:
        """Bytes of the database, and rounds by status; nothing where it does not answer."""
        try:
            with self._store.statements() as conn:
                size = only(conn.execute("SELECT pg_database_size(current_database())").fetchone())
                rows = conn.execute("SELECT status, count(*) FROM rounds GROUP BY 1").fetchall()
        except OmegaError:
            return 0, {}
        return int(size[0]), {RoundStatus(status).name.lower(): n for status, n in rows}
