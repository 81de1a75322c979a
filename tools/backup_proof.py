"""Backs a shard up under load, loses its server, and goes on from the backup in another one."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from proof_site import sample_shard, say

from omega_testing.backup_drill import BackupDrill, Plan


def main() -> int:
    """Runs and prints; 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=Plan.devices, help="that push without end")
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="load between steps")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    titles, publish = sample_shard()
    plan = Plan(titles, publish, devices=arguments.devices, seconds=arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="omega-backup-") as name:
        report = BackupDrill(plan, Path(name), say).run()
    if arguments.json:
        print(json.dumps({"proof": "backup", "ok": report.ok(), "figures": asdict(report)}))
    else:
        for key, value in asdict(report).items():
            print(f"{key:20} {value:.1f}" if isinstance(value, float) else f"{key:20} {value}")
        print("all held" if report.ok() else "NOT ALL HELD")
    return 0 if report.ok() else 1


if __name__ == "__main__":
    sys.exit(main())
