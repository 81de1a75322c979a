"""Holds a TV's units to systemd's checks, and drives its updates: good releases and bad ones."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import tv_units
import tv_update


def main() -> int:
    """Prints tables; 1 when anything is not as it must be, 2 when a program is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omega-tv-") as name:
        folder = Path(name)
        try:
            units = tv_units.look(folder)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
            return 2
        steps = tv_update.drive(folder, say)
    ok = all(unit.ok() for unit in units) and all(step.ok() for step in steps)
    if arguments.json:
        print(
            json.dumps(
                {
                    "proof": "tv",
                    "ok": ok,
                    "units": [{**asdict(each), "ok": each.ok()} for each in units],
                    "updates": [{**asdict(each), "ok": each.ok()} for each in steps],
                }
            )
        )
        return int(not ok)
    for unit in units:
        wrong = "" if unit.ok() else f"<- WRONG {unit.said}"
        print(f"{unit.name:32} exposure {unit.exposure} of at most {unit.most} {wrong}")
    print(f"{'update':36} {'code':>4} {'serves':8} {'schema':>6} {'viewings kept':>14}")
    for step in steps:
        kept = f"{step.kept} of {step.acknowledged}"
        wrong = "" if step.ok() else "<- WRONG"
        print(f"{step.name:36} {step.code:4} {step.version:8} {step.schema:6} {kept:>14} {wrong}")
        for fault in step.faults:
            print(f"    {fault}")
    print("all as it must be" if ok else "NOT ALL AS IT MUST BE")
    return int(not ok)


def say(text: str) -> None:
    """What is being done, apart from what is printed in the end."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
