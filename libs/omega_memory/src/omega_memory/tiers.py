"""The twelve tiers, joined: which can be written, and what is behind each."""

from __future__ import annotations

from omega_core.errors import invalid
from omega_core.memory import Tier
from omega_memory.ports import (
    EpisodeSource,
    MemoryRows,
    MemorySource,
    TierReader,
    TierStore,
    TitleSource,
)
from omega_memory.ram import RamTier
from omega_memory.readers import SourceTier, TitleTier
from omega_memory.rows import RowsTier
from omega_memory.rules import MemoryConfig

ROWS = (
    Tier.SESSION,
    Tier.SEMANTIC,
    Tier.EVOLUTIONARY,
    Tier.SUBSTRATE,
    Tier.CIVILIZATIONAL,
    Tier.TEMPORAL,
)
"""Tiers whose memories are rows of the table of memories."""


class Tiers:
    """Every tier by its place. Made once, never changed."""

    def __init__(
        self,
        config: MemoryConfig,
        *,
        rows: MemoryRows,
        episodes: EpisodeSource,
        patterns: MemorySource,
        settings: MemorySource,
        titles: TitleSource,
        defaults: MemorySource,
    ) -> None:
        """Joins them.

        Args:
            config: their numbers.
            rows: the table of memories.
            episodes: Episodic.
            patterns: Collective.
            settings: Architectural.
            titles: Physical.
            defaults: Omega; `omega_memory.shipped.source()` is what came with the firmware.
        """
        self.episodes = episodes
        """What is behind Episodic: it takes memories and folds them."""
        scan = config.scan
        self._stores: dict[Tier, TierStore] = {
            Tier.INSTANT: RamTier(config.rule(Tier.INSTANT)),
            **{tier: RowsTier(rows, config.rule(tier), scan) for tier in ROWS},
        }
        sources = {
            Tier.EPISODIC: episodes,
            Tier.COLLECTIVE: patterns,
            Tier.ARCHITECTURAL: settings,
            Tier.OMEGA: defaults,
        }
        self._readers: dict[Tier, TierReader] = {
            **self._stores,
            **{t: SourceTier(source, config.rule(t), scan) for t, source in sources.items()},
            Tier.PHYSICAL: TitleTier(titles, config.rule(Tier.PHYSICAL), scan),
        }

    def reader(self, tier: Tier) -> TierReader:
        """A tier to read."""
        return self._readers[tier]

    def is_writable(self, tier: Tier) -> bool:
        """Whether memories can be stored in it one by one."""
        return tier in self._stores

    def writable(self, tier: Tier) -> TierStore:
        """A tier to write.

        Raises:
            OmegaError: INVALID_FIELD when it is a table of its own.
        """
        if tier not in self._stores:
            raise invalid("tier", "one that takes memories; others write " + tier.name.lower())
        return self._stores[tier]

    def stores(self) -> list[TierStore]:
        """Every tier that can be written."""
        return list(self._stores.values())
