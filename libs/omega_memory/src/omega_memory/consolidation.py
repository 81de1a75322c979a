"""Moves memories up, and forgets what has had its time or its place.

A memory is moved, never copied, in one transaction with its new place, and its importance stays.

- Early: above EARLY_IMPORTANCE or EARLY_ACCESSES it moves as soon as it is seen.
- At the end of its time it moves when the tier above asks for no more importance than it has, or
  when it was recalled more than EARLY_ACCESSES times; else it is dropped.
- One that the tier above knows already is the same memory: it is taken out below.
- One that the tier above refuses stays until its time is over, and is dropped then.
- Viewings never move one by one: those past their time are folded into their titles' records,
  whatever their importance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from omega_core.errors import invalid
from omega_core.memory import Memory, Tier
from omega_memory.ports import Name, Taken, Transact
from omega_memory.rules import EARLY_ACCESSES, MemoryConfig
from omega_memory.telling import block
from omega_memory.tiers import Tiers
from omega_runtime.event_types import MemoryConsolidated, MemoryEvicted
from omega_runtime.events import Event, Publish

CHAIN = (
    (Tier.EPISODIC, Tier.SEMANTIC),
    (Tier.SESSION, Tier.EPISODIC),
    (Tier.INSTANT, Tier.SESSION),
)
"""What moves by itself: from above to below, so that nothing climbs two tiers in one run."""
RETENTION = "retention"
"""Why a memory was evicted: its time was over."""
CAPACITY = "capacity"
"""Why a memory was evicted: its tier was full."""


@dataclass(frozen=True)
class Upkeep:
    """What a step did."""

    moved: int = 0
    """Memories that are in a higher tier now."""
    known: int = 0
    """Memories that the higher tier had already."""
    expired: int = 0
    """Memories dropped because their time was over."""
    surplus: int = 0
    """Memories dropped because their tier was full."""
    finished: bool = True
    """False: there is more to do now, call again."""

    def __add__(self, other: Upkeep) -> Upkeep:
        return Upkeep(
            self.moved + other.moved,
            self.known + other.known,
            self.expired + other.expired,
            self.surplus + other.surplus,
            self.finished and other.finished,
        )

    @property
    def handled(self) -> int:
        """Memories that it changed."""
        return self.moved + self.known + self.expired + self.surplus


class Consolidation:
    """The moves between tiers. One thread at a time runs a pair of tiers to its end."""

    def __init__(
        self, tiers: Tiers, transact: Transact, config: MemoryConfig, publish: Publish
    ) -> None:
        self._tiers = tiers
        self._transact = transact
        self._config = config
        self._publish = publish
        self._after: dict[tuple[Tier, Tier], Name] = {}

    def step(self, source: Tier, target: Tier, now: datetime, limit: int) -> Upkeep:
        """Moves or drops at most `limit` memories of `source`, in one transaction.

        Raises:
            OmegaError: INVALID_FIELD when the two tiers cannot be joined.
        """
        self._check(source, target)
        if source is Tier.EPISODIC:
            return self._fold(now, limit)
        store = self._tiers.writable(source)
        retired = self._retire(source, target, store.expired(now, limit), now)
        room = limit - retired.handled
        if room <= 0:
            return retired + Upkeep(finished=False)
        early = store.early(now, self._after.pop((source, target), None), room)
        if len(early) == room:
            self._after[source, target] = (early[-1].profile_id, early[-1].key)
        lifted = self._lift(source, target, early, now)
        return retired + lifted + Upkeep(finished=len(early) < room)

    def run(self, now: datetime, go_on: Callable[[], bool], limit: int) -> Upkeep:
        """Takes steps along the chain until all is done or `go_on` says no."""
        done = Upkeep()
        for place, (source, target) in enumerate(CHAIN):
            while True:
                step = self.step(source, target, now, limit)
                done = done + replace(step, finished=True)
                if step.finished:
                    break
                if not go_on():
                    return replace(done, finished=False)
            if place < len(CHAIN) - 1 and not go_on():
                return replace(done, finished=False)
        return done

    def sweep(self, now: datetime, limit: int) -> Upkeep:
        """Enforces retention and capacity on at most `limit` memories of all tiers together."""
        done = Upkeep()
        for tier in reversed(Tier):
            room = limit - done.handled
            if room <= 0:
                return replace(done, finished=False)
            done = done + self._sweep_tier(tier, now, room)
        return done

    def hold_capacity(self, tier: Tier, now: datetime, told: list[Event]) -> int:
        """Drops what a tier holds beyond its capacity, in the transaction that is open."""
        store = self._tiers.writable(tier)
        if store.count() <= self._config.rule(tier).capacity:
            return 0
        return self.evict(tier, store.surplus(now, store.count()), CAPACITY, told)

    def evict(self, tier: Tier, memories: Sequence[Memory], reason: str, told: list[Event]) -> int:
        """Takes memories out for good, in the transaction that is open; how many."""
        gone = self._tiers.writable(tier).remove(memories) if memories else 0
        if gone:
            told.append(MemoryEvicted(tier.name.lower(), gone, reason))
        return gone

    def _check(self, source: Tier, target: Tier) -> None:
        if target <= source:
            raise invalid("target", f"a tier above {source.name.lower()}")
        if source is Tier.EPISODIC:
            if target is not Tier.SEMANTIC:
                raise invalid("target", "semantic: viewings are folded")
            return
        self._tiers.writable(source)
        if target is not Tier.EPISODIC:
            self._tiers.writable(target)
        if source.personal and not target.personal:
            raise invalid("target", "a tier of the household: nobody else learns its memories")

    def _sweep_tier(self, tier: Tier, now: datetime, limit: int) -> Upkeep:
        if tier is Tier.EPISODIC:
            return self._fold(now, limit)
        if not self._tiers.is_writable(tier):
            return Upkeep()
        store = self._tiers.writable(tier)
        target = next((above for below, above in CHAIN if below is tier), None)
        ripe = store.expired(now, limit)
        if target is None:
            done = Upkeep(expired=self._drop(tier, ripe, RETENTION))
        else:
            done = self._retire(tier, target, ripe, now)
        beyond = store.surplus(now, limit - done.handled) if done.handled < limit else []
        return done + Upkeep(surplus=self._drop(tier, beyond, CAPACITY))

    def _drop(self, tier: Tier, memories: Sequence[Memory], reason: str) -> int:
        if not memories:
            return 0
        durable = self._tiers.writable(tier).durable
        with block(self._transact, self._publish, durable=durable) as told:
            return self.evict(tier, memories, reason, told)

    def _fold(self, now: datetime, limit: int) -> Upkeep:
        rule, episodes = self._config.rule(Tier.EPISODIC), self._tiers.episodes
        with block(self._transact, self._publish) as told:
            folded = 0 if rule.retention is None else episodes.fold(now - rule.retention, limit)
            folded += episodes.capacity(rule.capacity, limit - folded)
            if folded:
                told.append(MemoryConsolidated("episodic", "semantic", folded))
        return Upkeep(moved=folded, finished=folded < limit)

    def _retire(
        self, source: Tier, target: Tier, memories: Sequence[Memory], now: datetime
    ) -> Upkeep:
        """Of memories past their time: moves those that earned it, drops the others."""
        threshold = self._config.rule(target).threshold
        risen = [
            each
            for each in memories
            if each.importance >= threshold or each.access_count > EARLY_ACCESSES
        ]
        return self._move(source, target, memories, risen, now)

    def _lift(
        self, source: Tier, target: Tier, memories: Sequence[Memory], now: datetime
    ) -> Upkeep:
        """Moves memories whose time is not over yet."""
        return self._move(source, target, (), memories, now)

    def _move(
        self,
        source: Tier,
        target: Tier,
        ripe: Sequence[Memory],
        risen: Sequence[Memory],
        now: datetime,
    ) -> Upkeep:
        """Offers `risen` to `target`; then drops of `ripe` what is still in `source`."""
        if not ripe and not risen:
            return Upkeep()
        store = self._tiers.writable(source)
        below = source.name.lower()
        with block(self._transact, self._publish) as told:
            taken = self._offer(target, risen, now)
            gone = [*taken[Taken.KEPT], *taken[Taken.KNOWN]]
            names = {(each.profile_id, each.key) for each in gone}
            dropped = [each for each in ripe if (each.profile_id, each.key) not in names]
            if store.durable:
                store.remove([*gone, *dropped])
            if taken[Taken.KEPT]:
                told.append(MemoryConsolidated(below, target.name.lower(), len(taken[Taken.KEPT])))
            if dropped:
                told.append(MemoryEvicted(below, len(dropped), RETENTION))
            surplus = 0
            if target is not Tier.EPISODIC:
                surplus = self.hold_capacity(target, now, told)
        if not store.durable:
            # Not before they are durable above; what was stored anew meanwhile stays.
            store.remove([*gone, *dropped])
        return Upkeep(len(taken[Taken.KEPT]), len(taken[Taken.KNOWN]), len(dropped), surplus)

    def _offer(
        self, target: Tier, memories: Sequence[Memory], now: datetime
    ) -> dict[Taken, list[Memory]]:
        """What became of each memory."""
        taken: dict[Taken, list[Memory]] = {each: [] for each in Taken}
        if target is Tier.EPISODIC:
            for memory in memories:
                taken[self._tiers.episodes.accept(memory)].append(memory)
        elif memories:
            retention = self._config.rule(target).retention
            until = None if retention is None else now + retention
            moved = [replace(memory, tier=target, expires_at=until) for memory in memories]
            self._tiers.writable(target).put(moved)
            taken[Taken.KEPT] += memories
        return taken
