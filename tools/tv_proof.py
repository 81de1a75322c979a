"""Holds a TV's units to systemd's checks."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import tv_units


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
    ok = all(unit.ok() for unit in units)
    if arguments.json:
        print(
            json.dumps(
                {
                    "proof": "tv",
                    "ok": ok,
                    "units": [{**asdict(each), "ok": each.ok()} for each in units],
                }
            )
        )
        return int(not ok)
    for unit in units:
        wrong = "" if unit.ok() else f"<- WRONG {unit.said}"
        print(f"{unit.name:32} exposure {unit.exposure} of at most {unit.most} {wrong}")
    print("all as it must be" if ok else "NOT ALL AS IT MUST BE")
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
