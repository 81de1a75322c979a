"""Figures of a brain that serves: latency, start, memory, and memory over days."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega.brain.v1 import brain_service_pb2 as pb
from omega_cli.bench import day
from omega_cli.bench.corpus import catalogue
from omega_cli.bench.figures import Figure, best, quantile_ms, timed
from omega_cli.bench.household import Household
from omega_cli.bench.plan import Plan
from omega_cli.bench.proc import resident_in, resident_mb, slope
from omega_client import BrainClient
from omega_core.content import Content
from omega_rpc.channel import connect
from omega_testing.processes import ServiceProcess

_FLOOR = "import grpc, numpy; print(open('/proc/self/status').read())"


@dataclass(frozen=True)
class Served:
    """What was measured of one brain."""

    start: float
    """Best time to SERVING, in seconds."""
    recommended: Sequence[Sequence[float]]
    """Seconds of each list, a run each."""
    observed: Sequence[Sequence[float]]
    """Seconds of each viewing, a run each."""
    empty: Sequence[Sequence[float]]
    """Seconds of each empty call, a run each."""
    used: float
    """Resident memory after these calls, in MB."""
    days: Sequence[float]
    """Resident memory after each simulated day that counts, in MB."""


def measure(plan: Plan, say: Callable[[str], None]) -> dict[str, Figure]:
    """Every figure of a brain with an encoder, and of one without; `say` hears what is done."""
    contents = catalogue(plan.titles)
    with tempfile.TemporaryDirectory(prefix="omega-bench-") as root:
        served, without = (
            _served(plan, Path(root, name), contents, encoder, say)
            for name, encoder in (("with", plan.encoder), ("without", "lexical"))
        )
        commit = _commit(Path(root), plan.calls)
    return _figures(served, without, commit)


def _served(
    plan: Plan,
    directory: Path,
    contents: Sequence[Content],
    encoder: str,
    say: Callable[[str], None],
) -> Served:
    household = Household(directory, contents, encoder, plan.cache_dir)
    say(f"{encoder}: {plan.titles:,} titles and {plan.events:,} viewings")
    household.fill(plan.events)
    say(f"{encoder}: starts")
    starts = [household.start_seconds() for _ in range(plan.runs)]
    recommended, observed, empty = [], [], []
    with (
        household.started() as process,
        BrainClient(process.address, timeout=60) as client,
        connect(process.address) as channel,
    ):
        say(f"{encoder}: calls")
        for run in range(plan.runs):
            viewings = range(run * plan.viewings, (run + 1) * plan.viewings)
            observed.append([_observe(client, contents, i) for i in viewings])
            recommended.append([_recommend(client, i) for i in range(plan.calls)])
            empty.append([_empty(channel) for _ in range(plan.calls)])
        day.send(client, pb.QueryMemoryRequest(query_text="a film for the whole family"))
        used = resident_mb(process.pid)
        days = _days(plan, process, client, contents, lambda text: say(f"{encoder}: {text}"))
    return Served(best(starts), recommended, observed, empty, used, days)


def _days(
    plan: Plan,
    process: ServiceProcess,
    client: BrainClient,
    contents: Sequence[Content],
    say: Callable[[str], None],
) -> list[float]:
    """Resident memory after each day that counts; the days end at the present one."""
    count = plan.warm_days + plan.days
    begin = datetime.now(UTC) - timedelta(days=count)
    held = []
    for number in range(count):
        say(f"day {number + 1} of {count}")
        steps = day.steps(number, begin + timedelta(days=number), contents)
        for step in steps[:: plan.thinned]:
            day.send(client, step.request)
        held.append(resident_mb(process.pid))
    return held[plan.warm_days :]


def _figures(served: Served, without: Served, commit: float) -> dict[str, Figure]:
    floor = {q: _best_ms(served.empty, q) for q in (0.5, 0.99)}
    python_mb, python_s = _python()
    return {
        **{
            f"recommend_p{round(100 * q)}_ms": Figure(
                _best_ms(served.recommended, q),
                "ms",
                goal,
                {"empty RPC": floor[q], "without encoder": _best_ms(without.recommended, q)},
            )
            for q, goal in ((0.5, "<= 4"), (0.99, "<= 8"))
        },
        "observe_p99_ms": Figure(
            _best_ms(served.observed, 0.99),
            "ms",
            "<= 8",
            {
                "empty RPC": floor[0.99],
                "SQLite commit, synchronous=FULL": commit,
                "without encoder": _best_ms(without.observed, 0.99),
            },
        ),
        "rss_mb": Figure(
            served.used,
            "MB",
            "<= 150",
            {"python, grpc, numpy": python_mb, f"{len(served.days)} days later": served.days[-1]},
        ),
        "rss_without_encoder_mb": Figure(
            without.used,
            "MB",
            "<= 90",
            {"python, grpc, numpy": python_mb, f"{len(without.days)} days later": without.days[-1]},
        ),
        "start_s": Figure(
            served.start,
            "s",
            "<= 1.5",
            {"python, grpc, numpy": python_s, "without encoder": without.start},
        ),
        "memory_growth_mb_24h": Figure(
            slope(served.days), "MB", "<= 0.1", {"without encoder": slope(without.days)}
        ),
    }


def _best_ms(runs: Sequence[Sequence[float]], q: float) -> float:
    return best([quantile_ms(run, q) for run in runs])


def _recommend(client: BrainClient, number: int) -> float:
    request = pb.GetRecommendationsRequest(limit=20, context=day.context(number))
    return timed(lambda: client.get_recommendations(request))


def _observe(client: BrainClient, contents: Sequence[Content], number: int) -> float:
    request = pb.ObserveEventRequest(
        event_id=f"bench-{number}",
        content_id=contents[number * 17 % len(contents)].content_id,
        watch_percentage=0.9,
    )
    return timed(lambda: client.observe_event(request))


def _empty(channel: grpc.Channel) -> float:
    stub = health_pb2_grpc.HealthStub(channel)
    return timed(lambda: stub.Check(health_pb2.HealthCheckRequest(), timeout=5))


def _commit(root: Path, calls: int) -> float:
    """p99 of committing one row of 1 kB: what durability costs on this disk, in milliseconds."""
    with closing(sqlite3.connect(root / "floor.db", isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (b BLOB);"
        )
        row = (os.urandom(1_000),)
        took = [
            timed(lambda: connection.execute("INSERT INTO t VALUES (?)", row)) for _ in range(calls)
        ]
    return quantile_ms(took, 0.99)


def _python() -> tuple[float, float]:
    """Resident MB and seconds of a Python that only imports what no service does without."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", _FLOOR]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return resident_in(done.stdout), time.perf_counter() - begun
