"""Builds what the firmware ships for a TV without anything: ranking settings and titles to show.

Usage: tools/shipped_defaults.py [--check]. Writes libs/omega_memory/src/omega_memory/data, the same
bytes from the same data/sample/titles.jsonl and the same ranker; --check only compares.

The sample catalogue knows no popularity, so none is claimed: genres take turns, the newest title of
each first, without those labelled as crime, horror, thriller or war.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

from omega_rank.config import RankConfig

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample" / "titles.jsonl"
TARGET = ROOT / "libs" / "omega_memory" / "src" / "omega_memory" / "data"
TITLES = 200
LEFT_OUT = {"Crime", "Horror", "Thriller", "War"}
_Title = dict[str, Any]


def popular(sample: list[_Title]) -> list[_Title]:
    """The titles to ship, first ones first."""
    by_genre: dict[str, list[_Title]] = {}
    for title in sorted(sample, key=lambda each: (-each["year"], each["content_id"])):
        if not LEFT_OUT.intersection(title["genres"]):
            by_genre.setdefault(title["genres"][0], []).append(title)
    turns = zip_longest(*(by_genre[genre] for genre in sorted(by_genre)))
    return [title for turn in turns for title in turn if title is not None][:TITLES]


def built() -> dict[str, str]:
    """Every file's name and text."""
    lines = SAMPLE.read_text("utf-8").removesuffix("\n").split("\n")
    chosen = popular([json.loads(line) for line in lines])
    return {
        "popular.jsonl": "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in chosen),
        "ranking.json": json.dumps(asdict(RankConfig()), indent=2, sort_keys=True) + "\n",
    }


def main() -> int:
    """Returns the exit code."""
    files = built()
    if sys.argv[1:] == ["--check"]:
        stale = [n for n, text in files.items() if (TARGET / n).read_text("utf-8") != text]
        print("\n".join(f"{name} is stale: run tools/shipped_defaults.py" for name in stale))
        return 1 if stale else 0
    TARGET.mkdir(exist_ok=True)
    for name, text in files.items():
        (TARGET / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
