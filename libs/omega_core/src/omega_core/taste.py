"""Taste patterns, and the viewings that they are learnt from.

Circumstances and properties of titles go by facet names: "time_of_day:3", "day_type:2", "kind:1",
"genre:Crime", "pattern:12".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingContext

HALF_LIFE = timedelta(days=90)
"""A viewing counts half as much after this time: a season of television."""
GENRE, KIND, PATTERN, TIME_OF_DAY, DAY_TYPE = "genre", "kind", "pattern", "time_of_day", "day_type"
"""What a facet may be of."""


def decay(since: datetime, until: datetime, half_life: timedelta = HALF_LIFE) -> float:
    """2 ^ -((until - since) / half_life): above 0; above 1 where `until` comes first."""
    return float(2.0 ** -((until - since) / half_life))


def facet(of: str, value: object) -> str:
    """The facet's name, such as "genre:Crime"."""
    return f"{of}:{value}"


def facets(of: str, counts: Mapping[str, float]) -> dict[str, float]:
    """Value -> count of the facets of one sort, such as {"Crime": 2.5} of "genre"."""
    prefix = f"{of}:"
    return {name[len(prefix) :]: n for name, n in counts.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class TasteViewing:
    """A viewing that ended, as patterns and causes are learnt from it."""

    seq: int
    """Order of arrival; learning goes by it."""
    content_rowid: int
    """The title."""
    at: datetime
    """When it ended, aware."""
    success: bool
    """ViewingEvent.success."""
    reward: float
    """ViewingEvent.reward, 0 to 1."""
    profile_id: str = ""
    """Who watched; empty = the household as a whole."""
    session_id: str = ""
    """Empty = not known."""
    context: ViewingContext = field(default_factory=ViewingContext)
    """Circumstances."""
    kind: int = 0
    """ContentKind of the title; 0 = not known."""
    genres: tuple[str, ...] = ()
    """Its genres."""

    @property
    def circumstances(self) -> tuple[str, ...]:
        """Facets of the time slot and day type that are known."""
        stated = ((TIME_OF_DAY, self.context.time_of_day), (DAY_TYPE, self.context.day_type))
        return tuple(facet(of, value) for of, value in stated if value)

    @property
    def properties(self) -> tuple[str, ...]:
        """Facets of the title: its kind where known, and its genres, each once."""
        kind = (facet(KIND, self.kind),) if self.kind else ()
        return kind + tuple(facet(GENRE, genre) for genre in dict.fromkeys(self.genres))


@dataclass(frozen=True)
class Tally:
    """Decayed counts of viewings; they hold as of `at`.

    A viewing that ended at t counts 2 ^ -((at - t) / half-life). So tallies can be added in any
    order, and late viewings count as if they had come in time.
    """

    at: datetime
    """Aware."""
    viewings: float = 0.0
    """Decayed, at least 0."""
    successes: float = 0.0
    """Decayed, 0 to viewings."""
    sample_count: int = 0
    """Viewings, not decayed."""
    contexts: Mapping[str, float] = field(default_factory=dict)
    """Facet -> decayed viewings: time slot, day type, kind, genres."""

    def __post_init__(self) -> None:
        """Takes a copy of `contexts` that nobody can alter."""
        object.__setattr__(self, "contexts", MappingProxyType(dict(self.contexts)))

    @property
    def success_rate(self) -> float:
        """Successes / viewings, 0 to 1; 0 without viewings."""
        return min(1.0, self.successes / self.viewings) if self.viewings > 0 else 0.0

    @classmethod
    def of(cls, viewing: TasteViewing) -> Tally:
        """The tally of one viewing, as of its end."""
        contexts = dict.fromkeys(viewing.circumstances + viewing.properties, 1.0)
        return cls(viewing.at, 1.0, float(viewing.success), 1, contexts)

    @classmethod
    def total(
        cls, tallies: Iterable[Tally], at: datetime, half_life: timedelta = HALF_LIFE
    ) -> Tally:
        """The sum of tallies as of `at` or the latest of them, whichever is later."""
        parts = list(tallies)
        at = max([at, *(part.at for part in parts)])
        shares = [decay(part.at, at, half_life) for part in parts]
        contexts: dict[str, float] = {}
        for part, share in zip(parts, shares, strict=True):
            for name, count in part.contexts.items():
                contexts[name] = contexts.get(name, 0.0) + count * share
        return cls(
            at,
            viewings=sum(part.viewings * share for part, share in zip(parts, shares, strict=True)),
            successes=sum(
                part.successes * share for part, share in zip(parts, shares, strict=True)
            ),
            sample_count=sum(part.sample_count for part in parts),
            contexts=contexts,
        )

    def plus(self, other: Tally, half_life: timedelta = HALF_LIFE) -> Tally:
        """Both together, as of the later of the two."""
        return Tally.total((self, other), self.at, half_life)


@dataclass(frozen=True)
class Skill:
    """A taste pattern: a cluster of the titles that a profile watched.

    Its tally is the sum of its members' tallies, its centroid the direction of the sum of their
    centred unit vectors.
    """

    skill_id: int
    """At least 1, never given out twice."""
    profile_id: str
    """Whose; empty = the household as a whole."""
    name: str
    """For people, such as "Crime dramas in the evening"; 1 to 128 characters."""
    centroid: FloatArray = field(compare=False, repr=False)
    """(384,) unit float32, centred."""
    model_version: str
    """Encoder of the vectors, at most 64 characters."""
    tally: Tally
    """What was watched of it."""
    members: int
    """Titles in it."""
    resultant: float
    """Norm of the sum of the members' vectors, 0 to members; resultant / members is how close they
    lie: their mean cosine with the centroid."""
    created_at: datetime
    """When it was founded, aware."""

    @property
    def updated_at(self) -> datetime:
        """What the decayed counts hold as of."""
        return self.tally.at

    @property
    def viewings(self) -> float:
        """Decayed viewings as of updated_at."""
        return self.tally.viewings

    @property
    def success_rate(self) -> float:
        """Share of the viewings that succeeded, decayed, 0 to 1."""
        return self.tally.success_rate

    @property
    def sample_count(self) -> int:
        """Viewings behind it, not decayed."""
        return self.tally.sample_count

    @property
    def contexts(self) -> Mapping[str, float]:
        """Facet -> decayed viewings."""
        return self.tally.contexts

    def value(self, at: datetime, half_life: timedelta = HALF_LIFE) -> float:
        """Decayed viewings as of `at`: what is of least value is forgotten first."""
        return self.tally.viewings * decay(self.tally.at, at, half_life)


@dataclass(frozen=True)
class SkillMember:
    """A title of a taste pattern, with its share of the pattern's tally."""

    profile_id: str
    """Whose; a title belongs to one pattern a profile."""
    content_rowid: int
    """The title."""
    skill_id: int
    """Its pattern."""
    tally: Tally
    """What was watched of it."""

    def moved(self, skill_id: int) -> SkillMember:
        """The same title in another pattern."""
        return replace(self, skill_id=skill_id)


@dataclass(frozen=True)
class SkillChanges:
    """One step of learning patterns: stored in one transaction or not at all.

    Applied in the order of the fields.
    """

    skills: tuple[Skill, ...] = ()
    """Added or replaced."""
    members: tuple[SkillMember, ...] = ()
    """Added or replaced, moves to another pattern included."""
    removed: tuple[int, ...] = ()
    """Patterns that go, with the members that are still theirs."""
    learnt_seq: int | None = None
    """Watermark: every viewing up to here is learnt; None = it stays."""
