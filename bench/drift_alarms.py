"""How often a taste that has not moved is said to have, and how often one that has is found.

`python bench/drift_alarms.py [--households 50] [--json]`. Each household is one of
bench/ten_years.py with a seed of its own: ten years, an adult whose taste shifts once, a child
whose taste never does. Only what they liked for the first time counts, so no brain is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections import defaultdict
from pathlib import Path

import numpy as np

from omega_core.catalogue_file import read_catalogue
from omega_core.content import Content, embedding_text
from omega_core.vectors import FloatArray, centre
from omega_embed import open_encoder
from omega_loops import Loop
from omega_memory.trajectory import SIGNIFICANCE, TasteTitle, drift
from omega_testing.years_household import ADULT, CHILD, YearsHousehold, YearsPlan

TITLES = Path(__file__).parents[1] / "data" / "sample" / "titles.jsonl"
YEARS = 10


def main() -> None:
    """Plays and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    titles = read_catalogue(TITLES)
    encoder, vectors = open_encoder(kind="lexical"), dict[str, FloatArray]()
    found = alarms = compared = 0
    for seed in range(1, arguments.households + 1):
        plan = YearsPlan(seed=seed)
        turn = plan.shift_day // Loop.TRANSFORMATIVE.period.days
        catalogue, firsts = _first_likes(plan, titles)
        fresh = [content for key, content in catalogue.items() if key not in vectors]
        texts = [embedding_text(content) for content in fresh]
        vectors.update(zip((c.content_id for c in fresh), encoder.encode(texts), strict=True))
        mean = np.mean([vectors[key] for key in catalogue], axis=0)
        for who in (ADULT.profile_id, CHILD.profile_id):
            tastes = [
                _taste([catalogue[key] for key in firsts[who, year]], vectors, mean)
                for year in range(YEARS)
            ]
            for year in range(1, YEARS):
                report = drift(str(year - 1), tastes[year - 1], str(year), tastes[year])
                if who == ADULT.profile_id and year == turn:
                    found += report.significant
                else:
                    compared += 1
                    alarms += report.significant
    _print(arguments.households, found, alarms, compared, as_json=arguments.json)


def _first_likes(
    plan: YearsPlan, titles: list[Content]
) -> tuple[dict[str, Content], dict[tuple[str, int], list[str]]]:
    """The catalogue, and what somebody liked for the first time in a year."""
    catalogue, seen = dict[str, Content](), set[tuple[str, str]]()
    firsts: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    household = YearsHousehold(plan, titles)
    catalogue.update((content.content_id, content) for content in household.first_titles())
    for evening in household.evenings():
        catalogue.update((content.content_id, content) for content in evening.arriving)
        for event in evening.events:
            one = (event.profile_id, event.content_id)
            if event.action.ends_viewing and event.success and one not in seen:
                seen.add(one)
                year = (event.occurred_at - plan.start) // Loop.TRANSFORMATIVE.period
                firsts[event.profile_id, year].append(event.content_id)
    return catalogue, firsts


def _taste(
    contents: list[Content], vectors: dict[str, FloatArray], mean: FloatArray
) -> list[TasteTitle]:
    if not contents:
        return []
    rows = centre(np.array([vectors[content.content_id] for content in contents]), mean)
    return [
        TasteTitle(content.content_id, content.genres, row)
        for content, row in zip(contents, rows, strict=True)
    ]


def _print(households: int, found: int, alarms: int, compared: int, *, as_json: bool) -> None:
    if as_json:
        machine = {"cores": os.cpu_count(), "python": platform.python_version()}
        figures = {
            "shifts_found": {
                "value": found / households,
                "unit": "",
                "goal": ">= 0.95",
                "beside": {"households": households},
            },
            "drift_alarm_rate": {
                "value": alarms / compared,
                "unit": "",
                "goal": f"<= {SIGNIFICANCE}",
                "beside": {"comparisons": compared},
            },
        }
        print(json.dumps({"bench": "drift", "machine": machine, "figures": figures}))
        return
    print(f"shifts found      {found} of {households}")
    print(f"false alarms      {alarms} of {compared} years ({alarms / compared:.2%}; ", end="")
    print(f"at most {SIGNIFICANCE:.0%} by the test's level)")


if __name__ == "__main__":
    main()
