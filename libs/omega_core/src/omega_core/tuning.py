"""Settings of the ranking that a household's own history chose, and why they were chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from omega_core import validate

CAPABILITY_SHARE, ALIGNMENT_SHARE, EFFICIENCY_SHARE, NOVELTY_SHARE = 0.4, 0.3, 0.2, 0.1
"""What each part of the fitness counts."""


@dataclass(frozen=True)
class TunedSettings:
    """How far a household's ranking leaves the shipped one; the defaults are the shipped settings.

    Factors hold whatever is shipped: firmware that ships other weights keeps a household's leaning.
    """

    collaborative: float = 1.0
    """Factor on the weight of the collaborative term, 0.1 to 10."""
    content: float = 1.0
    """Factor on the weight of the content term, 0.1 to 10."""
    genre: float = 1.0
    """Factor on the weight of the genre term, 0.1 to 10."""
    nearest: float = 1.0
    """Factor on the weight of the nearest term, 0.1 to 10."""
    half_life: float = 1.0
    """Factor on the titles after which a viewing counts half, 0.05 to 20."""
    seen_weight: float = 1.0
    """Factor on the weight of a title seen without strong opinion, 0 to 3."""
    popularity: float = 0.0
    """Weight of the fleet's liking that stays when the household is known, 0 to 4."""
    diversity: float = 1.0
    """Factor on the share of diversity, 1 - mmr_lambda, 0 to 4."""
    ef: int = 0
    """Candidates that a search of the vector index keeps, 10 to 1,000; 0 = the configured ones."""

    def __post_init__(self) -> None:
        for name in ("collaborative", "content", "genre", "nearest"):
            validate.number(name, getattr(self, name), 0.1, 10)
        validate.number("half_life", self.half_life, 0.05, 20)
        validate.number("seen_weight", self.seen_weight, 0, 3)
        validate.number("popularity", self.popularity, 0, 4)
        validate.number("diversity", self.diversity, 0, 4)
        if self.ef:
            validate.integer("ef", self.ef, 10, 1_000)


SHIPPED = TunedSettings()
"""No leaning at all."""


class SettingsState(StrEnum):
    """Where a setting stands in its life."""

    IN_FORCE = "in_force"
    REJECTED = "rejected"
    """It did not win on held-back viewings."""
    SUPERSEDED = "superseded"
    """A later one won against it."""
    ROLLED_BACK = "rolled_back"
    """It lost against its parent afterwards."""


@dataclass(frozen=True)
class Fitness:
    """What a setting is worth on the household's own history; every part measured, 0 to 1."""

    capability: float
    """NDCG@10 of the viewings that followed."""
    calibration: float
    """How well the lists' genres answer to the history's (Steck 2018)."""
    diversity: float
    """Mean distance between the titles of a list, half of 1 - cosine."""
    efficiency: float
    """Share of the time budget that an answer leaves."""
    novelty: float
    """How little known to the fleet the listed titles are (Vargas & Castells 2011)."""

    def __post_init__(self) -> None:
        for name in ("capability", "calibration", "diversity", "efficiency", "novelty"):
            validate.number(name, getattr(self, name), 0, 1)

    @property
    def alignment(self) -> float:
        """Mean of calibration and diversity."""
        return (self.calibration + self.diversity) / 2

    @property
    def overall(self) -> float:
        """0.4 capability + 0.3 alignment + 0.2 efficiency + 0.1 novelty."""
        return (
            CAPABILITY_SHARE * self.capability
            + ALIGNMENT_SHARE * self.alignment
            + EFFICIENCY_SHARE * self.efficiency
            + NOVELTY_SHARE * self.novelty
        )


@dataclass(frozen=True)
class Evidence:
    """The test that decided on a setting."""

    attempt: int
    """Which test of this household it is, from 1."""
    tuned_until: datetime
    """Later viewings had no part in the search; aware."""
    tested_until: datetime
    """The last viewing of the test; the next test begins after it."""
    events: int
    """Held-back viewings that decided."""
    effect: float
    """Mean gain a held-back viewing, in discounted gain, -1 to 1."""
    p_value: float
    """Chance of such a gain if the setting were no better, 0 to 1."""
    alpha: float
    """What p_value had to stay below or equal to, 0 to 1."""

    def __post_init__(self) -> None:
        validate.integer("attempt", self.attempt, 1, 2**31 - 1)
        validate.integer("events", self.events, 0, 2**31 - 1)
        validate.number("effect", self.effect, -1, 1)
        validate.number("p_value", self.p_value, 0, 1)
        validate.number("alpha", self.alpha, 0, 1)

    @property
    def wins(self) -> bool:
        """Whether the setting may be adopted."""
        return self.effect > 0 and self.p_value <= self.alpha


@dataclass(frozen=True)
class Watch:
    """How a setting in force has done against its parent since it was adopted."""

    events: int = 0
    """Viewings that succeeded since."""
    log_evidence: float = 0.0
    """Natural logarithm of the evidence against it now."""
    peak: float = 0.0
    """The greatest it ever was; at or above ln(1 / alpha) the setting is rolled back."""
    effect: float = 0.0
    """Mean gain a viewing over its parent, -1 to 1."""
    spread: float = 0.0
    """Sum of squared gains."""
    seq: int = 0
    """Order of arrival of the last viewing that counted; earlier ones count once."""


@dataclass(frozen=True)
class TuningRecord:
    """A setting with its lineage."""

    version: int
    """From 1, rising."""
    parent: int | None
    """The setting it was tested against; None = the shipped one."""
    state: SettingsState
    """Where it stands."""
    settings: TunedSettings
    """The setting itself."""
    fitness: Fitness
    """What it was worth on the past."""
    parent_fitness: Fitness
    """What its parent was worth there."""
    evidence: Evidence
    """Why it was adopted or rejected."""
    watch: Watch = field(default_factory=Watch)
    """What followed."""
    decided_at: datetime | None = None
    """When, aware."""
    ended_at: datetime | None = None
    """When it ceased to be in force; None = it is, or never was."""
