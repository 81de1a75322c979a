"""Seeded, made-up viewing of a year as televisions see it, with everything planted written down.

What ratings of films lack is here: households of one to four members who watch at their own hours,
children in the afternoon and adults in the evening; seasons; titles that arrive during the year;
and trends, titles that one region takes to for three weeks. Over a real catalogue; nothing comes
from a real person, and every household's id starts with "synthetic-".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from omega_core.content import Content
from omega_core.validate import integer
from omega_eval.household import Household
from omega_eval.synthetic import MAX_HOUSEHOLDS
from omega_eval.tvlike_household import Member, live_through
from omega_eval.tvlike_world import DAYS, REGIONS, SEASONS, START, Trend, tv_world
from omega_eval.viewings_write import write_viewings

TRUTH = "truth.json"
"""Name of the file that says what was planted."""


@dataclass(frozen=True, eq=False)
class TvLike:
    """A year of viewings and what was planted in it."""

    contents: tuple[Content, ...]
    """The catalogue as given."""
    households: tuple[Household, ...]
    """By number."""
    regions: dict[str, str]
    """Region of each household id."""
    members: dict[str, tuple[Member, ...]]
    """Members of each household id."""
    trends: tuple[Trend, ...]
    """Everything planted, by region."""
    arrivals: dict[str, datetime]
    """When titles arrived that were not there from the first day; nobody watched them before."""
    seed: int
    """What it was made of."""

    def truth(self) -> dict[str, object]:
        """Everything planted, as it is written beside the viewings."""
        return {
            "synthetic": True,
            "seed": self.seed,
            "start": START.isoformat(),
            "days": DAYS,
            "regions": list(REGIONS),
            "trends": [
                {**asdict(t), "begins": t.begins.isoformat(), "ends": t.ends.isoformat()}
                for t in self.trends
            ],
            "arrivals": {title: at.isoformat() for title, at in self.arrivals.items()},
            "seasons": {genre: list(months) for genre, months in SEASONS.items()},
            "households": {
                household: {
                    "region": self.regions[household],
                    "members": [asdict(member) for member in members],
                }
                for household, members in self.members.items()
            },
        }


def generate(contents: Sequence[Content], households: int, seed: int) -> TvLike:
    """A year of viewings of `households` households.

    The same arguments always give the same year, and a larger number only adds households.

    Args:
        contents: the titles on offer, at least some hundred, some of them for children.
        households: how many, 1 to 100,000.
        seed: 0 or more.

    Raises:
        OmegaError: INVALID_FIELD when a number is out of bounds or titles are too few.
    """
    integer("households", households, 1, MAX_HOUSEHOLDS)
    integer("seed", seed, 0, 2**63 - 1)
    world = tv_world(contents, seed)
    lives = [
        live_through(world, i, np.random.default_rng([seed, i + 1])) for i in range(households)
    ]
    arrivals = {
        contents[row].content_id: START + timedelta(days=float(world.arrives[row]))
        for row in np.flatnonzero(world.arrives).tolist()
    }
    return TvLike(
        contents=world.contents,
        households=tuple(life.household for life in lives),
        regions={life.household.household_id: life.region for life in lives},
        members={life.household.household_id: life.members for life in lives},
        trends=world.trends,
        arrivals=arrivals,
        seed=seed,
    )


def write(year: TvLike, folder: Path) -> None:
    """Writes viewings.csv, titles.csv and truth.json; the folder is made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    write_viewings(folder, year.contents, year.households, year.regions)
    text = json.dumps(year.truth(), ensure_ascii=False, indent=1)
    (folder / TRUTH).write_text(text + "\n", "utf-8")
