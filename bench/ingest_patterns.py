"""Sketches made durable in Postgres from one process, by each way of writing them.

`python bench/ingest_patterns.py [--seconds 3] [--json]`. Every push holds 16 sketches. Beside the
figure stand a commit a push, which any grouping must beat, and the CPU time that went into it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from omega_core.clock import SystemClock
from omega_store import PushWriter, Store, migrate, pushes
from omega_store.pushes import Push
from omega_testing.fleet import push, registered
from omega_testing.postgres import EmbeddedPostgres

SKETCHES = 16
DEVICES = 2_000
THREADS = 8


@dataclass
class Measured:
    """One way of writing."""

    sketches_s: float
    pushes_s: float
    own_cpu_share: float
    postgres_cpu_share: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each way")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with EmbeddedPostgres() as cluster:
        migrate(cluster.url)
        with Store.connect(cluster.url) as store, PushWriter(store) as writer:
            ids = registered(store, DEVICES)
            ways: dict[str, tuple[int, int, Callable[[Sequence[Push]], object]]] = {
                "commit a push": (1, 1, lambda batch: _commit(store, batch)),
                "staged COPY of 256 pushes": (1, 256, lambda batch: _commit(store, batch)),
                "staged COPY of 2,048 pushes": (1, 2_048, lambda batch: _commit(store, batch)),
                f"PushWriter, {THREADS} callers, a push a call": (THREADS, 1, writer.write),
                "PushWriter, 64 callers, a push a call": (64, 1, writer.write),
                f"PushWriter, {THREADS} callers, 256 pushes a call": (THREADS, 256, writer.write),
            }
            found = {
                name: _measure(cluster, ids, arguments.seconds, threads, size, write)
                for name, (threads, size, write) in ways.items()
            }
    _print(found, as_json=arguments.json)


def _commit(store: Store, batch: Sequence[Push]) -> None:
    with store.transaction() as conn:
        pushes.store(conn, batch, SystemClock().now())


def _measure(
    cluster: EmbeddedPostgres,
    ids: Sequence[str],
    seconds: float,
    threads: int,
    size: int,
    write: Callable[[Sequence[Push]], object],
) -> Measured:
    # Made before the clock runs: drawing them is the fleet's work.
    prepared = [
        [[push(ids[(i + t) % len(ids)], SKETCHES) for i in range(n, n + size)]
         for n in range(0, _enough(threads, size, seconds), size)]
        for t in range(threads)
    ]  # fmt: skip
    counts = [0] * threads
    begun = time.perf_counter()
    own, server = time.process_time(), _server_cpu(cluster)

    def work(thread: int) -> None:
        for batch in prepared[thread]:
            if time.perf_counter() - begun > seconds:
                break
            write(batch)
            counts[thread] += len(batch)

    workers = [threading.Thread(target=work, args=(t,)) for t in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    taken = time.perf_counter() - begun
    return Measured(
        sketches_s=sum(counts) * SKETCHES / taken,
        pushes_s=sum(counts) / taken,
        own_cpu_share=(time.process_time() - own) / taken,
        postgres_cpu_share=(_server_cpu(cluster) - server) / taken,
    )


def _enough(threads: int, size: int, seconds: float) -> int:
    """Pushes a thread could write at most."""
    return max(size, int(seconds * (20_000 if size > 1 else 6_000) / threads))


def _server_cpu(cluster: EmbeddedPostgres) -> float:
    root = psutil.Process(cluster.pid)
    times = [p.cpu_times() for p in (root, *root.children())]
    return sum(t.user + t.system for t in times)


def _print(found: dict[str, Measured], *, as_json: bool) -> None:
    best = max(found, key=lambda name: found[name].sketches_s)
    if as_json:
        figure = {
            "value": round(found[best].sketches_s),
            "unit": "1/s",
            "goal": ">= 20000",
            "beside": {name: round(m.sketches_s) for name, m in found.items()},
        }
        machine = {"cores": os.cpu_count(), "python": platform.python_version()}
        print(
            json.dumps(
                {"bench": "ingest", "machine": machine, "figures": {"ingest_patterns_s": figure}}
            )
        )
        return
    print(f"{'way':45} {'sketches/s':>11} {'pushes/s':>9} {'own CPU':>8} {'Postgres CPU':>13}")
    for name, m in found.items():
        print(
            f"{name:45} {m.sketches_s:11,.0f} {m.pushes_s:9,.0f}"
            f" {m.own_cpu_share:8.0%} {m.postgres_cpu_share:13.0%}"
        )


if __name__ == "__main__":
    main()
