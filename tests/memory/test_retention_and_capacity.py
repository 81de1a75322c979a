"""Years of memories: none outlives its time, no tier outgrows its bound."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from omega_core.memory import Memory, MemoryQuery, Tier, relevance
from omega_core.viewing import PlaybackAction, ViewingEvent
from omega_memory import MemoryConfig
from omega_memory.tonight import shown
from omega_runtime.event_types import MemoryEvicted
from omega_testing.remembering import Remembering

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
DAY = timedelta(days=1)
Open = Callable[..., Remembering]
Make = Callable[..., Memory]
TIMED = ((Tier.INSTANT, timedelta(seconds=60)), (Tier.SESSION, DAY), (Tier.SEMANTIC, 365 * DAY))
TIMELESS = (Tier.EVOLUTIONARY, Tier.SUBSTRATE, Tier.CIVILIZATIONAL, Tier.TEMPORAL)
SMALL = MemoryConfig(
    instant_capacity=20,
    session_capacity=30,
    episodic_capacity=40,
    semantic_capacity=25,
    evolutionary_capacity=5,
    substrate_capacity=4,
    civilizational_capacity=6,
    temporal_capacity=7,
)


@pytest.mark.parametrize(("tier", "retention"), TIMED)
def test_a_memory_is_not_recalled_after_its_time(
    tier: Tier, retention: timedelta, tv: Remembering, make: Make
) -> None:
    tv.memory.store(make(tier, "m"), NOW)
    last = NOW + retention - timedelta(microseconds=1)
    for at, there in ((last, True), (NOW + retention, False)):
        assert (tv.memory.get(tier, "m", at) is not None) is there
        assert bool(tv.memory.recall(MemoryQuery(tiers=(tier,)), at)) is there
        assert bool(tv.memory.named(tier, "", at)) is there


def test_a_viewing_is_not_recalled_after_its_month_though_it_was_not_folded_yet(
    tv: Remembering,
) -> None:
    tv.episodes.events.record(viewing(0, NOW))
    asked = MemoryQuery(tiers=(Tier.EPISODIC,))
    assert len(tv.memory.recall(asked, NOW + 30 * DAY - timedelta(seconds=1))) == 1
    assert tv.memory.recall(asked, NOW + 30 * DAY) == []


def test_what_the_fleet_taught_is_believed_ten_years(opened: Open, make: Make) -> None:
    tv = opened(patterns=[make(Tier.COLLECTIVE, "p")])
    asked = MemoryQuery(tiers=(Tier.COLLECTIVE,))
    assert len(tv.memory.recall(asked, NOW + 3_649 * DAY)) == 1
    assert tv.memory.recall(asked, NOW + 3_650 * DAY) == []


@pytest.mark.parametrize("tier", TIMELESS)
def test_the_other_tiers_keep_for_ever(tier: Tier, tv: Remembering, make: Make) -> None:
    tv.memory.store(make(tier, "m"), NOW)
    later = NOW + 40_000 * DAY
    tv.memory.sweep(later)
    assert tv.memory.get(tier, "m", later) is not None


@pytest.mark.parametrize("tier", [Tier.SESSION, Tier.SEMANTIC, Tier.TEMPORAL])
def test_the_least_relevant_leave_a_full_tier(tier: Tier, opened: Open, make: Make) -> None:
    tv = opened(SMALL)
    capacity = SMALL.rule(tier).capacity
    drawn = random.Random(3)  # noqa: S311 - a test's own numbers
    least = SMALL.rule(tier).threshold
    memories = [
        make(tier, f"m{n}", drawn.uniform(least, 1), profile_id=drawn.choice(("", "anna")))
        for n in range(capacity)
    ]
    for hours, memory in enumerate(memories):
        tv.memory.store(memory, NOW + timedelta(minutes=20 * hours))
    for _ in range(3):
        tv.memory.recall(MemoryQuery(tiers=(tier,), limit=5), NOW)
    later = NOW + timedelta(hours=10)
    held = tv.memory._tiers.writable(tier).named(None, "", 1_000)
    order = sorted(held, key=lambda each: relevance(each, later))
    tv.memory.store(make(tier, "new", 1.0, created_at=later), later)
    left = {each.key for each in tv.memory._tiers.writable(tier).named(None, "", 1_000)}
    assert left == {each.key for each in order[1:]} | {"new"}
    assert MemoryEvicted(tier.name.lower(), 1, "capacity") in tv.told


def test_a_full_tier_makes_room_for_several_at_once(opened: Open, make: Make) -> None:
    tv = opened(MemoryConfig(semantic_capacity=100))
    tv.memory.store_all([make(Tier.SEMANTIC, f"m{n}", 0.5 + n / 300) for n in range(101)], NOW)
    left = tv.memory.named(Tier.SEMANTIC, "", NOW)
    assert {each.key for each in left} == {f"m{n}" for n in range(3, 101)}


def test_the_least_recently_used_leave_a_full_instant_tier(opened: Open, make: Make) -> None:
    tv = opened(SMALL)
    for number in range(25):
        tv.memory.store(make(Tier.INSTANT, f"m{number:02}", 1 - number / 100), NOW)
    left = sorted(each.key for each in tv.memory.named(Tier.INSTANT, "", NOW))
    assert left == [f"m{number:02}" for number in range(5, 25)]


def test_a_full_history_folds_its_oldest_viewings(opened: Open) -> None:
    tv = opened(SMALL)
    for number in range(50):
        tv.episodes.events.record(viewing(number, NOW, number % 5))
    done = tv.memory.sweep(NOW, limit=4)
    assert (done.moved, done.finished) == (4, False)
    while not tv.memory.sweep(NOW, limit=4).finished:
        pass
    left = {entry.event.event_id for entry in tv.episodes.events.all_events()}
    assert left == {f"e{number}" for number in range(10, 50)}
    assert tv.episodes.records.viewings() == 10


def test_three_years_of_evenings_stay_within_every_bound(opened: Open, make: Make) -> None:
    tv = opened(SMALL)
    drawn = random.Random(7)  # noqa: S311 - a test's own numbers
    viewings = 0
    for day in range(0, 3 * 365, 12):
        now = NOW + day * DAY
        tv.clock.advance(now - tv.clock.now())
        titles = [(f"c{drawn.randrange(10)}", "T") for _ in range(6)]
        with tv.database.transaction():
            tv.memory.store_all(shown(titles, "r", "", now), now)
            for number in range(4):
                viewings += 1
                tv.episodes.events.record(viewing(viewings, now, drawn.randrange(10)))
                tv.memory.store(make(Tier.SEMANTIC, f"s{drawn.randrange(60)}", drawn.random()), now)
                tier = drawn.choice(TIMELESS)
                tv.memory.store(make(tier, f"d{day}-{number}", drawn.random()), now)
        tv.memory.auto_consolidate(now + timedelta(minutes=30))
        while not tv.memory.sweep(now + timedelta(minutes=30), limit=8).finished:
            pass
        for each in tv.memory.stats():
            assert each.memories <= each.capacity or each.tier is Tier.PHYSICAL, each
        for tier, retention in TIMED:
            for memory in tv.memory._tiers.writable(tier).named(None, "", 1_000):
                assert memory.accessed_at + retention >= now
        assert tv.episodes.events.count() + tv.episodes.records.viewings() == viewings
    assert {each.tier: each.memories > 0 for each in tv.memory.stats()} == {
        tier: tier not in {Tier.COLLECTIVE, Tier.ARCHITECTURAL, Tier.OMEGA, Tier.INSTANT}
        for tier in Tier
    }


def test_a_sweep_moves_what_has_earned_it_and_drops_the_rest(tv: Remembering, make: Make) -> None:
    tv.memory.store_all([make(Tier.INSTANT, f"m{n}", n / 20) for n in range(10)], NOW)
    done = tv.memory.sweep(NOW + timedelta(minutes=1))
    assert (done.moved, done.expired) == (8, 2)
    assert tv.memory.stats()[1].memories == 8


def viewing(number: int, at: datetime, title: int = 0) -> ViewingEvent:
    return ViewingEvent(
        event_id=f"e{number}",
        content_id=f"c{title}",
        watch_percentage=0.9,
        engagement_score=0.5,
        occurred_at=at,
        action=PlaybackAction.STOP,
    )
