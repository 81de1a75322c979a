"""A household over years: when its TV is on, what it watches, and the change of taste in it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from omega_core.content import Content
from omega_core.profile import Profile
from omega_core.viewing import EventSource, PlaybackAction, ViewingContext, ViewingEvent
from omega_testing.years_titles import GrowingCatalogue, fits

ADULT = Profile("anna", "Anna")
"""Has the taste that shifts."""
CHILD = Profile("kim", "Kim", max_age_rating=12, blocked_genres=("Horror", "Crime"))
"""Has parental limits."""
_HOUSEHOLD = Profile("", "Everybody")
_SATURDAY, _NOON = 5, 12
_MORNING, _EVENING, _WORKDAY, _WEEKEND = 1, 3, 1, 2


@dataclass(frozen=True)
class Taste:
    """What somebody watches."""

    genres: Mapping[str, float]
    """Genre -> share of the viewings."""

    def only(self, other: Taste) -> set[str]:
        """Genres that are not of the other taste."""
        return set(self.genres) - set(other.genres)

    def with_season(self, genre: str, share: float) -> Taste:
        """The taste when `share` of the viewings are of a genre of the season."""
        rest = {name: old * (1 - share) for name, old in self.genres.items()}
        return Taste(MappingProxyType({**rest, genre: share}))


def _taste(**shares: float) -> Taste:
    named = {name.replace("_", " "): share for name, share in shares.items()}
    return Taste(MappingProxyType(named))


OLD = _taste(Crime=0.35, Mystery=0.2, Thriller=0.2, Drama=0.15, Comedy=0.1)
"""The adult's until it shifts."""
NEW = _taste(Science_Fiction=0.35, Fantasy=0.2, Adventure=0.2, History=0.15, Comedy=0.1)
"""The adult's afterwards."""
CHILDS = _taste(Animation=0.45, Adventure=0.35, Family=0.2)
"""The child's, all the time."""
SHARED = _taste(Music=0.5, Documentary=0.5)
"""What they watch together at weekends, as the household."""


@dataclass(frozen=True)
class YearsPlan:
    """What the simulation is made of; everything follows from it."""

    days: int = 3_651
    """Length; a year's loop runs on the day after the year."""
    seed: int = 1
    """Of every choice."""
    start: datetime = datetime(2026, 1, 1, 18, 7, tzinfo=UTC)
    """When the TV is first switched on, at a full minute of an evening."""
    every: int = 1
    """The TV is on each so many days."""
    shift_day: int = 2_190
    """Number of the first day of the adult's new taste."""
    season: str = "Romance"
    """A genre of the adult's in one month."""
    season_month: int = 12
    """That month."""
    season_share: float = 0.6
    """Share of that month's viewings."""
    first_titles: int = 360
    """Titles on the first day."""
    titles_a_month: int = 15
    """Titles that come each 30 days."""
    fresh_share: float = 0.08
    """Share of the viewings that begin a title; all others go on with one, as with a series."""
    fresh_season_share: float = 0.35
    """The same for the genre of the season."""
    cut_share: float = 0.02
    """Share of the evenings that the switch ends in the middle of a viewing."""

    def taste(self, day: int, month: int) -> Taste:
        """The adult's on a day."""
        taste = OLD if day < self.shift_day else NEW
        if month != self.season_month:
            return taste
        return taste.with_season(self.season, self.season_share)


@dataclass(frozen=True)
class Evening:
    """A span during which the TV is on."""

    on: datetime
    """Switched on."""
    off: datetime
    """Switched off."""
    events: tuple[ViewingEvent, ...]
    """What is said to the brain, in order of time."""
    arriving: tuple[Content, ...] = ()
    """Titles that come with the switching on."""


@dataclass
class _Person:
    """What somebody has begun of each genre, and may go on with."""

    profile: Profile
    begun: set[str] = field(default_factory=set)
    going: dict[str, list[tuple[date, Content]]] = field(default_factory=dict)

    def lately(self, genre: str, day: date, most: int = 25, days: int = 120) -> list[Content]:
        held = [each for each in self.going.get(genre, []) if (day - each[0]).days <= days][-most:]
        self.going[genre] = held
        return [content for _, content in held]

    def begin(self, content: Content, genre: str, day: date) -> None:
        self.begun.add(content.content_id)
        self.going.setdefault(genre, []).append((day, content))


class YearsHousehold:
    """Plays a household, day by day. Equal plans and titles play equally.

    Args:
        plan: what happens.
        titles: real titles, in any order; each with genres.
    """

    def __init__(self, plan: YearsPlan, titles: Sequence[Content]) -> None:
        self.plan = plan
        self._rng = random.Random(plan.seed)  # noqa: S311 - a simulation
        self._catalogue = GrowingCatalogue(titles, self._rng)
        self._adult, self._child, self._all = map(_Person, (ADULT, CHILD, _HOUSEHOLD))
        self._number = 0

    def first_titles(self) -> list[Content]:
        """The catalogue of the first day. Call it once, before `evenings`."""
        return self._catalogue.take(self.plan.first_titles)

    def evenings(self) -> Iterator[Evening]:
        """Every span during which the TV is on, in order of time: 4 hours a day, 5 at weekends.

        Two weeks each July it stays off.
        """
        begin = self.plan.start.replace(hour=0, minute=0)
        away = {(7, day) for day in range(10, 24)}
        for number in range(self.plan.days):
            day = begin + timedelta(days=number)
            if number % self.plan.every or (day.month, day.day) in away:
                continue
            if day.weekday() >= _SATURDAY and number:
                yield self._morning(day, number)
            arriving = self._catalogue.take(self._due_titles(number))
            yield replace(self._evening(day, number), arriving=tuple(arriving))

    def _due_titles(self, number: int) -> int:
        plan = self.plan
        return plan.first_titles + number // 30 * plan.titles_a_month - self._catalogue.came

    def _morning(self, day: datetime, number: int) -> Evening:
        on = day + timedelta(hours=9)
        events = self._viewing(self._child, CHILDS, on + timedelta(minutes=6), 40, f"d{number}m")
        return Evening(on, day + timedelta(hours=10), tuple(events))

    def _evening(self, day: datetime, number: int) -> Evening:
        def at(hour: int, minute: int) -> datetime:
            return day + timedelta(hours=hour, minutes=minute)

        session, weekend = f"d{number}", day.weekday() >= _SATURDAY
        events: list[ViewingEvent] = []
        if number and self._perhaps(0.3 if weekend else 0.5):
            # Half of them begin in the very minute in which the longer loops are due.
            begun = at(18, 7) if self._perhaps(0.5) else at(18, 10)
            events += self._viewing(self._child, CHILDS, begun, 35, session)
        if weekend and self._perhaps(0.5):
            events += self._viewing(self._all, SHARED, at(19, 0), 35, session)
        taste = self.plan.taste(number, day.month)
        events += self._viewing(self._adult, taste, at(19, 42), 52, session)
        if self._perhaps(0.7):
            later = self._viewing(self._adult, taste, at(20, 44), 61, session)
            if self._perhaps(self.plan.cut_share):
                later = [later[0], self._moment(later[0], PlaybackAction.PAUSE, 31, 0.6, 0.8)]
            events += later
        return Evening(max(at(18, 0), self.plan.start), at(22, 0), tuple(events))

    def _viewing(
        self, person: _Person, taste: Taste, at: datetime, minutes: int, session: str
    ) -> list[ViewingEvent]:
        """The moments of a viewing that begins at `at`, its end last."""
        content = self._choose(person, taste, at.date())
        play = ViewingEvent(
            event_id="",
            content_id=content.content_id,
            watch_percentage=0.0,
            engagement_score=0.5,
            occurred_at=at,
            session_id=session,
            context=ViewingContext(
                time_of_day=_MORNING if at.hour < _NOON else _EVENING,
                day_type=_WEEKEND if at.weekday() >= _SATURDAY else _WORKDAY,
            ),
            source=EventSource.BROWSE,
            profile_id=person.profile.profile_id,
        )
        begun = self._moment(play, PlaybackAction.PLAY, 0, 0.0, 0.5)
        if self._perhaps(0.12):
            return [begun, self._moment(play, PlaybackAction.SKIP, 3, 0.05, 0.1)]
        moments = [begun]
        if self._perhaps(0.25):
            moments.append(self._moment(play, PlaybackAction.PAUSE, minutes // 4, 0.2, 0.5))
            moments.append(self._moment(play, PlaybackAction.RESUME, minutes // 3, 0.2, 0.5))
        if self._perhaps(0.15):
            return [*moments, self._moment(play, PlaybackAction.STOP, minutes // 2, 0.45, 0.4)]
        share = round(self._rng.uniform(0.9, 1.0), 3)
        return [*moments, self._moment(play, PlaybackAction.COMPLETE, minutes, share, 0.8)]

    def _moment(
        self, play: ViewingEvent, action: PlaybackAction, minutes: int, share: float, liked: float
    ) -> ViewingEvent:
        self._number += 1
        return replace(
            play,
            event_id=f"e{self._number}",
            action=action,
            occurred_at=play.occurred_at + timedelta(minutes=minutes),
            watch_percentage=share,
            engagement_score=liked,
            watch_seconds=60 * minutes,
        )

    def _choose(self, person: _Person, taste: Taste, day: date) -> Content:
        """A title of a genre drawn from the taste: mostly one of those that are being watched."""
        (genre,) = self._rng.choices(list(taste.genres), list(taste.genres.values()))
        plan, going = self.plan, person.lately(genre, day)
        seasonal = genre == plan.season
        if going and not self._perhaps(plan.fresh_season_share if seasonal else plan.fresh_share):
            return self._rng.choice(going)
        offered = [each for each in self._catalogue.of(genre) if fits(person.profile, each)]
        fresh = [each for each in offered if each.content_id not in person.begun]
        content = self._rng.choice(fresh or offered)
        person.begin(content, genre, day)
        return content

    def _perhaps(self, share: float) -> bool:
        return self._rng.random() < share
