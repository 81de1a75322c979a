"""Memories of a TV: twelve tiers, one memory, one query, and how relevant a memory is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType

import numpy as np

from omega_core.vectors import FloatArray

KIND = "kind"
"""Metadata key that says what a memory is."""
MAX_KEY = 160
"""Longest key, in characters."""
MAX_TEXT = 1_000
"""Longest text, in characters."""
MAX_METADATA = 16
"""Most metadata of a memory."""
MAX_METADATA_VALUE = 256
"""Longest metadata value, in characters; a key has at most 64."""
MAX_LIMIT = 100
"""Most memories an answer."""
ACCESS_WEIGHT = 0.1
"""What ln(1 + access_count) counts beside importance."""


class Scale(StrEnum):
    """How far the knowledge of a tier reaches."""

    INDIVIDUAL = "individual"
    SPECIES = "species"
    COSMIC = "cosmic"


class Tier(IntEnum):
    """Where a memory lives; values as in omega.brain.v1.MemoryTier."""

    INSTANT = 1
    SESSION = 2
    EPISODIC = 3
    SEMANTIC = 4
    COLLECTIVE = 5
    EVOLUTIONARY = 6
    ARCHITECTURAL = 7
    SUBSTRATE = 8
    CIVILIZATIONAL = 9
    TEMPORAL = 10
    PHYSICAL = 11
    OMEGA = 12

    @property
    def scale(self) -> Scale:
        """Tiers 1 to 4 are of the household, 5 to 8 of the fleet and device, 9 to 12 of all."""
        return tuple(Scale)[(self - 1) // 4]

    @property
    def next_tier(self) -> Tier | None:
        """The tier above; None above OMEGA."""
        return Tier(self + 1) if self < Tier.OMEGA else None

    @property
    def personal(self) -> bool:
        """Whether its memories belong to a profile; those of the others are the household's."""
        return self in _PERSONAL


_PERSONAL = frozenset(
    {
        Tier.INSTANT,
        Tier.SESSION,
        Tier.EPISODIC,
        Tier.SEMANTIC,
        Tier.EVOLUTIONARY,
        Tier.TEMPORAL,
    }
)
_DECAY_HOURS: Mapping[Tier, float] = MappingProxyType(
    {Tier.INSTANT: 0.01, Tier.SESSION: 24.0, Tier.EPISODIC: 168.0}
)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One memory. (tier, profile_id, key) names it."""

    tier: Tier
    """Where it lives."""
    key: str
    """Natural key within tier and profile, 1 to 160 characters."""
    text: str
    """What is remembered, for a person; 1 to 1,000 characters."""
    importance: float
    """0 to 1."""
    created_at: datetime
    """When it happened, or was learnt; aware."""
    accessed_at: datetime
    """When it was last recalled or stored; aware."""
    profile_id: str = ""
    """Whose it is; empty = the household's."""
    content_id: str = ""
    """The title it is about; empty when it is about none."""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What else is known of it; at most 16 keys of 1 to 64 characters, values of at most 256."""
    confidence: float = 1.0
    """How sure it is, 0 to 1."""
    access_count: int = 0
    """Times it was recalled."""
    expires_at: datetime | None = None
    """When it leaves its tier; None = never."""
    embedding: FloatArray | None = field(default=None, compare=False, repr=False)
    """Unit vector (384,) float32, kept to the precision of float16; None = not to compare."""
    model_version: str = ""
    """Encoder of the embedding, 1 to 64 characters; empty where there is none."""

    def __post_init__(self) -> None:
        """Takes a copy of `metadata` that nobody can alter."""
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def is_expired(self, now: datetime) -> bool:
        """Whether its time in the tier is over."""
        return self.expires_at is not None and self.expires_at <= now

    def accessed(self, at: datetime, times: int = 1) -> Memory:
        """The memory after `times` more recalls, the last of them at `at`."""
        return replace(
            self,
            access_count=self.access_count + times,
            accessed_at=max(self.accessed_at, at),
        )

    def succeeding(self, known: Memory | None) -> Memory:
        """The memory in place of one of the same name, whose accesses and age it takes over."""
        if known is None:
            return self
        return replace(
            self,
            access_count=self.access_count + known.access_count,
            accessed_at=max(self.accessed_at, known.accessed_at),
            created_at=min(self.created_at, known.created_at),
        )


def strength(memory: Memory) -> float:
    """Importance + 0.1 ln(1 + access_count): its relevance as long as nothing has decayed."""
    return strength_of(memory.importance, memory.access_count)


def strength_of(importance: float, access_count: int) -> float:
    """The strength of a memory of that importance, recalled so often."""
    return importance + ACCESS_WEIGHT * math.log1p(access_count)


def decay(tier: Tier, age: timedelta) -> float:
    """What is left of importance, 1 to 0, when `age` has passed since the last access.

    e^(-h / 0.01) in Instant, e^(-h / 24) in Session, e^(-h / 168) in Episodic, 1 elsewhere, with h
    in hours, fractions included (Ebbinghaus 1885 for the form). An age below 0 counts as 0.
    """
    hours = _DECAY_HOURS.get(tier)
    if hours is None:
        return 1.0
    return math.exp(-max(age / timedelta(hours=1), 0.0) / hours)


def relevance(memory: Memory, now: datetime) -> float:
    """Importance x decay + 0.1 ln(1 + access_count); at least 0, never above `strength`."""
    idle = now - memory.accessed_at
    return relevance_of(memory.tier, memory.importance, memory.access_count, idle)


def relevance_of(tier: Tier, importance: float, access_count: int, idle: timedelta) -> float:
    """The relevance of a memory that was last accessed `idle` ago."""
    return importance * decay(tier, idle) + ACCESS_WEIGHT * math.log1p(access_count)


@dataclass(frozen=True, kw_only=True)
class MemoryQuery:
    """What to recall. Each stated part must hold."""

    vector: FloatArray | None = field(default=None, compare=False, repr=False)
    """Unit vector (384,) to compare with; None = not by meaning."""
    model_version: str = ""
    """Encoder of `vector`: memories of another are not compared."""
    tiers: tuple[Tier, ...] = ()
    """Where to look; empty = everywhere."""
    profile_id: str | None = ""
    """Whose; empty = the household's, None = everybody's."""
    created_from: datetime | None = None
    """Created at or after, aware."""
    created_before: datetime | None = None
    """Created before, aware."""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Keys and values that a memory must carry."""
    min_similarity: float = 0.0
    """Least similarity where there is a vector, -1 to 1. A memory not compared has 0."""
    min_importance: float = 0.0
    """0 to 1."""
    min_confidence: float = 0.0
    """0 to 1."""
    limit: int = 10
    """1 to 100."""

    def similarity(self, memory: Memory) -> float:
        """Cosine with the query, -1 to 1; 0 when the two are not compared."""
        if self.vector is None or memory.embedding is None:
            return 0.0
        if memory.model_version != self.model_version:
            return 0.0
        return float(np.clip(np.dot(memory.embedding, self.vector), -1.0, 1.0))

    def holds(self, memory: Memory, now: datetime) -> bool:
        """Whether `memory` lives and has every stated part but similarity."""
        return (
            not memory.is_expired(now)
            and (not self.tiers or memory.tier in self.tiers)
            and (self.profile_id is None or memory.profile_id == self.profile_id)
            and (self.created_from is None or memory.created_at >= self.created_from)
            and (self.created_before is None or memory.created_at < self.created_before)
            and memory.importance >= self.min_importance
            and memory.confidence >= self.min_confidence
            and all(memory.metadata.get(key) == value for key, value in self.metadata.items())
        )


@dataclass(frozen=True)
class Recalled:
    """A memory that answers a query."""

    memory: Memory
    """As it stood before this recall."""
    similarity: float
    """Cosine with the query, -1 to 1; 0 when not compared."""
    relevance: float
    """`relevance` at the instant of the query."""


@dataclass(frozen=True)
class MemoryPage:
    """Some memories of a tier; pages come strongest first."""

    memories: tuple[Memory, ...]
    """What it holds."""
    bound: float
    """No later page has a memory of greater `strength`."""
