"""Settings of the agent database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from omega_core import validate
from omega_core.errors import invalid
from omega_core.taste import HALF_LIFE


@dataclass(frozen=True)
class SkillConfig:
    """How taste patterns are told apart. The defaults were chosen on MovieLens: docs/adr/0011."""

    join_above: float = 0.1
    """Least cosine with the centroid at which a title joins a pattern, -1 to 1."""
    merge_above: float = 0.45
    """Cosine of two centroids from which on they are one pattern, join_above to 1."""
    split_above: float = 0.2
    """Least silhouette of the two halves of a pattern that is split, 0 to 1."""
    least_half: int = 4
    """Fewest titles of a half, 2 to 1,000."""
    most_patterns: int = 64
    """Most patterns a profile, 2 to 1,000; beyond, titles join the nearest one."""
    prune_below: float = 0.05
    """Decayed viewings below which a pattern is forgotten, 0 to 1: a single viewing after 13
    months."""
    half_life: timedelta = HALF_LIFE
    """A viewing counts half as much after this time."""

    def __post_init__(self) -> None:
        validate.number("join_above", self.join_above, -1, 1)
        validate.number("merge_above", self.merge_above, self.join_above, 1)
        validate.number("split_above", self.split_above, 0, 1)
        validate.integer("least_half", self.least_half, 2, 1_000)
        validate.integer("most_patterns", self.most_patterns, 2, 1_000)
        validate.number("prune_below", self.prune_below, 0, 1)
        check_positive("half_life", self.half_life)


@dataclass(frozen=True)
class CausalConfig:
    """What counts as one viewing following another, and how sure an edge is."""

    within: timedelta = timedelta(hours=4)
    """Longest time between the ends of two viewings that follow each other outside a session."""
    level: float = 0.95
    """Confidence of the intervals, 0.5 to 0.999."""
    forget_below: float = 0.01
    """Decayed viewings below which an edge or total is forgotten, 0 to 1."""
    half_life: timedelta = HALF_LIFE
    """A viewing counts half as much after this time."""

    def __post_init__(self) -> None:
        check_positive("within", self.within)
        validate.number("level", self.level, 0.5, 0.999)
        validate.number("forget_below", self.forget_below, 0, 1)
        check_positive("half_life", self.half_life)


@dataclass(frozen=True)
class AgentDBConfig:
    """Settings of the agent database; those of the catalogue's index are `HnswIndex`'s own."""

    max_patterns: int = 10_000
    """Most taste patterns and causal edges together, and most vectors stored through it; 16 to
    1,000,000. What is of least value goes first."""
    skills: SkillConfig = field(default_factory=SkillConfig)
    """Taste patterns."""
    causal: CausalConfig = field(default_factory=CausalConfig)
    """Causal edges."""

    def __post_init__(self) -> None:
        validate.integer("max_patterns", self.max_patterns, 16, 1_000_000)


def check_positive(field_name: str, value: timedelta) -> None:
    """Holds a length of time to be more than none.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if value <= timedelta(0):
        raise invalid(field_name, "longer than no time")
