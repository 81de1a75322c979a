"""Temporal: months and holidays in which a profile watches more, or less, of a genre than else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import numpy as np

from omega_core.memory import KIND, Memory, Tier
from omega_core.vectors import FloatArray
from omega_memory.habits import ANY, Habit, Habits
from omega_memory.holidays import HOLIDAYS, Holiday
from omega_memory.sampling import adjusted, rate_difference
from omega_memory.words import MONTHS, decimal

PREFIX = "season:"
"""Keys of rhythms begin so."""
FALSE_SHARE = 0.05
"""Share of the rhythms found that may be none."""
_LEAST_TITLES = 5.0
_LEAST_MONTHS = 6
_SHRINK = 5.0


def rhythms(habits: Habits, profile_id: str, now: datetime) -> list[Memory]:
    """Every month and holiday whose share of a genre differs from that of the rest of the year.

    Shares are of the titles watched to the end, a title once a month. Each is held against the
    other months by a likelihood-ratio test; among all of them at most FALSE_SHARE are wrong
    (Benjamini & Hochberg 1995). None is told before half of the months have been seen. Importance
    and confidence are 1 - the adjusted p-value. Metadata: habit, value, genre, lift (shrunk
    towards 1 by 5 titles), support (titles, faded).

    Store them with HouseholdMemory.replace(Tier.TEMPORAL, profile_id, PREFIX, ...).
    """
    present = habits.faded(now)
    titles = {m: present.counts(Habit.MONTH, str(m))[1] for m in range(1, 13)}
    if sum(count >= _LEAST_TITLES for count in titles.values()) < _LEAST_MONTHS:
        return []
    # Once a genre, not once a cell: a genre has some twenty cells.
    years = {genre: _year(present, genre) for genre in (ANY, *present.genres())}
    tested = [
        (cell, _test(present, cell, years[cell[2]], years[ANY]))
        for cell in _candidates(present)
        if present.counts(cell[0], cell[1])[1] >= _LEAST_TITLES
    ]
    if not tested:
        return []
    wrong = adjusted([p for _, (p, _) in tested])
    found = [
        _rhythm(present, cell, lift, 1.0 - float(q), profile_id, now)
        for (cell, (_, lift)), q in zip(tested, wrong, strict=True)
        if q <= FALSE_SHARE
    ]
    return sorted(found, key=lambda memory: (-memory.importance, memory.key))


def seasonal_bonus(
    memories: Iterable[Memory],
    today: date,
    genres: Sequence[str],
    holidays: Sequence[Holiday] = HOLIDAYS,
) -> FloatArray:
    """(len(genres),) how much each genre is of the season, -1 to 1; 0 = as always.

    log2(lift) / 2 within -1 and 1, of the month or of a holiday that is on: whichever differs more.

    Args:
        memories: rhythms of one profile.
        today: the local date.
        genres: names, compared without case.
        holidays: those that `habits` were counted with.
    """
    on = {(Habit.MONTH.value, str(today.month))}
    on |= {(Habit.HOLIDAY.value, each.name) for each in holidays if each.covers(today)}
    bonus: dict[str, float] = {}
    for memory in memories:
        known = memory.metadata
        if known.get(KIND) == "season" and (known["habit"], known["value"]) in on:
            genre = known["genre"].casefold()
            value = float(np.clip(math.log2(max(float(known["lift"]), 1e-6)) / 2.0, -1.0, 1.0))
            bonus[genre] = max(bonus.get(genre, 0.0), value, key=abs)
    return np.asarray([bonus.get(name.casefold(), 0.0) for name in genres], np.float32)


def _candidates(habits: Habits) -> list[tuple[Habit, str, str]]:
    """Every month and holiday by every genre, those where the genre never came included."""
    places = sorted({(h, v) for h, v, _ in habits.cells if h in {Habit.MONTH, Habit.HOLIDAY}})
    return [(habit, value, genre) for habit, value in places for genre in habits.genres()]


def _year(habits: Habits, genre: str) -> float:
    """Titles of a genre in all months together, faded."""
    return sum(habits.counts(Habit.MONTH, str(month), genre)[1] for month in range(1, 13))


def _test(
    habits: Habits, cell: tuple[Habit, str, str], everywhere: float, total: float
) -> tuple[float, float]:
    """The p-value of a cell against the rest of the year, and its lift.

    Args:
        habits: the counts.
        cell: a month or holiday, and a genre.
        everywhere: titles of the genre in all months.
        total: titles of all genres in all months.
    """
    habit, value, genre = cell
    here, n = habits.counts(habit, value, genre)[1], habits.counts(habit, value, ANY)[1]
    there, rest = max(everywhere - here, 0.0), max(total - n, 0.0)
    if everywhere < _LEAST_TITLES or rest <= 0:
        return 1.0, 1.0
    share = there / rest
    expected = max(share, _SHRINK / (rest + _SHRINK) / 2.0)
    lift = (here + _SHRINK * expected) / (n + _SHRINK) / expected
    return rate_difference((here, n), (there, rest)), lift


def _rhythm(
    habits: Habits,
    cell: tuple[Habit, str, str],
    lift: float,
    sure: float,
    profile_id: str,
    now: datetime,
) -> Memory:
    habit, value, genre = cell
    when = f"In {MONTHS[int(value) - 1]}" if habit is Habit.MONTH else f"Around {value}"
    more = "more" if lift > 1 else "less"
    return Memory(
        tier=Tier.TEMPORAL,
        key=f"{PREFIX}{habit}:{value}:{genre}"[:160],
        profile_id=profile_id,
        text=f"{when} {genre} is watched {more} than else, {lift:.1f} times as often.",
        importance=sure,
        confidence=sure,
        created_at=now,
        accessed_at=now,
        metadata={
            KIND: "season",
            "habit": habit.value,
            "value": value,
            "genre": genre,
            "lift": decimal(lift),
            "support": decimal(habits.counts(habit, value, genre)[1]),
        },
    )
