"""The temporal split behind every quality figure.

Each household's events are ordered by time, ties broken by a seeded shuffle. Its positives are
the first viewings of a title that succeeded: a title seen before can no longer be recommended. The
last of them are held out; training gets what lies strictly before the first held-out one. The order
is kept within a household, not between households: another household's later events may train.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from omega_core.viewing import ViewingEvent
from omega_eval.household import Household

MIN_POSITIVES = 5
"""Households with fewer positives are not scored; all their events train."""
HELD_OUT_SHARE = 0.2
"""Share of the positives that LAST20 holds out."""


class HoldOut(StrEnum):
    """How many of a household's last positives are held out."""

    LAST20 = "last20"
    """A fifth, rounded half to even, at least one: the primary protocol."""
    LOO = "loo"
    """The last one: leave one out."""


class Level(StrEnum):
    """Which cut of the data."""

    TEST = "test"
    """For reported figures; nothing is picked on it."""
    VALIDATION = "val"
    """The same cut once more inside the training part of TEST: for picking settings."""


@dataclass(frozen=True)
class SplitHousehold:
    """One household, cut."""

    household_id: str
    """As in the data set."""
    train: tuple[ViewingEvent, ...]
    """Oldest first."""
    held_out: tuple[str, ...]
    """Content ids to be found, oldest first, none of them in train; empty = not scored."""


def split(
    households: Sequence[Household],
    hold_out: HoldOut = HoldOut.LAST20,
    level: Level = Level.TEST,
    seed: int = 7,
) -> tuple[SplitHousehold, ...]:
    """Cuts every household, in the order given; `seed` decides ties of time only."""
    rng = np.random.default_rng(seed)
    return tuple(_cut_household(h, hold_out, level, rng) for h in households)


def _cut_household(
    household: Household, hold_out: HoldOut, level: Level, rng: np.random.Generator
) -> SplitHousehold:
    shuffled = [household.events[i] for i in rng.permutation(len(household.events))]
    train: Sequence[ViewingEvent] = sorted(shuffled, key=lambda e: e.occurred_at)
    held_out: list[str] = []
    for _ in range(2 if level is Level.VALIDATION else 1):
        train, held_out = _cut(train, hold_out)
    return SplitHousehold(household.household_id, tuple(train), tuple(held_out))


def _cut(
    events: Sequence[ViewingEvent], hold_out: HoldOut
) -> tuple[Sequence[ViewingEvent], list[str]]:
    positives = _positives(events)
    if len(positives) < MIN_POSITIVES:
        return events, []
    count = 1 if hold_out is HoldOut.LOO else max(1, round(HELD_OUT_SHARE * len(positives)))
    last = positives[-count:]
    return events[: last[0]], [events[i].content_id for i in last]


def _positives(events: Sequence[ViewingEvent]) -> list[int]:
    """Positions of the first viewings that succeeded."""
    seen: set[str] = set()
    positives = []
    for i, event in enumerate(events):
        if event.success and event.content_id not in seen:
            positives.append(i)
        seen.add(event.content_id)
    return positives
