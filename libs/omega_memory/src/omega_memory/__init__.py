"""The memory of the TV in twelve tiers.

    tiers = Tiers(config, rows=..., episodes=..., patterns=..., settings=..., titles=...,
                  defaults=shipped.source(now))
    memory = HouseholdMemory(tiers, database.transaction, config, bus.publish)
    memory.store(tonight.on_now(...), now)
    memory.recall(QueryBuilder.individual().about(vector, model).build(), now)

What is behind each tier, what writes and what reads it: docs/memory.md.
"""

from omega_memory.consolidation import Consolidation, Upkeep
from omega_memory.household import HouseholdMemory, TierCount
from omega_memory.ports import EpisodeSource, MemoryRows, MemorySource, Taken, TitleSource
from omega_memory.query import QueryBuilder
from omega_memory.readers import Fixed
from omega_memory.rules import EARLY_ACCESSES, EARLY_IMPORTANCE, THRESHOLDS, MemoryConfig, TierRule
from omega_memory.tiers import Tiers

__all__ = [
    "EARLY_ACCESSES",
    "EARLY_IMPORTANCE",
    "THRESHOLDS",
    "Consolidation",
    "EpisodeSource",
    "Fixed",
    "HouseholdMemory",
    "MemoryConfig",
    "MemoryRows",
    "MemorySource",
    "QueryBuilder",
    "Taken",
    "TierCount",
    "TierRule",
    "Tiers",
    "TitleSource",
    "Upkeep",
]
