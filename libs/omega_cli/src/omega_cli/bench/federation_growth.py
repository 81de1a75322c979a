"""How time and memory of a refresh grow with the fleet, with one worker and with two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omega_cli.bench import proc
from omega_cli.bench.federation import TOGETHER, Fleet, Plan
from omega_cli.bench.figures import Figure
from omega_store import Store, migrate
from omega_testing.postgres import EmbeddedPostgres

_WORKERS = (1, 2)
_LOOK_SECONDS = 0.1


def measure(
    postgres: EmbeddedPostgres, plan: Plan, sizes: Sequence[int], say: Callable[[str], None]
) -> dict[str, Figure]:
    """A refresh of each size, by one worker over one shard and by two over two.

    The second figure is the greatest peak of a single process: beside two workers, one leads.
    """
    seconds, peaks = dict[str, float](), dict[str, float]()
    for devices in sizes:
        for workers in _WORKERS:
            name = f"{devices:,} devices, {workers} worker{'s' * (workers > 1)}"
            say(f"growth: {name}")
            seconds[name], peaks[name] = _run(postgres, replace(plan, devices=devices), workers)
    last = next(reversed(seconds))
    return {
        "growth_s": Figure(seconds[last], "s", "", seconds),
        "growth_peak_mb": Figure(peaks[last], "MB", "<= 2,048", peaks),
    }


def _run(postgres: EmbeddedPostgres, plan: Plan, workers: int) -> tuple[float, float]:
    names = [chr(ord("a") + n) for n in range(workers)]
    with ExitStack() as stack:
        urls = {}
        for name in names:
            database = f"growth_{name}"
            urls[name] = postgres.create_database(database)
            stack.callback(postgres.drop_database, database)
            migrate(urls[name])
            store = stack.enter_context(Store.connect(urls[name]))
            fleet = Fleet(store, plan)
            if name == names[0]:
                fleet.publish_catalogue()
            mine, long_ago = plan.devices // workers, datetime.now(UTC) - timedelta(days=30)
            for first in range(0, mine, TOGETHER):
                fleet.add(min(TOGETHER, mine - first), long_ago)
        if workers == 1:
            return _timed([("--refresh", {"OMEGA_FEDERATION_DATABASE_URL": urls[names[0]]})])
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        file = Path(directory, "shards.json")
        entries = [{"name": name, "database_url": url} for name, url in urls.items()]
        file.write_text(json.dumps({"home": names[0], "shards": entries}), "utf-8")
        environ = {"OMEGA_FEDERATION_SHARDS_FILE": str(file)}
        parts = [("--part", {**environ, "JOB_COMPLETION_INDEX": str(n)}) for n in range(workers)]
        return _timed([("--lead", environ), *parts])


def _timed(commands: Sequence[tuple[str, dict[str, str]]]) -> tuple[float, float]:
    """Runs workers together until all have ended: seconds, and the greatest peak of one in MB.

    Raises:
        RuntimeError: one of them failed.
    """
    program = str(Path(sys.prefix) / "bin" / "omega-federation-worker")
    begun, peak = time.monotonic(), 0.0
    running = [
        subprocess.Popen(
            [program, flag],
            env={**os.environ, **environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for flag, environ in commands
    ]
    try:
        while any(each.poll() is None for each in running):
            for each in running:
                try:
                    peak = max(peak, proc.peak_mb(each.pid))
                except OSError:
                    continue  # it has ended
            time.sleep(_LOOK_SECONDS)
    finally:
        for each in running:
            each.kill()
            each.wait()
    if any(each.returncode for each in running):
        raise RuntimeError("a worker failed")
    return time.monotonic() - begun, peak
