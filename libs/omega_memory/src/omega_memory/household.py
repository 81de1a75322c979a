"""The household's memory: one door to the twelve tiers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from omega_core.errors import invalid
from omega_core.memory import Memory, MemoryQuery, Recalled, Tier
from omega_memory import ranking
from omega_memory.checks import check_memory, check_query
from omega_memory.consolidation import Consolidation, Upkeep
from omega_memory.ports import Transact
from omega_memory.rules import MemoryConfig
from omega_memory.telling import block
from omega_memory.tiers import Tiers
from omega_runtime.event_types import MemoryRetrieved, MemoryStored
from omega_runtime.events import Event, Publish, unheard

STEP = 256
"""Memories that one step moves or forgets at most, where nothing else is asked for."""
_POOLED = frozenset({Tier.INSTANT, Tier.SESSION, Tier.EPISODIC})


@dataclass(frozen=True)
class TierCount:
    """How full a tier is."""

    tier: Tier
    """Which."""
    memories: int
    """What it holds."""
    capacity: int
    """Most that it may hold."""


class HouseholdMemory:
    """Stores, recalls, moves and forgets. Safe to share between threads.

    Everything durable that one call writes is one transaction, part of the caller's where one is
    open in its thread. Events are published when the call's own part is done. Besides what is
    named, every method that reads or writes rows may raise STORAGE_FULL or STORAGE_UNAVAILABLE.
    """

    def __init__(
        self,
        tiers: Tiers,
        transact: Transact,
        config: MemoryConfig | None = None,
        publish: Publish = unheard,
    ) -> None:
        """Joins the tiers; `omega_memory.tiers.Tiers` makes them."""
        self.config = config or MemoryConfig()
        """Retention, capacities, size of a scan."""
        self._tiers = tiers
        self._transact = transact
        self._publish = publish
        self._consolidation = Consolidation(tiers, transact, self.config, publish)

    def store(self, memory: Memory, now: datetime) -> bool:
        """Adds a memory or replaces the one of its name; durable on return but in Instant.

        Its time in the tier begins anew. Accesses are those of the memory it replaces, else 0.

        Returns:
            False when its importance is below the tier's threshold: it was not stored.

        Raises:
            OmegaError: INVALID_FIELD, also when the tier is one that cannot be written.
        """
        return self.store_all([memory], now) == 1

    def store_all(self, memories: Iterable[Memory], now: datetime) -> int:
        """Stores several, in one transaction; how many were important enough."""
        worthy = self._worthy(memories, now)
        durable = any(self._tiers.writable(tier).durable for tier in worthy)
        with block(self._transact, self._publish, durable=durable) as told:
            return self._put(worthy, now, told)

    def replace(
        self, tier: Tier, profile_id: str, prefix: str, memories: Sequence[Memory], now: datetime
    ) -> int:
        """Makes `memories` all that a profile has under keys with `prefix`, in one transaction.

        For a writer that computes its memories anew: what no longer holds is forgotten.

        Returns:
            How many were stored.

        Raises:
            OmegaError: INVALID_FIELD, also for a memory of another tier, profile or prefix.
        """
        for memory in memories:
            if (memory.tier, memory.profile_id) != (tier, profile_id):
                raise invalid("memories", f"of {tier.name.lower()} and of the profile")
            if not memory.key.startswith(prefix):
                raise invalid("memories", f"named with the prefix {prefix!r}")
        store, capacity = self._tiers.writable(tier), self.config.rule(tier).capacity
        worthy = self._worthy(memories, now)
        kept = {memory.key for memory in worthy.get(tier, ())}
        with block(self._transact, self._publish) as told:
            known = store.named(profile_id, prefix, capacity)
            gone = [each for each in known if each.key not in kept]
            self._consolidation.evict(tier, gone, "superseded", told)
            return self._put(worthy, now, told)

    def get(self, tier: Tier, key: str, now: datetime, profile_id: str = "") -> Memory | None:
        """The living memory of that name. Reading by name is no recall."""
        return self._tiers.reader(tier).get(profile_id, key, now)

    def named(
        self, tier: Tier, prefix: str, now: datetime, profile_id: str | None = ""
    ) -> list[Memory]:
        """Living memories whose key begins with `prefix`, by name; None = anybody's.

        What the product's readers work on: at most config.scan, and no recall.

        Raises:
            OmegaError: INVALID_FIELD when the tier is a table of its own.
        """
        found = self._tiers.writable(tier).named(profile_id, prefix, self.config.scan)
        return [each for each in found if not each.is_expired(now)]

    def delete(self, tier: Tier, key: str, now: datetime, profile_id: str = "") -> bool:
        """Forgets a memory; False when there was none.

        Raises:
            OmegaError: INVALID_FIELD when the tier is one that cannot be written.
        """
        store = self._tiers.writable(tier)
        with block(self._transact, self._publish, durable=store.durable) as told:
            found = store.get(profile_id, key, now)
            gone = [] if found is None else [found]
            return self._consolidation.evict(tier, gone, "deleted", told) == 1

    def recall(self, query: MemoryQuery, now: datetime) -> list[Recalled]:
        """The best answers of all tiers asked for, at most query.limit, and notes the recall.

        Similar ones first where the query has a vector, relevant ones first else. Tiers that are
        not personal are the household's, whoever asks. In Instant, Session and Episodic the
        household sees what everybody does.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        checked = check_query(query)
        found: list[Recalled] = []
        for tier in dict.fromkeys(checked.tiers or Tier):
            asked = replace(checked, tiers=(tier,), profile_id=_whose(tier, checked.profile_id))
            found += self._tiers.reader(tier).search(asked, now)
        answers = ranking.best(checked, found)
        self._note(answers, now)
        return answers

    def consolidate(self, source: Tier, target: Tier, now: datetime, limit: int = STEP) -> Upkeep:
        """One step of moving memories from a tier up to another: `Consolidation.step`."""
        return self._consolidation.step(source, target, now, limit)

    def auto_consolidate(
        self, now: datetime, go_on: Callable[[], bool] = lambda: True, limit: int = STEP
    ) -> Upkeep:
        """Moves Episodic to Semantic, Session to Episodic, Instant to Session, in that order.

        So a memory climbs one tier a call.

        Args:
            now: the present instant.
            go_on: asked between steps; False stops, and the next call goes on.
            limit: most memories a step.
        """
        return self._consolidation.run(now, go_on, limit)

    def sweep(self, now: datetime, limit: int = STEP) -> Upkeep:
        """One step of enforcing retention and capacity in every tier; call until finished."""
        return self._consolidation.sweep(now, limit)

    def stats(self) -> list[TierCount]:
        """Every tier's number of memories and capacity."""
        return [
            TierCount(tier, self._tiers.reader(tier).count(), self.config.rule(tier).capacity)
            for tier in Tier
        ]

    def forget_profile(self, profile_id: str) -> int:
        """Forgets a profile in every tier of ours, in one transaction; how many memories.

        Viewings are a table of their own: whoever keeps it forgets them.
        """
        if not profile_id:
            raise invalid("profile_id", "that of a profile")
        with self._transact():
            return sum(store.forget_profile(profile_id) for store in self._tiers.stores())

    def forget_tonight(self) -> int:
        """Forgets everybody's Instant, in which one person's evening is another's; how many."""
        return self._tiers.writable(Tier.INSTANT).clear()

    def clear(self) -> int:
        """Forgets all that is of the household, in one transaction; how many memories.

        Tiers of the fleet and the catalogue stay, and those that are tables of their own.
        """
        with self._transact():
            return sum(
                self._tiers.writable(tier).clear()
                for tier in Tier
                if self._tiers.is_writable(tier) and tier is not Tier.CIVILIZATIONAL
            )

    def _worthy(self, memories: Iterable[Memory], now: datetime) -> dict[Tier, list[Memory]]:
        """Checked memories that reach their tier's threshold, as they are to be stored."""
        found: dict[Tier, list[Memory]] = {}
        for number, memory in enumerate(memories):
            checked = check_memory(memory, f"memories[{number}]")
            self._tiers.writable(memory.tier)
            if checked.importance >= self.config.rule(memory.tier).threshold:
                found.setdefault(memory.tier, []).append(self._fresh(checked, now))
        return found

    def _put(
        self, worthy: Mapping[Tier, Sequence[Memory]], now: datetime, told: list[Event]
    ) -> int:
        for tier, group in worthy.items():
            self._tiers.writable(tier).put(group)
            told += [MemoryStored(tier.name.lower(), memory.key) for memory in group]
            self._consolidation.hold_capacity(tier, now, told)
        return sum(map(len, worthy.values()))

    def _fresh(self, memory: Memory, now: datetime) -> Memory:
        retention = self.config.rule(memory.tier).retention
        until = None if retention is None else now + retention
        return replace(memory, access_count=0, accessed_at=now, expires_at=until)

    def _note(self, answers: Sequence[Recalled], now: datetime) -> None:
        by_tier: dict[Tier, list[Memory]] = {}
        for each in answers:
            by_tier.setdefault(each.memory.tier, []).append(each.memory)
        for tier, memories in by_tier.items():
            if self._tiers.is_writable(tier):
                self._tiers.writable(tier).touch(memories, now)
            self._publish(MemoryRetrieved(tier.name.lower(), len(memories)))


def _whose(tier: Tier, profile_id: str | None) -> str | None:
    if not tier.personal:
        return ""
    return None if not profile_id and tier in _POOLED else profile_id
