"""A recall is counted, and never waits for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from omega_core.memory import Memory, MemoryQuery, Tier
from omega_memory import MemoryConfig
from omega_testing.remembering import Remembering

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
ASKED = MemoryQuery(tiers=(Tier.SEMANTIC,))
Make = Callable[..., Memory]


def on_disk(tv: Remembering) -> int:
    with tv.database.read() as connection:
        return int(connection.execute("SELECT sum(access_count) FROM memories").fetchone()[0])


def test_what_is_returned_counts_as_recalled_and_nothing_else(tv: Remembering, make: Make) -> None:
    tv.memory.store_all([make(Tier.SEMANTIC, "a", 0.9), make(Tier.SEMANTIC, "b", 0.6)], NOW)
    tv.memory.recall(MemoryQuery(tiers=(Tier.SEMANTIC,), limit=1), LATER)
    first, second = (tv.memory.get(Tier.SEMANTIC, key, LATER) for key in "ab")
    assert first is not None
    assert second is not None
    assert (first.access_count, first.accessed_at) == (1, LATER)
    assert (second.access_count, second.accessed_at) == (0, NOW)


def test_a_recall_is_written_with_the_next_transaction(tv: Remembering, make: Make) -> None:
    tv.memory.store(make(Tier.SEMANTIC, "a"), NOW)
    tv.memory.recall(ASKED, LATER)
    tv.memory.recall(ASKED, LATER)
    assert on_disk(tv) == 0
    with tv.database.transaction():
        pass
    assert on_disk(tv) == 2


def test_a_recall_answers_while_the_table_cannot_be_written(tv: Remembering, make: Make) -> None:
    """The Instant tier needs no table at all: it answers while a transaction is open."""
    tv.memory.store(make(Tier.INSTANT, "a"), NOW)
    answered = threading.Event()

    def ask() -> None:
        tv.memory.recall(MemoryQuery(tiers=(Tier.INSTANT,)), NOW)
        answered.set()

    with tv.database.transaction():
        threading.Thread(target=ask).start()
        assert answered.wait(20)


def test_reading_by_name_is_no_recall(tv: Remembering, make: Make) -> None:
    tv.memory.store(make(Tier.SEMANTIC, "a"), NOW)
    tv.memory.get(Tier.SEMANTIC, "a", LATER)
    tv.memory.named(Tier.SEMANTIC, "", LATER)
    found = tv.memory.get(Tier.SEMANTIC, "a", LATER)
    assert found is not None
    assert found.access_count == 0


def test_storing_anew_keeps_accesses_and_age_and_renews_the_time_left(
    tv: Remembering, make: Make
) -> None:
    tv.memory.store(make(Tier.SEMANTIC, "a", 0.9), NOW)
    tv.memory.recall(ASKED, LATER)
    tv.memory.store(make(Tier.SEMANTIC, "a", 0.6, created_at=LATER), LATER)
    found = tv.memory.get(Tier.SEMANTIC, "a", LATER)
    assert found is not None
    assert (found.importance, found.access_count, found.created_at) == (0.6, 1, NOW)
    assert found.expires_at == LATER + timedelta(days=365)


def test_the_recalled_stay_longest_in_a_full_instant_tier(
    opened: Callable[..., Remembering], make: Make
) -> None:
    tv = opened(MemoryConfig(instant_capacity=3))
    for number in range(3):
        tv.memory.store(make(Tier.INSTANT, f"k{number}", number / 10), NOW)
    tv.memory.recall(MemoryQuery(tiers=(Tier.INSTANT,), created_before=LATER), NOW)
    tv.memory._tiers.writable(Tier.INSTANT).touch([make(Tier.INSTANT, "k0")], NOW)
    tv.memory.store(make(Tier.INSTANT, "k3"), NOW)
    held = {each.key for each in tv.memory.named(Tier.INSTANT, "", NOW)}
    assert len(held) == 3
    assert {"k0", "k3"} <= held
