"""What each tier asks, keeps and holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from omega_core import validate
from omega_core.memory import Scale, Tier

THRESHOLDS: Mapping[Tier, float] = MappingProxyType(
    dict(zip(Tier, (0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.96, 0.99), strict=True))
)
"""Least importance that a tier asks of a memory."""
EARLY_IMPORTANCE = 0.8
"""A memory of more importance moves up before its time is over."""
EARLY_ACCESSES = 10
"""So does one that was recalled more often."""
_MAX_CAPACITY = 1_000_000


@dataclass(frozen=True)
class TierRule:
    """The numbers of one tier."""

    tier: Tier
    """Which."""
    threshold: float
    """Least importance, 0 to 1."""
    retention: timedelta | None
    """How long a memory stays after it was last stored; None = for ever."""
    capacity: int
    """Most memories."""

    @property
    def scale(self) -> Scale:
        """How far its knowledge reaches."""
        return self.tier.scale


@dataclass(frozen=True)
class MemoryConfig:
    """Retention and capacity of the tiers, and the size of a step."""

    instant_retention_seconds: float = 60.0
    """How long Instant keeps what is on, 1 to 3,600."""
    session_retention_hours: float = 24.0
    """How long Session keeps an evening, 1 to 168."""
    episodic_retention_days: float = 30.0
    """Days until a viewing is folded into its title's record, 1 to 3,650."""
    semantic_retention_days: float = 365.0
    """Days that a preference lives after it last held, 1 to 3,650."""
    collective_retention_days: float = 3_650.0
    """Days that the fleet's teaching is believed after it was learnt, 1 to 36,500."""
    instant_capacity: int = 1_000
    """Most memories in Instant."""
    session_capacity: int = 10_000
    """Most in Session."""
    episodic_capacity: int = 100_000
    """Most viewings that are not folded yet."""
    semantic_capacity: int = 10_000
    """Most preferences; a household has some hundreds."""
    collective_capacity: int = 10_000
    """Most patterns of the fleet: what a TV takes in of them."""
    evolutionary_capacity: int = 1_000
    """Most snapshots and drifts; a profile makes two a year at most."""
    architectural_capacity: int = 1_000
    """Most settings with their lineage; one a week makes this twenty years."""
    substrate_capacity: int = 100
    """Most facts of the device."""
    civilizational_capacity: int = 1_000
    """Most trends: a list of last resort is never longer."""
    temporal_capacity: int = 10_000
    """Most rhythms: twelve months and the holidays by genres and profiles."""
    physical_capacity: int = 80_000
    """Most titles: the largest catalogue."""
    omega_capacity: int = 1_000
    """Most shipped defaults."""
    scan: int = 10_000
    """Memories of a tier that one recall reads at most, 100 to 1,000,000; no tier that is read
    through holds more, but Episodic: there the newest count."""

    def __post_init__(self) -> None:
        validate.number("instant_retention_seconds", self.instant_retention_seconds, 1, 3_600)
        validate.number("session_retention_hours", self.session_retention_hours, 1, 168)
        validate.number("episodic_retention_days", self.episodic_retention_days, 1, 3_650)
        validate.number("semantic_retention_days", self.semantic_retention_days, 1, 3_650)
        validate.number("collective_retention_days", self.collective_retention_days, 1, 36_500)
        for tier in Tier:
            name = f"{tier.name.lower()}_capacity"
            validate.integer(name, getattr(self, name), 1, _MAX_CAPACITY)
        validate.integer("scan", self.scan, 100, _MAX_CAPACITY)

    def rule(self, tier: Tier) -> TierRule:
        """The numbers of one tier."""
        retention = {
            Tier.INSTANT: timedelta(seconds=self.instant_retention_seconds),
            Tier.SESSION: timedelta(hours=self.session_retention_hours),
            Tier.EPISODIC: timedelta(days=self.episodic_retention_days),
            Tier.SEMANTIC: timedelta(days=self.semantic_retention_days),
            Tier.COLLECTIVE: timedelta(days=self.collective_retention_days),
        }
        capacity: int = getattr(self, f"{tier.name.lower()}_capacity")
        return TierRule(tier, THRESHOLDS[tier], retention.get(tier), capacity)
