"""The table of memories: names, order of pages, touches that ride along, and what it refuses."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from omega_core.clock import ManualClock
from omega_core.memory import Memory, MemoryQuery, Tier, strength
from omega_core.vectors import FloatArray, unit
from omega_persistence import Database, Memories, Meta

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def rows(database: Database) -> Memories:
    return Memories(database)


def a_memory(key: str, importance: float = 0.5, tier: Tier = Tier.SEMANTIC) -> Memory:
    return Memory(
        tier=tier, key=key, text="m", importance=importance, created_at=NOW, accessed_at=NOW
    )


def a_vector(number: int) -> FloatArray:
    return unit(np.random.default_rng(number).normal(size=384).astype(np.float32))


def keys(memories: list[Memory]) -> list[str]:
    return [each.key for each in memories]


def test_a_memory_survives_a_restart_in_every_part(
    rows: Memories, database: Database, path: Path, clock: ManualClock
) -> None:
    vector = unit(np.random.default_rng(1).normal(size=384).astype(np.float32))
    stored = replace(
        a_memory("k é'"),
        profile_id="anna",
        content_id="c1",
        metadata={"a b": "ü\"'"},
        confidence=0.25,
        access_count=3,
        expires_at=NOW + HOUR,
        embedding=vector,
        model_version="encoder-1",
    )
    rows.put([stored])
    database.close()
    again = Database.open(path, clock=clock)
    found = Memories(again).get(Tier.SEMANTIC, "anna", "k é'")
    again.close()
    assert found == stored
    assert found is not None
    assert found.embedding is not None
    np.testing.assert_allclose(found.embedding, vector, atol=1e-3)
    assert float(np.linalg.norm(found.embedding)) == pytest.approx(1, abs=1e-6)


def test_a_name_is_one_memory_within_tier_and_profile(rows: Memories) -> None:
    rows.put(
        [a_memory("k"), a_memory("k", tier=Tier.SESSION), replace(a_memory("k"), profile_id="anna")]
    )
    rows.put([replace(a_memory("k", 0.9), created_at=NOW + HOUR, accessed_at=NOW + HOUR)])
    assert [rows.count(tier) for tier in (Tier.SESSION, Tier.SEMANTIC)] == [1, 2]
    found = rows.get(Tier.SEMANTIC, "", "k")
    assert found is not None
    assert (found.importance, found.created_at, found.accessed_at) == (0.9, NOW, NOW + HOUR)


def test_pages_come_strongest_first_and_say_what_can_still_come(rows: Memories) -> None:
    drawn = np.random.default_rng(2)
    stored = [
        replace(a_memory(f"k{n}", float(x)), access_count=int(drawn.integers(9)))
        for n, x in enumerate(drawn.uniform(0, 1, 700))
    ]
    rows.put(stored)
    rows.put([a_memory("other", tier=Tier.SESSION)])
    pages = list(rows.pages(Tier.SEMANTIC, MemoryQuery(), NOW))
    assert pages[0].bound == math.inf
    found = [strength(each) for page in pages for each in page.memories]
    assert found == sorted((strength(each) for each in stored), reverse=True)
    for page, later in pairwise(pages):
        assert all(strength(each) <= page.bound for each in later.memories)
    assert max(len(page.memories) for page in pages) <= 100


def test_the_nearest_are_those_of_an_exact_look(rows: Memories) -> None:
    stored = [
        replace(
            a_memory(f"k{n}", n / 2_500),
            embedding=a_vector(n % 1_500),
            model_version="other" if n % 5 == 0 else "m",
        )
        for n in range(2_300)
    ]
    rows.put([*stored, a_memory("without")])
    asked = MemoryQuery(vector=a_vector(3), model_version="m", limit=20, min_importance=0.1)
    cosines = {
        each.key: float(each.embedding @ a_vector(3))
        for each in stored
        if each.embedding is not None and each.model_version == "m" and each.importance >= 0.1
    }
    found = {
        memory.key: cosine for memory, cosine in rows.nearest(Tier.SEMANTIC, asked, NOW, 9_999)
    }
    best = sorted(cosines, key=lambda key: -cosines[key])[:20]
    assert set(best) <= found.keys() <= cosines.keys()
    assert len(found) <= 23
    assert all(abs(found[key] - cosines[key]) < 1e-3 for key in found)
    strongest = rows.nearest(Tier.SEMANTIC, asked, NOW, 100)
    assert min(int(memory.key[1:]) for memory, _ in strongest) >= 2_170
    plain = rows.pages(Tier.SEMANTIC, MemoryQuery(), NOW, "m")
    assert sum(len(page.memories) for page in plain) == 461


@pytest.mark.parametrize(
    "asked",
    [
        MemoryQuery(profile_id=None),
        MemoryQuery(profile_id="anna"),
        MemoryQuery(created_from=NOW + 9.5 * HOUR),
        MemoryQuery(created_before=NOW + 9.5 * HOUR),
        MemoryQuery(min_importance=0.45),
        MemoryQuery(min_confidence=0.5),
        MemoryQuery(metadata={"kind": "a"}),
        MemoryQuery(metadata={"kind": "a", "é'": '"'}),
        MemoryQuery(metadata={"kind": "x"}),
        MemoryQuery(metadata={"absent": ""}),
    ],
)
def test_each_part_of_a_query_is_held_to(asked: MemoryQuery, rows: Memories) -> None:
    stored = [
        replace(
            a_memory(f"k{n}", n / 40),
            profile_id="anna" if n % 5 == 0 else "",
            created_at=NOW + n * HOUR / 2,
            confidence=0.2 if n % 3 else 0.9,
            metadata={"kind": "ab"[n % 2], "é'": '"' if n % 4 else "x"},
            expires_at=NOW + (n % 7) * HOUR if n % 7 < 3 else None,
            embedding=a_vector(n),
            model_version="m",
        )
        for n in range(40)
    ]
    rows.put(stored)
    now = NOW + HOUR
    expected = {each.key for each in stored if asked.holds(each, now)}
    pages = list(rows.pages(Tier.SEMANTIC, asked, now))
    assert {each.key for page in pages for each in page.memories} == expected
    near = replace(asked, vector=a_vector(0), model_version="m", limit=100)
    assert {each.key for each, _ in rows.nearest(Tier.SEMANTIC, near, now, 1_000)} == expected


def test_a_touch_waits_for_the_next_transaction_and_counts_at_once(
    rows: Memories, database: Database
) -> None:
    memory = a_memory("k")
    rows.put([memory, a_memory("stronger", 0.55)])
    for hours in (1, 3, 2):
        rows.touch([memory], NOW + hours * HOUR)
    expected = replace(memory, access_count=3, accessed_at=NOW + 3 * HOUR)
    assert rows.get(Tier.SEMANTIC, "", "k") == expected
    assert rows.named(Tier.SEMANTIC, "", "k", 9) == [expected]
    (first, *_) = rows.pages(Tier.SEMANTIC, MemoryQuery(), NOW)
    assert first.memories == (expected,)
    assert Memories(database).get(Tier.SEMANTIC, "", "k") == memory
    Meta(database).set("key", "value")
    assert Memories(database).get(Tier.SEMANTIC, "", "k") == expected
    pages = list(rows.pages(Tier.SEMANTIC, MemoryQuery(), NOW))
    assert [each.key for page in pages for each in page.memories] == ["k", "stronger"]


def counts(rows: Memories) -> list[int]:
    return [each.access_count for each in rows.named(Tier.SEMANTIC, "", "k", 2_000)]


def test_touches_that_wait_are_bounded_and_leave_with_their_memory(rows: Memories) -> None:
    many = [a_memory(f"k{n}") for n in range(1_010)]
    rows.put(many)
    rows.touch(many, NOW)
    assert sum(counts(rows)) == 1_000
    rows.remove(many)
    rows.put(many)
    assert set(counts(rows)) == {0}
    rows.touch(many, NOW)
    rows.clear(Tier.SEMANTIC)
    rows.put(many)
    assert set(counts(rows)) == {0}


def test_one_transaction_writes_a_few_touches_and_a_stop_writes_all(
    rows: Memories, database: Database
) -> None:
    many = [a_memory(f"k{n:03}") for n in range(120)]
    rows.put(many)
    rows.touch(many, NOW)
    on_disk = Memories(database)
    for written in (50, 100, 120):
        Meta(database).set("key", "value")
        assert (sum(counts(on_disk)), sum(counts(rows))) == (written, 120)
    rows.touch(many, NOW)
    rows.flush()
    assert sum(counts(on_disk)) == 240


def test_names_are_found_by_their_beginning(rows: Memories) -> None:
    names = ("a:1", "a:2", "a", "A:1", "a_1", "a%", "b:1", "a:\U0010ffff")
    rows.put([a_memory(name) for name in names])
    rows.put([replace(a_memory("a:1"), profile_id="anna")])
    assert keys(rows.named(Tier.SEMANTIC, "", "a:", 9)) == ["a:1", "a:2", "a:\U0010ffff"]
    assert keys(rows.named(Tier.SEMANTIC, "", "a:", 2)) == ["a:1", "a:2"]
    assert keys(rows.named(Tier.SEMANTIC, "", "a%", 9)) == ["a%"]
    found = rows.named(Tier.SEMANTIC, None, "a:1", 9)
    assert [each.profile_id for each in found] == ["", "anna"]
    assert len(rows.named(Tier.SEMANTIC, "", "", 99)) == len(names)


def test_the_expired_the_early_and_the_weakest(rows: Memories) -> None:
    stored = [
        replace(a_memory(f"k{n}", n / 10, Tier.SESSION), expires_at=NOW + n * HOUR)
        for n in range(10)
    ]
    rows.put(stored)
    rows.touch([stored[0]] * 12, NOW)
    rows.touch([stored[5]] * 12, NOW)
    assert keys(rows.expired(Tier.SESSION, NOW + 3 * HOUR, 3)) == ["k0", "k1", "k2"]
    assert len(rows.expired(Tier.SESSION, NOW + 3 * HOUR, 9)) == 4
    above = (0.75, 10)
    assert keys(rows.early(Tier.SESSION, NOW, above, None, 9)) == ["k5", "k8", "k9"]
    assert keys(rows.early(Tier.SESSION, NOW, above, ("", "k5"), 1)) == ["k8"]
    assert keys(rows.weakest(Tier.SESSION, NOW, 3)) == ["k1", "k2", "k0"]
    assert keys(rows.weakest(Tier.SEMANTIC, NOW, 3)) == []


def test_forgetting_counts_what_was_there(rows: Memories) -> None:
    rows.put([a_memory("a"), replace(a_memory("a"), profile_id="anna"), a_memory("b")])
    assert rows.remove([a_memory("b"), a_memory("c")]) == 1
    assert rows.forget_profile(Tier.SEMANTIC, "anna") == 1
    assert rows.clear(Tier.SEMANTIC) == 1
    assert rows.count(Tier.SEMANTIC) == 0


def test_all_of_a_batch_is_stored_or_none(rows: Memories) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        rows.put([a_memory("a"), a_memory("b", 1.5)])
    assert rows.count(Tier.SEMANTIC) == 0


def test_no_question_reads_the_whole_table(rows: Memories, database: Database) -> None:
    rows.put([a_memory("k")])
    asked: list[str] = []
    with database.read() as connection:
        connection.set_trace_callback(asked.append)
    list(rows.pages(Tier.SEMANTIC, MemoryQuery(profile_id="anna"), NOW))
    rows.nearest(Tier.SEMANTIC, MemoryQuery(vector=a_vector(1), model_version="m"), NOW, 100)
    rows.get(Tier.SEMANTIC, "", "k")
    rows.named(Tier.SEMANTIC, "", "k", 9)
    rows.named(Tier.SEMANTIC, None, "k", 9)
    rows.expired(Tier.SESSION, NOW, 9)
    rows.early(Tier.SESSION, NOW, (0.8, 10), None, 9)
    rows.weakest(Tier.SESSION, NOW, 9)
    rows.count(Tier.SESSION)
    with database.read() as connection:
        connection.set_trace_callback(None)
        queries = [each for each in asked if "FROM memories" in each]
        plans = [connection.execute("EXPLAIN QUERY PLAN " + each).fetchall() for each in queries]
    assert len(queries) == 9
    steps = [row[3] for plan in plans for row in plan if " memories " in row[3]]
    assert len(steps) == 9
    assert [step for step in steps if not step.startswith("SEARCH memories USING")] == []
    assert "memories_by_strength (tier=? AND strength<?)" in steps[0]
