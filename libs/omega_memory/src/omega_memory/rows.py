"""A tier whose memories are rows of the table of memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from omega_core.memory import Memory, MemoryQuery, Recalled, Tier, relevance
from omega_memory import ranking
from omega_memory.ports import MemoryRows, Name
from omega_memory.rules import EARLY_ACCESSES, EARLY_IMPORTANCE, TierRule

_SLACK = 50


class RowsTier:
    """One tier of the table. Safe to share between threads."""

    durable = True

    def __init__(self, rows: MemoryRows, rule: TierRule, scan: int) -> None:
        self._rows = rows
        self._rule = rule
        self._scan = scan

    @property
    def _tier(self) -> Tier:
        return self._rule.tier

    def put(self, memories: Sequence[Memory]) -> None:
        """Adds or replaces by name; a name that is known keeps created_at and its accesses."""
        self._rows.put(memories)

    def get(self, profile_id: str, key: str, now: datetime) -> Memory | None:
        """The living memory of that name."""
        found = self._rows.get(self._tier, profile_id, key)
        return None if found is None or found.is_expired(now) else found

    def search(self, query: MemoryQuery, now: datetime) -> list[Recalled]:
        """The best answers, at most query.limit."""
        if query.vector is None:
            pages = self._rows.pages(self._tier, query, now)
            return ranking.search_pages(query, pages, now, self._scan)
        near = self._rows.nearest(self._tier, query, now, self._scan)
        found = [Recalled(each, cosine, relevance(each, now)) for each, cosine in near]
        if query.min_similarity <= 0:
            # Memories that are not compared have similarity 0; the relevant ones count.
            pages = self._rows.pages(self._tier, query, now, query.model_version)
            plain = replace(query, vector=None)
            found += ranking.search_pages(plain, pages, now, self._scan)
        return ranking.best(query, found)

    def named(self, profile_id: str | None, prefix: str, limit: int) -> list[Memory]:
        """The first `limit` memories, by name, whose key begins with `prefix`; None = anybody's."""
        return self._rows.named(self._tier, profile_id, prefix, limit)

    def count(self) -> int:
        """Number of memories, those past their time included until they are swept."""
        return self._rows.count(self._tier)

    def remove(self, memories: Sequence[Memory]) -> int:
        """Takes out those memories; the number that were there."""
        return self._rows.remove(memories)

    def touch(self, memories: Sequence[Memory], at: datetime) -> None:
        """Notes that they were recalled; written with the next transaction."""
        self._rows.touch(memories, at)

    def expired(self, now: datetime, limit: int) -> list[Memory]:
        """The first `limit` memories past their time."""
        return self._rows.expired(self._tier, now, limit)

    def early(self, now: datetime, after: Name | None, limit: int) -> list[Memory]:
        """Living memories above EARLY_IMPORTANCE or EARLY_ACCESSES, by name, after `after`."""
        above = (EARLY_IMPORTANCE, EARLY_ACCESSES)
        return self._rows.early(self._tier, now, above, after, limit)

    def surplus(self, now: datetime, limit: int) -> list[Memory]:
        """At most `limit` of those beyond the capacity, least relevant first.

        Once beyond it a fiftieth of the tier goes, so that the next ones need no search.
        """
        beyond = self.count() - self._rule.capacity
        if beyond <= 0:
            return []
        return self._rows.weakest(
            self._tier, now, min(limit, beyond + self._rule.capacity // _SLACK)
        )

    def forget_profile(self, profile_id: str) -> int:
        """Takes out all of a profile; the number."""
        return self._rows.forget_profile(self._tier, profile_id)

    def clear(self) -> int:
        """Takes out everything; the number."""
        return self._rows.clear(self._tier)
