"""Recall answers what a look at every single memory would."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.memory import Memory, MemoryQuery, Recalled, Tier, relevance
from omega_core.viewing import PlaybackAction, ViewingEvent
from omega_memory import THRESHOLDS, MemoryConfig
from omega_testing.remembering import MODEL, Remembering, vector

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
WRITABLE = (
    Tier.INSTANT,
    Tier.SESSION,
    Tier.SEMANTIC,
    Tier.EVOLUTIONARY,
    Tier.SUBSTRATE,
    Tier.CIVILIZATIONAL,
    Tier.TEMPORAL,
)
Open = Callable[..., Remembering]

a_memory = st.fixed_dictionaries(
    {
        "tier": st.sampled_from(WRITABLE),
        "profile_id": st.sampled_from(("", "anna", "ben")),
        "key": st.sampled_from([f"k{n}" for n in range(30)]),
        "worth": st.floats(-0.1, 1).map(lambda x: round(x, 2)),
        "confidence": st.sampled_from((0.2, 0.9)),
        "age": st.integers(-90, 4_000_000),
        "metadata": st.dictionaries(
            st.sampled_from(("kind", "a b")), st.sampled_from(("x", "é'\"", "")), max_size=2
        ),
        "vector": st.none() | st.integers(0, 20),
        "model": st.sampled_from((MODEL, "encoder-2")),
        "recalls": st.integers(0, 3),
        "waits": st.booleans(),
    }
)


def seldom(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A part of a query: with all of them at once hardly a memory would be left."""
    return st.one_of(st.none(), st.none(), st.none(), part)


some_time_ago = st.integers(0, 4_000_000).map(lambda seconds: NOW - timedelta(seconds=seconds))
a_query = st.fixed_dictionaries(
    {
        "limit": st.sampled_from((1, 5, 10, 100)),
        "vector": st.none() | st.integers(0, 20).map(vector),
        "tiers": seldom(st.lists(st.sampled_from(Tier), min_size=1, max_size=4).map(tuple)),
        "profile_id": st.sampled_from((None, "", "anna", "nobody")),
        "created_from": seldom(some_time_ago),
        "created_before": seldom(some_time_ago),
        "metadata": seldom(
            st.dictionaries(
                st.sampled_from(("kind", "a b")), st.sampled_from(("x", "é'\"", "")), min_size=1
            )
        ),
        "min_similarity": seldom(st.sampled_from((-1.0, -0.05, 0.05, 0.9))),
        "min_importance": seldom(st.floats(0, 1)),
        "min_confidence": seldom(st.just(0.5)),
    }
).map(lambda parts: {name: part for name, part in parts.items() if part is not None})


def test_recall_is_the_best_of_all_memories(opened: Open) -> None:
    tv = opened(
        patterns=[memory(Tier.COLLECTIVE, n) for n in range(5)],
        settings=[memory(Tier.ARCHITECTURAL, n) for n in range(3)],
        defaults=[memory(Tier.OMEGA, n) for n in range(4)],
    )
    watch(tv)

    @settings(deadline=None, max_examples=80)
    @given(
        drawn=st.lists(a_memory, min_size=15, max_size=40),
        query=a_query,
        later=st.sampled_from((0, 30, 61, 3_600, 90_000)),
    )
    def holds(drawn: list[dict[str, Any]], query: dict[str, Any], later: int) -> None:
        with tv.database.transaction():
            for tier in WRITABLE:
                tv.memory._tiers.writable(tier).clear()
            held = [made for each in drawn if (made := store(tv, each)) is not None]
            recall_some(tv, held, waits=False)
        recall_some(tv, held, waits=True)
        now = NOW + timedelta(seconds=later)
        asked = MemoryQuery(model_version=MODEL, **query)
        expected = oracle(everything(tv), asked, now)
        found = tv.memory.recall(asked, now)
        assert names(found) == names(expected)
        for one, other in zip(found, expected, strict=True):
            assert one.memory == other.memory
            assert one.similarity == pytest.approx(other.similarity, abs=1e-6)
            assert one.relevance == pytest.approx(other.relevance, rel=1e-12)

    holds()


def oracle(memories: list[Memory], query: MemoryQuery, now: datetime) -> list[Recalled]:
    """By the words of the contract, without any of the code under test."""
    found = []
    for each in memories:
        personal = each.tier in {1, 2, 3, 4, 6, 10}
        pooled = each.tier in {1, 2, 3} and not query.profile_id
        similarity = 0.0
        if query.vector is not None and each.embedding is not None:
            if each.model_version == query.model_version:
                similarity = min(float(each.embedding @ query.vector), 1.0)
            elif each.tier is Tier.PHYSICAL:
                continue
        if (
            (query.tiers and each.tier not in query.tiers)
            or (personal and not pooled and each.profile_id != query.profile_id)
            or (each.expires_at is not None and each.expires_at <= now)
            or (query.created_from is not None and each.created_at < query.created_from)
            or (query.created_before is not None and each.created_at >= query.created_before)
            or any(each.metadata.get(k) != v for k, v in query.metadata.items())
            or each.importance < query.min_importance
            or each.confidence < query.min_confidence
            or (query.vector is not None and similarity < query.min_similarity)
        ):
            continue
        found.append(Recalled(each, similarity, relevance(each, now)))
    found.sort(
        key=lambda each: (
            -each.similarity,
            -each.relevance,
            each.memory.tier,
            each.memory.profile_id,
            each.memory.key,
        )
    )
    return found[: query.limit]


def everything(tv: Remembering) -> list[Memory]:
    """Every memory of every tier, read one by one or as whole tables."""
    readers = tv.memory._tiers
    found = [m for tier in WRITABLE for m in readers.writable(tier).named(None, "", 10_000)]
    found += tv.episodes.recent(MemoryQuery(), 10_000)
    for tier, most in ((Tier.COLLECTIVE, 5), (Tier.ARCHITECTURAL, 3), (Tier.OMEGA, 4)):
        found += filter(None, (readers.reader(tier).get("", f"k{n}", NOW) for n in range(most)))
    found += filter(None, (readers.reader(Tier.PHYSICAL).get("", f"c{n}", NOW) for n in range(10)))
    return found


def names(found: Sequence[Recalled]) -> list[tuple[int, str, str]]:
    return [(each.memory.tier, each.memory.profile_id, each.memory.key) for each in found]


def memory(tier: Tier, number: int) -> Memory:
    return Memory(
        tier=tier,
        key=f"k{number}",
        text=f"m{number}",
        importance=0.9,
        created_at=NOW - timedelta(days=number),
        accessed_at=NOW - timedelta(days=number),
        embedding=vector(number),
        model_version=MODEL,
    )


def watch(tv: Remembering) -> None:
    for number in range(4):
        tv.episodes.events.record(
            ViewingEvent(
                event_id=f"e{number}",
                content_id=f"c{number}",
                watch_percentage=number / 4,
                engagement_score=0.5,
                occurred_at=NOW - timedelta(hours=9 * number),
                action=PlaybackAction.STOP,
            )
        )


def store(tv: Remembering, drawn: dict[str, Any]) -> tuple[Memory, dict[str, Any]] | None:
    """Stores a memory some time ago."""
    tier = drawn["tier"]
    least = THRESHOLDS[tier]
    shape = None if drawn["vector"] is None else vector(drawn["vector"])
    made = Memory(
        tier=tier,
        key=drawn["key"],
        text="m",
        profile_id=drawn["profile_id"] if tier.personal else "",
        importance=least + drawn["worth"] * (1 - least) if drawn["worth"] > 0 else least / 2,
        confidence=drawn["confidence"],
        created_at=NOW - timedelta(seconds=drawn["age"]),
        accessed_at=NOW,
        metadata=drawn["metadata"],
        embedding=shape,
        model_version="" if shape is None else drawn["model"],
    )
    return (made, drawn) if tv.memory.store(made, stored_at(drawn)) else None


def recall_some(tv: Remembering, held: list[tuple[Memory, dict[str, Any]]], *, waits: bool) -> None:
    """Notes recalls that are written with the transaction, or that wait for the next one."""
    for made, drawn in held:
        if drawn["waits"] is waits:
            for _ in range(drawn["recalls"]):
                tv.memory._tiers.writable(made.tier).touch([made], stored_at(drawn))


def stored_at(drawn: dict[str, Any]) -> datetime:
    return NOW - timedelta(seconds=max(drawn["age"], 0) / 40)


def test_a_recall_by_relevance_ends_after_the_pages_it_needs(opened: Open) -> None:
    tv = opened()
    tv.memory.store_all(
        [
            Memory(
                tier=Tier.SEMANTIC,
                key=f"k{n}",
                text="m",
                importance=0.5 + n / 5_000,
                created_at=NOW,
                accessed_at=NOW,
            )
            for n in range(2_000)
        ],
        NOW,
    )
    read = [len(page.memories) for page in tv.rows.pages(Tier.SEMANTIC, MemoryQuery(), NOW)]
    statements: list[str] = []
    with tv.database.read() as connection:
        connection.set_trace_callback(statements.append)
    found = tv.memory.recall(MemoryQuery(tiers=(Tier.SEMANTIC,), limit=3), NOW)
    with tv.database.read() as connection:
        connection.set_trace_callback(None)
    assert [each.memory.key for each in found] == ["k1999", "k1998", "k1997"]
    assert sum(read) == 2_000
    assert len(statements) == 1


@pytest.mark.parametrize("seed", range(4))
def test_many_pages_answer_as_one(seed: int, opened: Open) -> None:
    tv = opened()
    drawn = random.Random(seed)  # noqa: S311 - a test's own numbers
    made = [
        replace(
            memory(Tier.SESSION, 0),
            key=f"k{n}",
            importance=drawn.uniform(0.1, 1),
            access_count=drawn.choice((0, 0, 3)),
            accessed_at=NOW - timedelta(hours=drawn.uniform(0, 40)),
        )
        for n in range(900)
    ]
    tv.rows.put(made)
    tv.rows.touch(made[:20], NOW - timedelta(hours=30))
    held = tv.memory._tiers.writable(Tier.SESSION).named("", "", 1_000)
    for limit in (1, 5, 60):
        asked = MemoryQuery(tiers=(Tier.SESSION,), limit=limit)
        assert names(tv.memory._tiers.reader(Tier.SESSION).search(asked, NOW)) == names(
            oracle(held, asked, NOW)
        )


@pytest.mark.parametrize("by_meaning", [True, False])
def test_titles_are_searched_until_enough_suit(by_meaning: bool, opened: Open) -> None:
    tv = opened(titles=300)
    reader = tv.memory._tiers.reader(Tier.PHYSICAL)
    held = [m for n in range(300) if (m := reader.get("", f"c{n}", NOW)) is not None]
    assert len(held) == 300
    for year in (1900, 2010, 2199):
        asked = MemoryQuery(
            tiers=(Tier.PHYSICAL,),
            metadata={"year": str(year)},
            vector=vector(7) if by_meaning else None,
            model_version=MODEL,
            min_similarity=-1,
            limit=5,
        )
        found = tv.memory.recall(asked, NOW)
        assert names(found) == names(oracle(held, asked, NOW))
        assert len(found) == 1


def test_a_recall_reads_a_bounded_part_of_a_tier(opened: Open) -> None:
    tv = opened(MemoryConfig(scan=250))
    tv.memory.store_all(
        [
            Memory(
                tier=Tier.SEMANTIC,
                key=f"k{n}",
                text="m",
                importance=0.5 + n / 5_000,
                created_at=NOW,
                accessed_at=NOW,
                embedding=vector(n % 5),
                model_version=MODEL,
            )
            for n in range(1_000)
        ],
        NOW,
    )
    asked = MemoryQuery(tiers=(Tier.SEMANTIC,), vector=vector(1), model_version=MODEL, limit=100)
    found = tv.memory.recall(asked, NOW)
    assert {int(each.memory.key[1:]) >= 750 for each in found} == {True}
