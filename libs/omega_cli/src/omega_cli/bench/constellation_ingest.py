"""Sketches made durable from one process, beside what Postgres does without a constellation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_cli.bench import proc
from omega_cli.bench.figures import Figure
from omega_client import ConstellationClient
from omega_store import PushWriter, Store
from omega_store.pushes import Push
from omega_testing.fleet import push, registered
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess

Write = Callable[[Sequence[Push]], object]
_CALLERS = 8
_CALL = 256
_SKETCHES = 16
_FEW = 4
_COPY = "COPY plain_pushes FROM STDIN (FORMAT binary)"
_TYPES = ("text", "uuid", "text", "bytea", "bytea", "int4", "timestamptz", "int2")
_UPSERT = (
    "INSERT INTO plain_pushes VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (device_id, request_id) DO NOTHING"
)
_WAYS = 7


def steps(runs: int) -> int:
    """How often measure() says that it goes on."""
    return 1 + runs * _WAYS


def measure(
    postgres: EmbeddedPostgres,
    store: Store,
    devices: int,
    seconds: float,
    runs: int,
    advance: Callable[[str], None],
) -> dict[str, Figure]:
    """ingest_patterns_s and what of the processors it took."""
    advance("registering devices")
    ids = registered(store, devices, datetime.now(UTC))
    with store.statements() as conn:
        # The same columns and key in one plain table, without devices that own the pushes.
        conn.execute("CREATE TABLE plain_pushes (LIKE pushes, PRIMARY KEY (device_id, request_id))")
    best: dict[str, tuple[float, dict[str, float]]] = {}
    with (
        PushWriter(store) as writer,
        _served(postgres) as (served, call),
        _plain(postgres.url) as plain,
    ):
        parts = {"Postgres": [postgres.pid], "constellation": [served.pid]}
        ways: dict[str, tuple[int, int, int, Write]] = {
            "the writer": (_CALLERS, _CALL, _SKETCHES, writer.write),
            "over gRPC, IngestPatterns": (_CALLERS, _CALL, _SKETCHES, call),
            "the writer, 4 sketches a push": (_CALLERS, _CALL, _FEW, writer.write),
            "the writer, 64 callers with a push each": (64, 1, _SKETCHES, writer.write),
            "plain COPY of 2,048 pushes": (1, 2_048, _SKETCHES, lambda b: _copy(plain, b)),
            "a row an upsert, 2,048 a commit": (1, 2_048, _SKETCHES, lambda b: _rows(plain, b)),
            "a row an upsert, one a commit": (1, 1, _SKETCHES, lambda b: _rows(plain, b)),
        }
        for turn in range(runs):
            for name, (callers, size, sketches, write) in ways.items():
                advance(f"{name}, run {turn + 1} of {runs}")
                before = _used(parts)
                rate, taken = _rate(ids, seconds, callers, size, sketches, write)
                shares = {p: (s - before[p]) / taken for p, s in _used(parts).items()}
                if name not in best or rate > best[name][0]:
                    best[name] = (rate, shares)
    rates = {name: rate for name, (rate, _) in best.items()}
    own = rates.pop("the writer")
    used = best["the writer"][1]
    return {
        "ingest_patterns_s": Figure(own, "sketches a second", ">= 20,000", rates),
        "ingest_processors": Figure(
            used["this process"] + used["Postgres"],
            "processors",
            "",
            {name: used[name] for name in ("this process", "Postgres")},
        ),
    }


def _rate(
    ids: Sequence[str], seconds: float, callers: int, size: int, sketches: int, write: Write
) -> tuple[float, float]:
    """Sketches a second, and the seconds that it took."""
    # Pushes are made before the clock runs: drawing them is the fleet's work. Each is sent again
    # under another request id, so that few of them last for long.
    made = [[push(ids[(c + i) % len(ids)], sketches) for i in range(size)] for c in range(callers)]
    counts = [0] * callers
    begun = time.perf_counter()

    def work(caller: int) -> None:
        turn = 0
        while time.perf_counter() - begun < seconds:
            write([_again(p, caller, turn, i) for i, p in enumerate(made[caller])])
            counts[caller] += size
            turn += 1

    threads = [threading.Thread(target=work, args=(c,)) for c in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - begun
    return sum(counts) * sketches / taken, taken


def _again(sent: Push, caller: int, turn: int, number: int) -> Push:
    """The same push as a new one."""
    base = UUID(sent.request_id).int & ~((1 << 64) - 1)
    request_id = str(UUID(int=base | caller << 48 | turn << 16 | number))
    return Push(sent.device_id, request_id, sent.model_version, sent.sketches, sent.classes)


def _used(parts: dict[str, list[int]]) -> dict[str, float]:
    """Seconds of processor time of each part."""
    used = {name: sum(map(proc.used_seconds, pids)) for name, pids in parts.items()}
    return used | {"this process": time.process_time()}


@contextmanager
def _served(postgres: EmbeddedPostgres) -> Iterator[tuple[ServiceProcess, Write]]:
    """A constellation of its own, and what writes through it."""
    environ = {
        "OMEGA_CONSTELLATION_DATABASE_URL": postgres.url,
        "OMEGA_CONSTELLATION_LISTEN": "127.0.0.1:0",
    }
    with (
        ServiceProcess(["omega-constellation"], environ) as served,
        ConstellationClient(served.address, timeout=60) as client,
    ):
        served.wait_serving()

        def call(batch: Sequence[Push]) -> object:
            return client.ingest_patterns(
                pb.IngestPatternsRequest(
                    pushes=[
                        pb.DevicePush(
                            device_id=p.device_id,
                            request_id=p.request_id,
                            model_version=p.model_version,
                            sketches=p.sketches,
                            classes=p.classes,
                        )
                        for p in batch
                    ]
                )
            )

        yield served, call


@contextmanager
def _plain(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn


def _values(p: Push, now: datetime) -> tuple[object, ...]:
    device = (p.device_id, UUID(p.request_id), p.model_version)
    return (*device, p.sketches, p.classes, p.count, now, None)


def _copy(conn: psycopg.Connection, batch: Sequence[Push]) -> None:
    now = datetime.now(UTC)
    with conn.transaction(), conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for p in batch:
            copy.write_row(_values(p, now))


def _rows(conn: psycopg.Connection, batch: Sequence[Push]) -> None:
    now = datetime.now(UTC)
    with conn.transaction():
        for p in batch:
            conn.execute(_UPSERT, _values(p, now))
