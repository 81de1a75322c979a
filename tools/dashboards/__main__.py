"""Writes deploy/grafana/dashboards. Usage: python -m dashboards [--check], which only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from dashboards.grafana import render
from dashboards.source import read_all

TARGET = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "dashboards"


def main() -> int:
    """Returns the exit code."""
    made = {f"{name}.json": render(dashboard) for name, dashboard in read_all().items()}
    there = {path.name: path.read_text("utf-8") for path in TARGET.glob("*.json")}
    if sys.argv[1:] == ["--check"]:
        stale = sorted(n for n in made.keys() | there.keys() if made.get(n) != there.get(n))
        for name in stale:
            print(f"{name} is stale: run make dashboards")
        return 1 if stale else 0
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in there.keys() - made.keys():
        (TARGET / name).unlink()
    for name, text in made.items():
        (TARGET / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
