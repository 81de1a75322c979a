"""Counts of what a profile watched, by genre and circumstances, that fade with time.

Preferences and seasons are read off them. Whoever learns from viewings adds each of them once and
stores the habits in one transaction with how far it has learnt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType

from omega_core.errors import invalid
from omega_core.viewing import ViewingEvent
from omega_memory.holidays import HOLIDAYS, Holiday
from omega_memory.words import MOODS, TIMES

ANY = ""
"""The genre of every viewing: totals."""
MAX_GENRES = 64
"""Genres that are told apart; those watched least give way."""
_LEAST = 0.01


class Habit(StrEnum):
    """What viewings are counted by."""

    ALWAYS = "always"
    TIME = "time"
    MOOD = "mood"
    MONTH = "month"
    HOLIDAY = "holiday"


_HALF_LIVES: Mapping[Habit, timedelta] = MappingProxyType(
    {
        Habit.ALWAYS: timedelta(days=365),
        Habit.TIME: timedelta(days=365),
        Habit.MOOD: timedelta(days=365),
        # A month is seen once a year: three of them must weigh together.
        Habit.MONTH: timedelta(days=3 * 365),
        Habit.HOLIDAY: timedelta(days=3 * 365),
    }
)
Cell = tuple[Habit, str, str]
"""Habit, its value (a time of day, a month 1 to 12, ...) and a genre."""
Counts = tuple[float, float]
"""Viewings and those that succeeded."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Habits:
    """Faded counts of one profile."""

    as_of: datetime = _NEVER
    """The instant that the counts hold for: that of the latest viewing."""
    cells: Mapping[Cell, Counts] = field(default_factory=dict)
    """Counts of each cell; those of the genre ANY are totals."""
    month: str = ""
    """The latest month, "2027-03"."""
    titles: frozenset[str] = frozenset()
    """Titles counted in it: a season counts a title once a month, so that a series is no season."""

    def counts(self, habit: Habit, value: str = "", genre: str = ANY) -> Counts:
        """Viewings and successes of a cell."""
        return self.cells.get((habit, value, genre), (0.0, 0.0))

    def genres(self) -> list[str]:
        """Every genre there is, in order."""
        return sorted({genre for _, _, genre in self.cells} - {ANY})

    def add(
        self,
        viewings: Iterable[tuple[ViewingEvent, Sequence[str]]],
        zone: tzinfo = UTC,
        holidays: Sequence[Holiday] = HOLIDAYS,
    ) -> Habits:
        """These habits and some viewings more, each with its title's genres.

        Args:
            viewings: ended ones, in any order; each must be added once only.
            zone: where the TV stands: months and holidays are local.
            holidays: the holidays that are kept there.
        """
        ordered = sorted(viewings, key=lambda each: (each[0].occurred_at, each[0].event_id))
        if not ordered:
            return self
        now = max(self.as_of, ordered[-1][0].occurred_at)
        cells = {
            cell: _scaled(counts, _faded(cell[0], now - self.as_of))
            for cell, counts in self.cells.items()
        }
        month, titles = self.month, set(self.titles)
        for event, genres in ordered:
            local = event.occurred_at.astimezone(zone)
            here = f"{local:%Y-%m}"
            if here > month:
                month, titles = here, set()
            first = here < month or event.content_id not in titles
            if here == month:
                titles.add(event.content_id)
            for habit, value in _places(event, local, holidays, seasonal=first):
                weight = _faded(habit, now - event.occurred_at)
                for genre in {ANY, *genres}:
                    seen, stayed = cells.get((habit, value, genre), (0.0, 0.0))
                    cells[habit, value, genre] = (seen + weight, stayed + weight * event.success)
        return Habits(now, _bounded(cells), month, frozenset(titles))

    def faded(self, now: datetime) -> Habits:
        """The same habits as they stand at `now`, not before `as_of`."""
        age = max(now - self.as_of, timedelta(0))
        cells = {cell: _scaled(c, _faded(cell[0], age)) for cell, c in self.cells.items()}
        return replace(self, as_of=self.as_of + age, cells=cells)

    def to_json(self) -> str:
        """For storing."""
        return json.dumps(
            {
                "as_of": self.as_of.isoformat(),
                "cells": [[*cell, *counts] for cell, counts in sorted(self.cells.items())],
                "month": self.month,
                "titles": sorted(self.titles),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Habits:
        """The inverse of to_json.

        Raises:
            OmegaError: INVALID_FIELD when no habits were ever stored so.
        """
        try:
            held = json.loads(text)
            cells = {
                (Habit(habit), str(value), str(genre)): (float(seen), float(stayed))
                for habit, value, genre, seen, stayed in held["cells"]
            }
            as_of = datetime.fromisoformat(held["as_of"])
            return cls(as_of, cells, str(held["month"]), frozenset(map(str, held["titles"])))
        except (KeyError, TypeError, ValueError) as error:
            raise invalid("habits", "as they were stored") from error


def _places(
    event: ViewingEvent, local: datetime, holidays: Sequence[Holiday], *, seasonal: bool
) -> list[tuple[Habit, str]]:
    found = [(Habit.ALWAYS, "")]
    if time := TIMES.get(event.context.time_of_day):
        found.append((Habit.TIME, time))
    if mood := MOODS.get(event.context.mood):
        found.append((Habit.MOOD, mood))
    if seasonal:
        found.append((Habit.MONTH, str(local.month)))
        kept = [each for each in holidays if each.covers(local.date())]
        found += [(Habit.HOLIDAY, each.name) for each in kept]
    return found


def _faded(habit: Habit, age: timedelta) -> float:
    return float(0.5 ** (age / _HALF_LIVES[habit]))


def _scaled(counts: Counts, factor: float) -> Counts:
    return counts[0] * factor, counts[1] * factor


def _bounded(cells: Mapping[Cell, Counts]) -> dict[Cell, Counts]:
    always = {genre: c[0] for (habit, _, genre), c in cells.items() if habit is Habit.ALWAYS}
    most = sorted(always, key=lambda genre: (genre != ANY, -always[genre], genre))
    kept = set(most[: MAX_GENRES + 1])
    return {
        cell: counts for cell, counts in cells.items() if cell[2] in kept and counts[0] >= _LEAST
    }
