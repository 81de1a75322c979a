"""Real TVs that report pairs over weeks of virtual time, while every party is killed or away."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from omega_client import ConstellationClient
from omega_core.catalogue_file import read_catalogue
from omega_embed import open_encoder
from omega_testing.chaos_threshold import ChaosThreshold, Plan
from omega_titles.importing import import_contents

TITLES = Path(__file__).parents[1] / "data" / "sample" / "titles.jsonl"
_TITLES = 60


def main() -> int:
    """Runs and prints; 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tvs", type=int, default=6)
    parser.add_argument("--day-seconds", type=float, default=15.0, help="of a virtual day")
    parser.add_argument("--kill-hours", type=float, default=8.0, help="virtual, between two kills")
    parser.add_argument("--seed", type=int, default=None, help="drawn from the clock when absent")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    seed = int(time.time()) % 1_000_000 if arguments.seed is None else arguments.seed
    titles = read_catalogue(TITLES)[:_TITLES]
    encoder = open_encoder(kind="lexical")

    def publish(client: ConstellationClient) -> None:
        import_contents(client, encoder, titles)

    plan = Plan(
        titles,
        publish,
        ("python", str(Path(__file__).with_name("brain_in_time.py"))),
        seed=seed,
        tvs=arguments.tvs,
        day_seconds=arguments.day_seconds,
        kill_hours=arguments.kill_hours,
    )
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-chaos-")))
        report = ChaosThreshold(plan, root, stack).run()
    if arguments.json:
        print(
            json.dumps({"bench": "chaos_threshold", "ok": report.ok(), "figures": asdict(report)})
        )
    else:
        for name, value in asdict(report).items():
            print(f"{name:16} {value}")
        print("all held" if report.ok() else "NOT ALL HELD")
    return 0 if report.ok() else 1


if __name__ == "__main__":
    sys.exit(main())
