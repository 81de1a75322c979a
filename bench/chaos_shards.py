"""Shards on real servers: one is added under load, a primary killed, one drained, one split."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from omega_testing.chaos_shards import ChaosShards, Plan, Report


def main() -> int:
    """Runs and prints; 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--threads", type=int, default=4, help="of the load")
    parser.add_argument("--seconds", type=float, default=10.0, help="load beside each step")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    plan = Plan(arguments.devices, arguments.threads, arguments.seconds)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="omega-shards-") as folder:
        run = ChaosShards(plan, Path(folder), lambda step: print(step, file=sys.stderr))
        report = run.run()
    if arguments.json:
        print(json.dumps({"ok": report.ok(), **asdict(report)}))
    else:
        _table(report, time.monotonic() - begun)
    return 0 if report.ok() else 1


def _table(report: Report, seconds: float) -> None:
    print(f"{'devices':32}{report.devices:>10,}")
    print(f"{'pushes acknowledged':32}{report.acknowledged:>10,}")
    print(f"{'pushes stored':32}{report.stored:>10,}")
    for reason, times in sorted(report.refused.items()):
        print(f"{'to be repeated: ' + reason:32}{times:>10,}")
    print(f"{'the worker was killed':32}{report.kills:>10,}")
    for what, number in report.counted.items():
        print(f"{what + ' of a round':32}{number:>10,}")
    for step, took in report.seconds.items():
        moved = f"{report.moved[step]:>10,} devices moved" if step in report.moved else ""
        print(f"{step:32}{took:>8.1f} s{moved}")
    for shard, devices in report.places.items():
        print(f"{'devices at ' + shard:32}{devices:>10,}")
    for sentence in report.wrong:
        print(f"WRONG: {sentence}")
    print(f"{'all held' if report.ok() else 'NOT HELD'} after {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
