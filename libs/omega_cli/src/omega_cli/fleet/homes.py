"""Households of the fleet simulator: when their TV is on, what they watch, where they live.

A day of a household is a function of the seed, its number and the day, so that a TV keeps nothing
but the day it is in. Tastes are those of omega_eval's made-up year: genres, hidden scenes, a long
tail of popularity, seasons and trends of regions are planted there.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from omega_core import validate
from omega_core.viewing import SUCCESS_ABOVE
from omega_eval.synthetic import logistic
from omega_eval.tvlike_household import pull_of
from omega_eval.tvlike_world import DAYS, REGIONS, SCENES, START, TREND_DAYS, Floats, TvWorld

HOUR, DAY = 3_600.0, 86_400.0
_TURN = 5 * HOUR  # a day of viewing lasts from 5 to 5 o'clock, so that no session lies in two
_ZONES = {"north": 1.0, "south": 0.0, "east": 3.0, "west": -2.0}
_SATURDAY = 5
_TASTE, _TREND, _TREND_LIKED, _SEASON = 1.3, 6.5, 1.0, 1.5  # as in omega_eval.tvlike_household


class Standby(IntEnum):
    """What a TV does between two evenings."""

    NETWORKED = 0
    """Suspended, wakes by itself every so often, and its firmware calls SyncNow then."""
    SUSPENDED = 1
    """Nothing runs until somebody switches it on."""
    CUT_OFF = 2
    """The same, without power."""


@dataclass(frozen=True)
class Slot:
    """A time at which a household may switch its TV on."""

    hour: float
    """Mean of the local hour it begins at, 5 to 29."""
    spread: float
    """Standard deviation, in hours."""
    weekday: float
    """Chance on a weekday, 0 to 1."""
    weekend: float
    """Chance on Saturday and Sunday, 0 to 1."""
    length: float
    """Mean of its length, in hours; lengths are log-normal with a sigma of 0.5."""
    children: bool
    """Whether children choose, where there are some."""


@dataclass(frozen=True)
class Habits:
    """Assumptions about households; docs/capacity.md repeats them."""

    slots: tuple[Slot, ...] = (
        Slot(7.0, 0.6, 0.30, 0.10, 0.7, children=False),
        Slot(9.5, 1.0, 0.05, 0.45, 1.5, children=True),
        Slot(15.5, 1.0, 0.35, 0.50, 1.3, children=True),
        Slot(19.8, 0.9, 0.88, 0.90, 2.9, children=False),
    )
    """When TVs are switched on."""
    title_minutes: float = 45.0
    """Mean time that a title is watched, log-normal with a sigma of 0.5."""
    standby: tuple[float, float, float] = (0.6, 0.25, 0.15)
    """Shares of Standby's kinds; they add up to 1."""
    wake_minutes: float = 60.0
    """Time between two wakes of a TV in networked standby, 1 to 1,440."""
    with_children: float = 0.45
    """Share of households with children."""

    def __post_init__(self) -> None:
        validate.number("wake_minutes", self.wake_minutes, 1, 1_440)
        validate.number("title_minutes", self.title_minutes, 1, 1_440)
        validate.number("sum of standby", sum(self.standby), 0.999, 1.001)

    def hours_on(self, *, weekend: bool) -> float:
        """Hours that a TV is expected to be on in a day, sessions that overlap counted twice."""
        return sum((s.weekend if weekend else s.weekday) * s.length for s in self.slots)


class Home(NamedTuple):
    """What does not change of a household."""

    region: str
    """Where it lives."""
    standby: Standby
    """What its TV does when it is off."""
    children: bool
    """Whether there are any."""


@dataclass(frozen=True, slots=True)
class HomeDay:
    """One household's day. Instants are seconds since 1970, UTC."""

    begins: float
    """5 o'clock in the morning, local."""
    on: array[float]
    """Begin and end of each session in turn, ascending; none overlap."""
    viewings: array[float]
    """End of each viewing, row of its title and share that was watched, in turn."""

    @property
    def ends(self) -> float:
        """Where the next day begins."""
        return self.begins + DAY


@dataclass(frozen=True)
class Homes:
    """All households."""

    world: TvWorld
    """Titles, scenes, trends and seasons."""
    seed: int
    """Of every draw."""
    habits: Habits = field(default_factory=Habits)
    """How they live."""

    def home(self, number: int) -> Home:
        """What does not change of household `number`."""
        rng = np.random.default_rng([self.seed, number])
        region = REGIONS[rng.integers(len(REGIONS))]
        standby = Standby(int(rng.choice(len(Standby), p=self.habits.standby)))
        return Home(region, standby, bool(rng.random() < self.habits.with_children))

    def day(self, number: int, home: Home, instant: float) -> HomeDay:
        """The day of household `number` that holds an instant."""
        zone = _ZONES[home.region] * HOUR
        index = int((instant + zone - _TURN) // DAY)
        begins = index * DAY + _TURN - zone
        rng = np.random.default_rng([self.seed, number, index])
        weekend = (index + 3) % 7 >= _SATURDAY  # 1970 began on a Thursday
        sessions = self._sessions(begins, weekend=weekend, rng=rng)
        chosen = self._chosen(number, home, begins, sessions, rng)
        # From a list, which has a length: an array that grows takes room in advance.
        flat = [edge for begin, end, _ in sessions for edge in (begin, end)]
        return HomeDay(begins, array("d", flat), array("d", chosen))

    def _sessions(
        self, begins: float, *, weekend: bool, rng: np.random.Generator
    ) -> list[tuple[float, float, bool]]:
        """Begin, end, and whether children choose."""
        found: list[tuple[float, float, bool]] = []
        midnight = begins - _TURN
        for slot in self.habits.slots:
            hour = float(rng.normal(slot.hour, slot.spread))
            length = _log_normal(slot.length * HOUR, rng)
            if rng.random() >= (slot.weekend if weekend else slot.weekday):
                continue
            begin = max(midnight + hour * HOUR, begins, found[-1][1] if found else begins)
            end = min(begin + length, begins + DAY)
            if begin < end:
                found.append((begin, end, slot.children))
        return found

    def _chosen(
        self,
        number: int,
        home: Home,
        begins: float,
        sessions: list[tuple[float, float, bool]],
        rng: np.random.Generator,
    ) -> list[float]:
        found: list[float] = []
        likings = self._likings(number, home) if sessions else ()
        for begin, end, children in sessions:
            liking = likings[children and home.children]
            at = begin
            while at < end:
                at = min(at + _log_normal(self.habits.title_minutes * 60, rng), end)
                pull, liked = self._pull(home.region, liking, begins)
                row = int(np.argmax(pull + rng.gumbel(size=pull.shape)))
                share = float(logistic(liked[row] / _TASTE + rng.normal()))
                found.extend((at, row, share))
        return found

    def _likings(self, number: int, home: Home) -> tuple[Floats, Floats]:
        """Pull of each title for adults, and for the children."""
        rng = np.random.default_rng([self.seed, number, 2**40])
        scenes = rng.choice(SCENES, size=rng.integers(2, 4), replace=False)
        _, adults = pull_of(self.world, "adult", scenes, rng)
        if not home.children:
            return adults, adults
        _, children = pull_of(self.world, "child", scenes, rng)
        return adults, np.where(self.world.childrens, children, -np.inf)

    def _pull(self, region: str, liking: Floats, begins: float) -> tuple[Floats, Floats]:
        """What draws a viewer to each title this day, and how it is liked."""
        day = (begins - START.timestamp()) / DAY % DAYS
        month = int(day * 12 / DAYS)
        pull = self.world.popularity + liking + _SEASON * self.world.seasons[month]
        pull[self.world.arrives > day] = -np.inf
        liked = np.where(np.isfinite(liking), liking, 0.0)
        for row, first in self.world.trending[region]:
            if first <= day < first + TREND_DAYS:
                pull[row] += _TREND
                liked[row] += _TREND_LIKED
        return pull, liked


def succeeded(share: float) -> bool:
    """Whether a viewing counts as a success: more than 0.7 was watched."""
    return share > SUCCESS_ABOVE


def _log_normal(mean: float, rng: np.random.Generator, sigma: float = 0.5) -> float:
    return float(mean * np.exp(rng.normal(-sigma * sigma / 2, sigma)))
