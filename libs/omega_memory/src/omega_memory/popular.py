"""Civilizational: what is popular in the region; and the list of last resort."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from omega_core.memory import KIND, Memory, Tier
from omega_memory.words import decimal

PREFIX = "popular:"
"""Keys of popular titles begin so."""


@dataclass(frozen=True)
class PopularTitle:
    """A title that many watch."""

    content_id: str
    """Which."""
    title: str
    """Its name, for a person."""
    score: float
    """Above 0; greater = more popular."""


def popular_memories(
    titles: Sequence[PopularTitle], source: str, region: str, now: datetime, *, first: int = 1
) -> list[Memory]:
    """Popular titles to keep, most popular first: importance 0.9 to 1 by score.

    Store them with HouseholdMemory.replace(Tier.CIVILIZATIONAL, "", PREFIX, ...).

    Args:
        titles: of one source, in any order; those without a score above 0 are left out.
        source: "trend", or "prior" for the collective prior.
        region: where they are popular, at most 256 characters; empty = everywhere.
        now: when that was learnt.
        first: rank of the most popular one; those of other sources may come before.
    """
    ranked = sorted(
        (each for each in titles if each.score > 0), key=lambda each: (-each.score, each.content_id)
    )
    where = f" in {region}" if region else ""
    return [
        Memory(
            tier=Tier.CIVILIZATIONAL,
            key=PREFIX + each.content_id,
            text=f"Popular{where}: {each.title}."[:1_000],
            content_id=each.content_id,
            importance=0.9 + 0.1 * each.score / ranked[0].score,
            created_at=now,
            accessed_at=now,
            metadata={
                KIND: "popular",
                "source": source,
                "region": region,
                "rank": str(rank),
                "score": decimal(each.score),
            },
        )
        for rank, each in enumerate(ranked, first)
    ]


def popular_list(trends: Iterable[Memory], shipped: Iterable[Memory], limit: int) -> list[str]:
    """The list of last resort: content ids by rank, trends before what was shipped, each once.

    Args:
        trends: memories of Civilizational.
        shipped: memories of Omega.
        limit: most titles.
    """
    ids = [each.content_id for part in (trends, shipped) for each in _by_rank(part)]
    return list(dict.fromkeys(ids))[:limit]


def _by_rank(memories: Iterable[Memory]) -> list[Memory]:
    found = [each for each in memories if each.metadata.get(KIND) == "popular"]
    return sorted(found, key=lambda each: (int(each.metadata["rank"]), each.key))
