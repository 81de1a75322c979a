"""A history of records and events is the history of all the events."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_core.records import fold_event, merge
from omega_core.viewing import Verdict, ViewingContext, ViewingEvent
from omega_rank import History
from omega_testing.ranking import (
    START,
    folded,
    make_world,
    random_events,
    snapshot,
    with_verdicts,
)

CONTEXT = ViewingContext(3, 2, 1, 4, 2)


def assert_same(ours: History, theirs: History) -> None:
    assert snapshot(ours, CONTEXT) == snapshot(theirs, CONTEXT)
    np.testing.assert_allclose(ours.nearest(), theirs.nearest(), atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 40),
    titles=st.integers(1, 15),
    share=st.sampled_from([0.0, 0.3, 0.7, 1.0]),
)
def test_any_part_of_the_events_may_be_folded(
    seed: int, count: int, titles: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    world = make_world(seed, titles=titles, viewings=0)
    events = with_verdicts(rng, random_events(rng, titles, count), 0.2)
    seqs = np.cumsum(rng.integers(1, 4, count)).tolist()
    chosen = {place for place in range(count) if rng.random() < share}
    kept = [place for place in range(count) if place not in chosen]
    whole = History.replay(world.catalogue, events, seqs=seqs)
    records = folded(events, seqs, rng.permutation(sorted(chosen)).tolist())
    partly = History.replay(
        world.catalogue,
        [events[place] for place in kept],
        records=records,
        seqs=[seqs[place] for place in kept],
    )
    assert_same(partly, whole)
    for late in random_events(rng, titles, 5, first_id=count):
        partly.observe(late)
        whole.observe(late)
        assert_same(partly, whole)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 30))
def test_events_may_come_in_any_order_with_their_seqs(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    world = make_world(seed, titles=10, viewings=0)
    events = with_verdicts(rng, random_events(rng, 10, count))
    live = History(world.catalogue)
    for place in rng.permutation(count).tolist():
        live.observe(events[place], seq=place)
    assert_same(live, History.replay(world.catalogue, events))


def test_several_records_of_a_title_add_up_as_their_merge_does() -> None:
    world = make_world(4, titles=8, viewings=30)
    one = folded(world.events, range(30), range(0, 30, 2))
    two = folded(world.events, range(30), range(1, 30, 2))
    merged = {record.content_id: record for record in one}
    for record in two:
        held = merged.get(record.content_id)
        merged[record.content_id] = merge(held, record) if held else record
    apart = History.replay(world.catalogue, (), records=[*two, *one])
    assert_same(apart, History.replay(world.catalogue, (), records=merged.values()))
    assert_same(apart, world.history)


def viewed(share: float, day: int, verdict: Verdict = Verdict.UNSPECIFIED) -> ViewingEvent:
    engagement = {Verdict.LIKED: 1.0, Verdict.DISLIKED: 0.0}.get(verdict, share)
    at = START + timedelta(days=day)
    return ViewingEvent(f"e{day}", "t2", share, engagement, at, verdict=verdict)


def test_a_disliked_title_is_not_liked_and_weighs_nothing_whatever_was_watched() -> None:
    world = make_world(1, titles=6, viewings=0)
    history = History(world.catalogue)
    for day in range(3):
        history.observe(viewed(1.0, day))
    assert (history.likes, history.query().rows.tolist()) == (1, [2])
    history.observe(viewed(1.0, 3, Verdict.DISLIKED))
    assert (history.likes, history.query().rows.tolist()) == (0, [])
    assert not history.nearest().any()
    assert not history.taste_vector().any()
    assert history.seen[2]


def test_the_last_verdict_counts_and_at_one_instant_the_dislike() -> None:
    world = make_world(1, titles=6, viewings=0)
    history = History.replay(world.catalogue, [viewed(1.0, 0) for _ in range(9)])
    liked = []
    for day, verdict in [
        (2, Verdict.DISLIKED),
        (3, Verdict.LIKED),
        (1, Verdict.DISLIKED),
        (3, Verdict.DISLIKED),
        (3, Verdict.LIKED),
        (4, Verdict.LIKED),
    ]:
        history.observe(viewed(1.0, day, verdict))
        liked.append(bool(history.liked[2]))
    assert liked == [False, True, True, False, False, True]


def test_what_a_person_likes_is_liked_however_little_was_watched() -> None:
    world = make_world(1, titles=6, viewings=0)
    history = History.replay(world.catalogue, [viewed(0.1, 0), viewed(0.1, 1, Verdict.DISLIKED)])
    assert history.likes == 0
    history.observe(viewed(0.1, 2, Verdict.LIKED))
    assert (history.likes, history.query().weights.tolist()) == (1, [1.0])
    for day in range(3, 9):
        history.observe(viewed(0.1, day))
    assert (history.likes, history.success_rate(2)) == (1, 0.0)
    history.observe(viewed(0.1, 9, Verdict.DISLIKED))
    assert (history.likes, history.query().weights.tolist()) == (0, [])


def test_an_event_without_a_seq_arrived_after_all_before_it() -> None:
    world = make_world(1, titles=6, viewings=0)
    at_once = [replace(viewed(1.0, 0), content_id=f"t{row}") for row in range(5)]
    records = folded(at_once[:2], [7, 90], [0, 1])
    history = History.replay(world.catalogue, at_once[2:3], records=records)
    assert history.query().rows.tolist() == [2, 1, 0]
    history.observe(at_once[3], seq=200)
    history.observe(at_once[4])
    assert history.query().rows.tolist() == [4, 3, 2, 1, 0]


def test_a_folded_verdict_goes_on_counting() -> None:
    world = make_world(1, titles=6, viewings=0)
    record = fold_event(None, viewed(0.7, 1, Verdict.DISLIKED), 0)
    later = [viewed(0.9, 2), viewed(0.9, 3)]
    history = History.replay(world.catalogue, later, records=[record])
    assert history.likes == 0
    history.observe(viewed(0.1, 4, Verdict.LIKED))
    assert history.likes == 1


def test_records_and_events_that_do_not_fit_are_refused() -> None:
    world = make_world(1, titles=6, viewings=4)
    record = replace(folded(world.events, range(4), [0])[0], content_id="t99")
    with pytest.raises(OmegaError) as refused:
        History.replay(world.catalogue, (), records=[record])
    assert refused.value.code is ErrorCode.UNKNOWN_CONTENT
    with pytest.raises(ValueError, match="zip"):
        History.replay(world.catalogue, world.events, seqs=[1])
