"""What a brain has understood of the household of a simulation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from omega_core.memory import Tier
from omega_core.taste import GENRE, Skill, facets
from omega_memory import seasons
from omega_memory.trajectory import DRIFT_PREFIX
from omega_testing.years_ports import YearsBrain


@dataclass(frozen=True)
class Drift:
    """A comparison of the tastes of two spans."""

    profile_id: str
    """Whose; empty = the household's."""
    before: str
    """The earlier span."""
    after: str
    """The later one."""
    p_value: float
    """How often chance alone moves a taste as far."""
    significant: bool
    """Whether the brain says that it has moved."""


@dataclass(frozen=True)
class Rhythm:
    """A genre of a season."""

    profile_id: str
    """Whose; empty = the household's."""
    when: str
    """A month, 1 to 12, or a holiday."""
    genre: str
    """The genre."""
    lift: float
    """How many times as often as else."""


def drifts(brain: YearsBrain, now: datetime) -> list[Drift]:
    """Every comparison that the brain remembers, by profile and time."""
    found = [
        Drift(
            memory.profile_id,
            memory.metadata["before"],
            memory.metadata["after"],
            float(memory.metadata["p_value"]),
            memory.metadata["significant"] == "true",
        )
        for memory in brain.memory.named(Tier.EVOLUTIONARY, DRIFT_PREFIX, now, None)
    ]
    return sorted(found, key=lambda each: (each.profile_id, each.after, each.before))


def rhythms(brain: YearsBrain, now: datetime) -> list[Rhythm]:
    """Every rhythm of the year that the brain remembers."""
    return [
        Rhythm(
            memory.profile_id,
            memory.metadata["value"],
            memory.metadata["genre"],
            float(memory.metadata["lift"]),
        )
        for memory in brain.memory.named(Tier.TEMPORAL, seasons.PREFIX, now, None)
    ]


def genre_weights(patterns: Sequence[Skill], now: datetime) -> dict[str, float]:
    """Genre -> viewings behind patterns, each faded to `now`."""
    weights: defaultdict[str, float] = defaultdict(float)
    for pattern in patterns:
        if pattern.viewings > 0:
            share = pattern.value(now) / pattern.viewings
            for genre, count in facets(GENRE, pattern.contexts).items():
                weights[genre] += count * share
    return dict(weights)


def share_of(weights: Mapping[str, float], genres: set[str], others: set[str]) -> float:
    """What part of the weight of two sets of genres the first one has; 0 without any."""
    one, other = (sum(weights.get(name, 0.0) for name in each) for each in (genres, others))
    return one / (one + other) if one + other else 0.0


def tuning(brain: YearsBrain) -> Counter[str]:
    """Settings that were tested -> how many stand where."""
    return Counter(str(record.state) for record in brain.stores.settings.history())
