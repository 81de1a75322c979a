"""Memories move up by stated rules: none is copied, lost otherwise, or made more important."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_core.memory import Memory, MemoryQuery, Tier
from omega_core.viewing import PlaybackAction, ViewingEvent
from omega_memory import EARLY_ACCESSES, THRESHOLDS, Upkeep
from omega_memory.tonight import on_now
from omega_runtime.event_types import MemoryConsolidated, MemoryEvicted
from omega_testing.remembering import Remembering

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
Make = Callable[..., Memory]
ROWS = (Tier.SESSION, Tier.SEMANTIC, Tier.EVOLUTIONARY, Tier.TEMPORAL)


def keys(tv: Remembering, tier: Tier) -> set[str]:
    """Everything in a tier, past its time or not."""
    return {each.key for each in tv.memory._tiers.writable(tier).named(None, "", 10_000)}


def playing(number: int, watched: float, at: datetime = NOW) -> Memory:
    event = ViewingEvent(
        event_id=f"p{number}",
        content_id=f"c{number}",
        watch_percentage=watched,
        engagement_score=0.5,
        occurred_at=at,
        session_id="tonight",
        action=PlaybackAction.PAUSE,
    )
    return on_now(event, f"Title {number}")


def test_what_was_on_becomes_tonight_then_history_then_a_record(tv: Remembering) -> None:
    tv.memory.store(playing(1, 0.5), NOW)
    assert keys(tv, Tier.INSTANT) == {"viewing:c1"}
    tv.memory.auto_consolidate(NOW + MINUTE)
    assert (keys(tv, Tier.INSTANT), keys(tv, Tier.SESSION)) == (set(), {"viewing:c1"})
    tv.clock.advance(MINUTE + DAY)
    tv.memory.auto_consolidate(tv.clock.now())
    assert keys(tv, Tier.SESSION) == set()
    (event,) = (entry.event for entry in tv.episodes.events.all_events())
    assert (event.content_id, event.watch_percentage, event.occurred_at) == ("c1", 0.5, NOW)
    assert (event.action, event.session_id) == (PlaybackAction.STOP, "tonight")
    tv.clock.advance(31 * DAY)
    tv.memory.auto_consolidate(tv.clock.now())
    assert tv.episodes.events.count() == 0
    (record,) = tv.episodes.records.all_records()
    assert (record.content_id, record.viewings) == ("c1", 1)


def test_a_memory_climbs_one_tier_a_run(tv: Remembering) -> None:
    tv.memory.store(playing(1, 1.0), NOW)
    tv.memory.auto_consolidate(NOW)
    assert keys(tv, Tier.SESSION) == {"viewing:c1"}
    assert tv.episodes.events.count() == 0


@pytest.mark.parametrize(("importance", "stays"), [(0.81, False), (0.8, True)])
def test_great_importance_lifts_before_the_time_is_over(
    importance: float, stays: bool, tv: Remembering, make: Make
) -> None:
    tv.memory.store(make(Tier.SESSION, "m", importance), NOW)
    tv.memory.consolidate(Tier.SESSION, Tier.SEMANTIC, NOW)
    assert (keys(tv, Tier.SESSION) == {"m"}) is stays
    assert (keys(tv, Tier.SEMANTIC) == {"m"}) is not stays


@pytest.mark.parametrize(
    ("recalls", "stays"), [(EARLY_ACCESSES, True), (EARLY_ACCESSES + 1, False)]
)
def test_so_do_many_recalls(recalls: int, stays: bool, tv: Remembering, make: Make) -> None:
    tv.memory.store(make(Tier.SESSION, "m", 0.2), NOW)
    for _ in range(recalls):
        tv.memory.recall(MemoryQuery(tiers=(Tier.SESSION,)), NOW)
    tv.memory.consolidate(Tier.SESSION, Tier.SEMANTIC, NOW)
    assert (keys(tv, Tier.SESSION) == {"m"}) is stays


@pytest.mark.parametrize(("importance", "moves"), [(0.5, True), (0.49, False)])
def test_at_the_end_of_its_time_the_threshold_decides(
    importance: float, moves: bool, tv: Remembering, make: Make
) -> None:
    tv.memory.store(make(Tier.SESSION, "m", importance), NOW)
    assert tv.memory.consolidate(Tier.SESSION, Tier.SEMANTIC, NOW + DAY - MINUTE) == Upkeep()
    done = tv.memory.consolidate(Tier.SESSION, Tier.SEMANTIC, NOW + DAY)
    assert done == (Upkeep(moved=1) if moves else Upkeep(expired=1))
    assert keys(tv, Tier.SESSION) == set()
    assert (keys(tv, Tier.SEMANTIC) == {"m"}) is moves
    told = [each for each in tv.told if isinstance(each, MemoryConsolidated | MemoryEvicted)]
    assert told == (
        [MemoryConsolidated("session", "semantic", 1)]
        if moves
        else [MemoryEvicted("session", 1, "retention")]
    )


Held = dict[tuple[Tier, str], Memory]
TIERS = (Tier.INSTANT, *ROWS)
a_step = st.one_of(
    st.tuples(st.just("store"), st.sampled_from(TIERS), st.floats(0, 1)),
    st.tuples(st.just("recall"), st.sampled_from(TIERS), st.integers(1, 4)),
    st.tuples(st.just("wait"), st.sampled_from((20, 70, 4_000, 90_000, 40_000_000))),
    st.tuples(
        st.just("move"),
        st.tuples(st.sampled_from(TIERS), st.sampled_from(ROWS)).filter(lambda t: t[0] < t[1]),
        st.integers(1, 5),
    ),
    st.tuples(st.just("sweep"), st.integers(1, 5)),
)


def test_nothing_is_copied_lost_or_made_more_important(tv: Remembering, make: Make) -> None:
    @settings(deadline=None, max_examples=150)
    @given(st.lists(a_step, max_size=25))
    def holds(steps: list[tuple[Any, ...]]) -> None:
        tv.memory.clear()
        now = NOW
        for number, (what, *how) in enumerate(steps):
            if what == "store":
                # Keys of their own, so that no memory replaces another.
                tv.memory.store(make(how[0], f"m{number}", how[1]), now)
            elif what == "recall":
                for _ in range(5 * how[1]):
                    tv.memory.recall(MemoryQuery(tiers=(how[0],), limit=3), now)
            elif what == "wait":
                now += timedelta(seconds=how[0])
            elif what == "move":
                move(tv, how[0], now, how[1])
            else:
                sweep(tv, now, how[0])

    holds()


def held(tv: Remembering) -> Held:
    stores = {tier: tv.memory._tiers.writable(tier) for tier in TIERS}
    return {(t, m.key): m for t, store in stores.items() for m in store.named(None, "", 10_000)}


def sweep(tv: Remembering, now: datetime, limit: int) -> None:
    before = held(tv)
    done = tv.memory.sweep(now, limit)
    after = held(tv)
    assert done.handled <= limit
    assert len(before) - len(after) == done.expired + done.surplus + done.known
    assert all(after[name] == before[name] for name in after.keys() & before.keys())


def move(tv: Remembering, tiers: tuple[Tier, Tier], now: datetime, limit: int) -> None:
    source, target = tiers
    before = held(tv)
    done = tv.memory.consolidate(source, target, now, limit)
    after = held(tv)
    assert done.handled <= limit
    gone = {key for _, key in before.keys() - after.keys()}
    came = {key for _, key in after.keys() - before.keys()}
    assert came <= gone
    assert (len(came), len(gone - came)) == (done.moved, done.expired)
    assert len({key for _, key in after}) == len(after)
    for key in gone:
        old, threshold = before[source, key], THRESHOLDS[target]
        expired = old.is_expired(now)
        early = old.importance > 0.8 or old.access_count > EARLY_ACCESSES
        worthy = old.importance >= threshold or old.access_count > EARLY_ACCESSES
        assert (worthy if expired else early) is (key in came)
        assert expired or key in came
        if key in came:
            kept = replace(after[target, key], tier=source, expires_at=old.expires_at)
            assert kept == old


def test_many_runs_leave_what_one_run_leaves(tv: Remembering, make: Make) -> None:
    tv.memory.store_all([make(Tier.SESSION, f"m{n}", n / 20) for n in range(20)], NOW)
    later = NOW + DAY
    tv.memory.consolidate(Tier.SESSION, Tier.SEMANTIC, later)
    first = tv.memory.named(Tier.SEMANTIC, "", later)
    for _ in range(3):
        assert tv.memory.consolidate(Tier.SESSION, Tier.SEMANTIC, later) == Upkeep()
    assert tv.memory.named(Tier.SEMANTIC, "", later) == first
    assert len(first) == 10


def test_a_viewing_that_history_knows_is_not_recorded_twice(tv: Remembering) -> None:
    for _ in range(2):
        tv.memory.store(playing(1, 1.0), NOW)
        tv.memory.auto_consolidate(NOW)
        done = tv.memory.auto_consolidate(NOW)
    assert (done.moved, done.known) == (0, 1)
    assert keys(tv, Tier.SESSION) == set()
    assert tv.episodes.events.count() == 1


def test_what_history_refuses_stays_till_its_time_is_over(tv: Remembering, make: Make) -> None:
    tv.memory.store_all([make(Tier.SESSION, f"m{n}", 0.9) for n in range(10)], NOW)
    tv.memory.store(
        make(Tier.SESSION, "z", 0.9, metadata=playing(1, 0.9).metadata, content_id="c1"), NOW
    )
    for _ in range(4):
        tv.memory.consolidate(Tier.SESSION, Tier.EPISODIC, NOW, limit=3)
    assert keys(tv, Tier.SESSION) == {f"m{n}" for n in range(10)}
    assert tv.episodes.events.count() == 1
    done = tv.memory.consolidate(Tier.SESSION, Tier.EPISODIC, NOW + DAY)
    assert (done.expired, keys(tv, Tier.SESSION)) == (10, set())


def test_a_long_run_stops_between_steps_and_goes_on_later(tv: Remembering, make: Make) -> None:
    tv.memory.store_all([make(Tier.INSTANT, f"m{n}", 0.5) for n in range(50)], NOW)
    answers = iter([True, True, False])
    done = tv.memory.auto_consolidate(NOW + MINUTE, lambda: next(answers), limit=10)
    assert (done.finished, done.moved) == (False, 10)
    rest = tv.memory.auto_consolidate(NOW + MINUTE, limit=10)
    assert (rest.finished, rest.moved) == (True, 40)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Tier.SESSION, Tier.SESSION),
        (Tier.SEMANTIC, Tier.SESSION),
        (Tier.SEMANTIC, Tier.COLLECTIVE),
        (Tier.SEMANTIC, Tier.CIVILIZATIONAL),
        (Tier.EPISODIC, Tier.EVOLUTIONARY),
        (Tier.PHYSICAL, Tier.OMEGA),
    ],
)
def test_tiers_that_cannot_be_joined_are_refused(
    source: Tier, target: Tier, tv: Remembering
) -> None:
    with pytest.raises(OmegaError) as refused:
        tv.memory.consolidate(source, target, NOW)
    assert refused.value.code == "INVALID_FIELD"
