"""Instant: a tier in memory, the least recently used leave first."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from omega_core.memory import Memory, MemoryQuery, Recalled
from omega_memory import ranking
from omega_memory.ports import Name
from omega_memory.rules import EARLY_ACCESSES, EARLY_IMPORTANCE, TierRule


class RamTier:
    """Memories that a power cut may take. Safe to share between threads; no call waits."""

    durable = False

    def __init__(self, rule: TierRule) -> None:
        self._rule = rule
        self._mutex = threading.Lock()
        self._held: dict[Name, Memory] = {}

    def put(self, memories: Sequence[Memory]) -> None:
        """Adds or replaces by name; a name that is known keeps created_at and its accesses."""
        with self._mutex:
            for memory in memories:
                known = self._held.pop(_name(memory), None)
                self._held[_name(memory)] = memory.succeeding(known)

    def get(self, profile_id: str, key: str, now: datetime) -> Memory | None:
        """The living memory of that name."""
        with self._mutex:
            found = self._held.get((profile_id, key))
        return None if found is None or found.is_expired(now) else found

    def search(self, query: MemoryQuery, now: datetime) -> list[Recalled]:
        """The best answers, at most query.limit."""
        return ranking.answer(query, self._all(), now)

    def named(self, profile_id: str | None, prefix: str, limit: int) -> list[Memory]:
        """The first `limit` memories, by name, whose key begins with `prefix`; None = anybody's."""
        found = [
            each
            for each in self._all()
            if each.key.startswith(prefix) and profile_id in {None, each.profile_id}
        ]
        return sorted(found, key=_name)[:limit]

    def count(self) -> int:
        """Number of memories, those past their time included until they are swept."""
        return len(self._held)

    def remove(self, memories: Sequence[Memory]) -> int:
        """Takes out those that are still as given, touches apart; the number that were."""
        removed = 0
        with self._mutex:
            for memory in memories:
                held = self._held.get(_name(memory))
                if held is not None and _untouched(held) == _untouched(memory):
                    del self._held[_name(memory)]
                    removed += 1
        return removed

    def touch(self, memories: Sequence[Memory], at: datetime) -> None:
        """Notes that they were recalled; they become the most recently used."""
        with self._mutex:
            for name in map(_name, memories):
                held = self._held.pop(name, None)
                if held is not None:
                    self._held[name] = held.accessed(at)

    def expired(self, now: datetime, limit: int) -> list[Memory]:
        """The first `limit` memories past their time."""
        return [each for each in self._all() if each.is_expired(now)][:limit]

    def early(self, now: datetime, after: Name | None, limit: int) -> list[Memory]:
        """Living memories above EARLY_IMPORTANCE or EARLY_ACCESSES, by name, after `after`."""
        found = [
            each
            for each in self._all()
            if not each.is_expired(now)
            and (each.importance > EARLY_IMPORTANCE or each.access_count > EARLY_ACCESSES)
            and (after is None or _name(each) > after)
        ]
        return sorted(found, key=_name)[:limit]

    def surplus(self, _now: datetime, limit: int) -> list[Memory]:
        """At most `limit` of those beyond the capacity, least recently used first."""
        with self._mutex:
            beyond = max(len(self._held) - self._rule.capacity, 0)
            # Kept in that order by put and touch.
            return list(islice(self._held.values(), min(limit, beyond)))

    def forget_profile(self, profile_id: str) -> int:
        """Takes out all of a profile; the number."""
        with self._mutex:
            names = [name for name in self._held if name[0] == profile_id]
            for name in names:
                del self._held[name]
        return len(names)

    def clear(self) -> int:
        """Takes out everything; the number."""
        with self._mutex:
            count = len(self._held)
            self._held.clear()
        return count

    def _all(self) -> list[Memory]:
        with self._mutex:
            return list(self._held.values())


def _name(memory: Memory) -> Name:
    return memory.profile_id, memory.key


def _untouched(memory: Memory) -> Memory:
    return replace(memory, access_count=0, accessed_at=memory.created_at)
