"""The one order of answers, and search through pages that stops as soon as it may."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from omega_core.memory import Memory, MemoryPage, MemoryQuery, Recalled, relevance


def answer(query: MemoryQuery, memories: Iterable[Memory], now: datetime) -> list[Recalled]:
    """All of `memories` that the query holds for, best first, at most query.limit."""
    return best(
        query, (recalled(query, memory, now) for memory in memories if query.holds(memory, now))
    )


def recalled(query: MemoryQuery, memory: Memory, now: datetime) -> Recalled:
    """A memory with its figures for a query."""
    return Recalled(memory, query.similarity(memory), relevance(memory, now))


def best(query: MemoryQuery, found: Iterable[Recalled]) -> list[Recalled]:
    """The best query.limit: by similarity where the query has a vector, then by relevance.

    Those below min_similarity are left out where it has one. Equals stand by tier, profile, key.
    """
    by_meaning = query.vector is not None
    kept = (each for each in found if not by_meaning or each.similarity >= query.min_similarity)
    return sorted(kept, key=lambda each: _order(each, by_meaning=by_meaning))[: query.limit]


def _order(each: Recalled, *, by_meaning: bool) -> tuple[float, float, int, str, str]:
    memory = each.memory
    similarity = -each.similarity if by_meaning else 0.0
    return (similarity, -each.relevance, memory.tier, memory.profile_id, memory.key)


def search_pages(
    query: MemoryQuery, pages: Iterable[MemoryPage], now: datetime, scan: int
) -> list[Recalled]:
    """The most relevant from pages that come strongest first, reading no more than it takes.

    They are complete as soon as the last of them is above the page's bound: relevance is never
    above strength (the threshold algorithm of Fagin, Lotem & Naor 2003). It ends after `scan`
    memories anyway. For queries without a vector.
    """
    kept: list[Recalled] = []
    read = 0
    for page in pages:
        found = (recalled(query, each, now) for each in page.memories if query.holds(each, now))
        kept = best(query, [*kept, *found])
        read += len(page.memories)
        complete = len(kept) == query.limit and kept[-1].relevance > page.bound
        if complete or read >= scan:
            break
    return kept
