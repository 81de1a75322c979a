"""Who takes part: MovieLens where OMEGA_DATA names it, else the project's sample."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from omega_core.content import Content
from omega_eval.household import Household
from omega_eval.movielens import load_movielens
from omega_eval.sample import load_sample
from omega_eval.split import SplitHousehold, split
from omega_eval.synthetic import synthetic_households

VARIABLE = "OMEGA_DATA"
"""Directory of ml-latest-small."""
SYNTHETIC_HOUSEHOLDS = 600
"""Households of the sample."""
SEED = 2_026
"""Of the synthetic households."""
BRAINS = 3
"""Households that get a brain process of their own."""
SHIFT = timedelta(days=4 * 365 + 1)
"""Added to every instant of MovieLens."""
_STORY_EVENTS = (40, 120)


@dataclass(frozen=True)
class Cast:
    """The data of a run."""

    name: str
    """For a person."""
    synthetic: bool
    """Whether households are made up."""
    contents: tuple[Content, ...]
    """The catalogue."""
    households: tuple[SplitHousehold, ...]
    """Everybody, cut into training events and held-out titles."""
    with_brain: tuple[int, ...]
    """Positions of the households with a brain of their own."""


def load_cast(most: int = 0) -> Cast:
    """Reads the data set.

    Args:
        most: households, the first ones; 0 = all.

    Raises:
        OmegaError: INVALID_FIELD that names what cannot be read.
    """
    named = os.environ.get(VARIABLE)
    if named:
        contents, rated = load_movielens(Path(named))
        households = [_shifted(household) for household in rated]
        name = "MovieLens ml-latest-small (GroupLens): one user = one TV"
    else:
        contents = load_sample()
        households = synthetic_households(contents, SYNTHETIC_HOUSEHOLDS, SEED)
        name = "data/sample: real titles, synthetic households"
    cut = split(households)[: most or None]
    return Cast(name, not named, tuple(contents), cut, _choose(cut))


def _shifted(household: Household) -> Household:
    """The household with every viewing four years later.

    The oldest ratings date from 1996, before any instant that a brain accepts. One constant shift
    changes neither order nor distance in time, so no figure changes.
    """
    events = (replace(e, occurred_at=e.occurred_at + SHIFT) for e in household.events)
    return replace(household, events=tuple(events))


def _choose(households: Sequence[SplitHousehold]) -> tuple[int, ...]:
    """The first households with something held out and a history that a table can show."""
    least, most = _STORY_EVENTS
    fitting = (i for i, h in enumerate(households) if h.held_out and least <= len(h.train) <= most)
    return tuple(i for i, _ in zip(fitting, range(BRAINS), strict=False))
