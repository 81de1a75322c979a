"""Tiers that are tables of their own, read as memories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from omega_core.memory import Memory, MemoryQuery, Recalled, relevance
from omega_memory import ranking
from omega_memory.ports import MemorySource, TitleSource
from omega_memory.rules import TierRule

_PAGE = 250


class SourceTier:
    """Episodic, Collective, Architectural or Omega: at most the newest `scan` memories are read.

    What is older than the tier's retention is not there, nor what lies beyond its capacity.
    """

    def __init__(self, source: MemorySource, rule: TierRule, scan: int) -> None:
        self._source = source
        self._rule = rule
        self._limit = min(scan, rule.capacity)

    def get(self, profile_id: str, key: str, now: datetime) -> Memory | None:
        """The living memory of that name."""
        found = self._source.get(profile_id, key)
        return None if found is None or not self._lives(found, now) else found

    def search(self, query: MemoryQuery, now: datetime) -> list[Recalled]:
        """The best answers, at most query.limit."""
        found = self._source.recent(query, self._limit)
        return ranking.answer(query, (each for each in found if self._lives(each, now)), now)

    def count(self) -> int:
        """Number of memories."""
        return self._source.count()

    def _lives(self, memory: Memory, now: datetime) -> bool:
        if memory.expires_at is not None or self._rule.retention is None:
            return not memory.is_expired(now)
        return memory.created_at + self._rule.retention > now


class TitleTier:
    """Physical: the catalogue. All titles are equally important."""

    def __init__(self, titles: TitleSource, rule: TierRule, scan: int) -> None:
        self._titles = titles
        self._limit = min(scan, rule.capacity)

    def get(self, profile_id: str, key: str, now: datetime) -> Memory | None:
        """The title whose id is `key`; it is the household's."""
        found = None if profile_id else self._titles.get(key)
        return None if found is None or found.is_expired(now) else found

    def search(self, query: MemoryQuery, now: datetime) -> list[Recalled]:
        """The best answers, at most query.limit, among the `scan` nearest or first titles.

        With a vector only titles of its encoder are answered.
        """
        if query.vector is None:
            return self._first(query, now)
        wanted = min(query.limit, self._limit)
        while True:
            near = self._titles.search(query.vector, query.model_version, wanted)
            living = [(each, cosine) for each, cosine in near if query.holds(each, now)]
            found = ranking.best(
                query, [Recalled(each, cosine, relevance(each, now)) for each, cosine in living]
            )
            below = bool(near) and near[-1][1] < query.min_similarity
            if len(found) == query.limit or below or len(near) < wanted or wanted == self._limit:
                return found
            wanted = min(4 * wanted, self._limit)

    def count(self) -> int:
        """Number of titles."""
        return self._titles.count()

    def _first(self, query: MemoryQuery, now: datetime) -> list[Recalled]:
        # All are equally relevant, so that their order by key is the order of answers.
        found: list[Recalled] = []
        after, left = "", self._limit
        while page := self._titles.page(after, min(_PAGE, left)) if left else ():
            found += ranking.answer(query, page, now)
            if len(found) >= query.limit:
                break
            after, left = page[-1].key, left - len(page)
        return found[: query.limit]


class Fixed:
    """A source that is a list: the shipped defaults, or what is read as a whole."""

    def __init__(self, memories: Sequence[Memory]) -> None:
        self._memories = tuple(sorted(memories, key=lambda m: m.created_at, reverse=True))
        self._by_name = {(each.profile_id, each.key): each for each in self._memories}

    def get(self, profile_id: str, key: str) -> Memory | None:
        """The memory of that name."""
        return self._by_name.get((profile_id, key))

    def recent(self, query: MemoryQuery, limit: int) -> Sequence[Memory]:
        """The newest `limit` of query.profile_id."""
        whose = query.profile_id
        return [each for each in self._memories if whose in {None, each.profile_id}][:limit]

    def count(self) -> int:
        """Number of memories."""
        return len(self._memories)
