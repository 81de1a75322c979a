"""The door to the tiers: what may be stored where, replaced, forgotten, and what it tells."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from omega_core.errors import OmegaError
from omega_core.memory import Memory, MemoryQuery, Tier
from omega_memory import QueryBuilder
from omega_runtime.event_types import MemoryEvicted, MemoryRetrieved, MemoryStored
from omega_testing.remembering import MODEL, Remembering, vector

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
Make = Callable[..., Memory]
WRITABLE = (1, 2, 4, 6, 8, 9, 10)


@pytest.mark.parametrize("tier", Tier)
def test_seven_tiers_take_memories_and_five_are_tables_of_their_own(
    tier: Tier, tv: Remembering, make: Make
) -> None:
    if tier in WRITABLE:
        assert tv.memory.store(make(tier, "m"), NOW)
        return
    with pytest.raises(OmegaError) as refused:
        tv.memory.store(make(tier, "m"), NOW)
    assert refused.value.field == "tier"


@pytest.mark.parametrize("tier", WRITABLE)
def test_a_memory_below_its_tiers_threshold_is_not_stored(
    tier: Tier, tv: Remembering, make: Make
) -> None:
    least = tv.memory.config.rule(Tier(tier)).threshold
    assert tv.memory.store(make(Tier(tier), "enough", least), NOW)
    if least:
        assert not tv.memory.store(make(Tier(tier), "less", least - 0.001), NOW)
    assert [each.key for each in tv.memory.named(Tier(tier), "", NOW)] == ["enough"]


def test_a_memory_comes_back_as_it_was_stored(tv: Remembering, make: Make) -> None:
    stored = make(
        Tier.SEMANTIC,
        "k",
        0.7,
        profile_id="anna",
        content_id="c1",
        metadata={"kind": "x", "é": "'\""},
        confidence=0.25,
        embedding=vector(3),
        model_version=MODEL,
    )
    tv.memory.store(stored, NOW)
    found = tv.memory.get(Tier.SEMANTIC, "k", NOW, "anna")
    assert found is not None
    assert (found.text, found.importance, found.confidence) == (stored.text, 0.7, 0.25)
    assert (found.content_id, dict(found.metadata)) == ("c1", {"kind": "x", "é": "'\""})
    assert found.embedding is not None
    np.testing.assert_allclose(found.embedding, vector(3), atol=1e-3)
    assert tv.memory.get(Tier.SEMANTIC, "k", NOW) is None


def test_all_of_a_batch_is_stored_or_none(tv: Remembering, make: Make) -> None:
    batch = [make(Tier.SEMANTIC, "a"), make(Tier.INSTANT, "b"), make(Tier.SEMANTIC, "", 0.9)]
    with pytest.raises(OmegaError) as refused:
        tv.memory.store_all(batch, NOW)
    assert refused.value.field == "memories[2].key"
    assert sum(each.memories for each in tv.memory.stats() if each.tier != Tier.PHYSICAL) == 0


@pytest.mark.parametrize(
    ("part", "value", "field"),
    [
        ("key", "k" * 161, "key"),
        ("text", "", "text"),
        ("importance", 1.1, "importance"),
        ("confidence", float("nan"), "confidence"),
        ("profile_id", "a b", "profile_id"),
        ("content_id", "c" * 129, "content_id"),
        ("metadata", {f"k{n}": "" for n in range(17)}, "metadata"),
        ("metadata", {"k": "v" * 257}, "metadata[k]"),
        ("embedding", vector(0)[:100], "embedding"),
        ("embedding", vector(0) * 0, "embedding"),
    ],
)
def test_what_is_out_of_bounds_is_named(
    part: str, value: Any, field: str, tv: Remembering, make: Make
) -> None:
    memory = make(Tier.SEMANTIC, "k", model_version=MODEL if part == "embedding" else "")
    with pytest.raises(OmegaError) as refused:
        tv.memory.store(replace(memory, **{part: value}), NOW)
    assert refused.value.field == f"memories[0].{field}"


def test_a_tier_of_the_household_takes_no_profiles_memories(tv: Remembering, make: Make) -> None:
    with pytest.raises(OmegaError) as refused:
        tv.memory.store(make(Tier.SUBSTRATE, "m", profile_id="anna"), NOW)
    assert refused.value.field == "memories[0].profile_id"


def test_replacing_forgets_what_no_longer_holds(tv: Remembering, make: Make) -> None:
    first = [make(Tier.SEMANTIC, f"p:{name}") for name in "abc"]
    tv.memory.store(make(Tier.SEMANTIC, "other"), NOW)
    tv.memory.store(make(Tier.SEMANTIC, "p:d", profile_id="anna"), NOW)
    assert tv.memory.replace(Tier.SEMANTIC, "", "p:", first, NOW) == 3
    tv.memory.recall(MemoryQuery(tiers=(Tier.SEMANTIC,)), NOW)
    later = NOW + timedelta(days=1)
    again = [make(Tier.SEMANTIC, "p:b", 0.6), make(Tier.SEMANTIC, "p:c", 0.4)]
    assert tv.memory.replace(Tier.SEMANTIC, "", "p:", again, later) == 1
    held = tv.memory.named(Tier.SEMANTIC, "", later)
    assert [(each.key, each.access_count) for each in held] == [("other", 1), ("p:b", 1)]
    assert tv.memory.get(Tier.SEMANTIC, "p:d", later, "anna") is not None
    assert MemoryEvicted("semantic", 2, "superseded") in tv.told


def test_deleting_forgets_one(tv: Remembering, make: Make) -> None:
    tv.memory.store(make(Tier.INSTANT, "a"), NOW)
    assert tv.memory.delete(Tier.INSTANT, "a", NOW)
    assert not tv.memory.delete(Tier.INSTANT, "a", NOW)


def test_forgetting_a_profile_leaves_the_others(tv: Remembering, make: Make) -> None:
    for tier in (Tier.INSTANT, Tier.SESSION, Tier.SEMANTIC, Tier.EVOLUTIONARY, Tier.TEMPORAL):
        for profile in ("", "anna", "ben"):
            tv.memory.store(make(tier, "m", profile_id=profile), NOW)
    assert tv.memory.forget_profile("anna") == 5
    left = tv.memory.recall(MemoryQuery(profile_id="anna", limit=100), NOW)
    assert {each.memory.tier for each in left} == {Tier.PHYSICAL}
    assert tv.memory.get(Tier.SEMANTIC, "m", NOW, "ben") is not None
    with pytest.raises(OmegaError):
        tv.memory.forget_profile("")


def test_clearing_forgets_the_household_and_leaves_what_is_not_its_own(
    tv: Remembering, make: Make
) -> None:
    for tier in WRITABLE:
        tv.memory.store(make(Tier(tier), "m"), NOW)
    assert tv.memory.clear() == 6
    left = {each.tier for each in tv.memory.stats() if each.memories}
    assert left == {Tier.CIVILIZATIONAL, Tier.PHYSICAL}
    with tv.database.read() as connection:
        assert connection.execute("SELECT DISTINCT tier FROM memories").fetchall() == [(9,)]


def test_the_household_sees_everybodys_evening_and_its_own_preferences(
    tv: Remembering, make: Make
) -> None:
    for tier in (Tier.SESSION, Tier.SEMANTIC):
        for profile in ("", "anna"):
            tv.memory.store(make(tier, f"of-{profile}", profile_id=profile), NOW)
    tiers = (Tier.SESSION, Tier.SEMANTIC)
    found = tv.memory.recall(MemoryQuery(tiers=tiers), NOW)
    assert [(e.memory.tier, e.memory.profile_id) for e in found] == [(2, ""), (2, "anna"), (4, "")]
    found = tv.memory.recall(QueryBuilder().tiers(*tiers).of("anna").build(), NOW)
    assert [e.memory.profile_id for e in found] == ["anna", "anna"]


def test_it_tells_what_was_stored_and_recalled(tv: Remembering, make: Make) -> None:
    tv.memory.store(make(Tier.SEMANTIC, "m"), NOW)
    tv.memory.recall(MemoryQuery(tiers=(Tier.SEMANTIC, Tier.PHYSICAL), limit=4), NOW)
    assert tv.told == [
        MemoryStored("semantic", "m"),
        MemoryRetrieved("semantic", 1),
        MemoryRetrieved("physical", 3),
    ]


def test_nothing_is_told_of_what_was_not_done(tv: Remembering, make: Make) -> None:
    with tv.database.transaction() as connection:
        connection.execute(
            "CREATE TEMP TRIGGER no BEFORE INSERT ON memories BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    with pytest.raises(sqlite3.IntegrityError):
        tv.memory.store(make(Tier.SEMANTIC, "m"), NOW)
    assert tv.told == []


def test_counts_stand_beside_capacities(tv: Remembering, make: Make) -> None:
    tv.memory.store(make(Tier.SESSION, "m"), NOW)
    counts = {each.tier: (each.memories, each.capacity) for each in tv.memory.stats()}
    assert list(counts) == list(Tier)
    assert counts[Tier.SESSION] == (1, 10_000)
    assert counts[Tier.PHYSICAL] == (10, 80_000)
