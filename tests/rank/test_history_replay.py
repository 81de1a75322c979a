"""The incremental history holds what a sorted replay of the same events gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_rank import Catalogue, History, RankConfig
from omega_testing.ranking import (
    START,
    make_world,
    random_contents,
    random_embeddings,
    random_events,
    snapshot,
    with_verdicts,
)

ANYWHERE = ViewingContext(3, 2, 1, 4, 2)


def assert_same(ours: History, theirs: History) -> None:
    assert snapshot(ours, ANYWHERE) == snapshot(theirs, ANYWHERE)
    np.testing.assert_allclose(ours.nearest(), theirs.nearest(), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 60), titles=st.integers(1, 30))
def test_late_events_give_what_a_sorted_replay_gives(seed: int, count: int, titles: int) -> None:
    world = make_world(seed, titles=titles, viewings=0)
    rng = np.random.default_rng(seed + 1)
    events = with_verdicts(rng, random_events(rng, titles, count))
    live = History(world.catalogue)
    for event in events:
        live.observe(event)
        live.nearest()
    ordered = History.replay(world.catalogue, sorted(events, key=lambda e: e.occurred_at))
    assert_same(live, ordered)
    assert_same(live, History.replay(world.catalogue, events))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    first=st.integers(1, 20),
    grown=st.integers(0, 20),
    changed=st.integers(0, 5),
)
def test_following_a_grown_catalogue_equals_a_replay_over_it(
    seed: int, first: int, grown: int, changed: int
) -> None:
    rng = np.random.default_rng(seed)
    contents, embeddings = random_contents(rng, first), random_embeddings(rng, first)
    catalogue = Catalogue.build(contents, embeddings)
    events = random_events(rng, first, 15)
    history = History.replay(catalogue, events)
    again = [contents[i] for i in rng.permutation(first)[: min(changed, first)]]
    fresh = [*again, *random_contents(rng, grown, start=first)]
    larger = catalogue.extended(fresh, random_embeddings(rng, len(fresh)))
    before = history.taste_vector()
    assert before.shape == (384,)
    history.follow(larger)
    assert_same(history, History.replay(larger, events))
    late = random_events(rng, first + grown, 10, first_id=100)
    for event in late:
        history.observe(event)
    assert_same(history, History.replay(larger, [*events, *late]))


def watched(number: int, share: float, day: int) -> ViewingEvent:
    return ViewingEvent(f"e{day}", f"t{number}", share, share, START + timedelta(days=day))


def test_weights_follow_recency_and_opinion() -> None:
    world = make_world(1, titles=6, viewings=0)
    events = [watched(0, 0.9, 1), watched(1, 0.6, 2), watched(2, 0.2, 3), watched(3, 0.71, 4)]
    query = History.replay(world.catalogue, events, RankConfig(half_life=1)).query()
    assert query.rows.tolist() == [3, 1, 0]
    assert query.weights.tolist() == pytest.approx([1.0, 0.3 * 0.25, 0.125])


def test_a_rewatch_moves_a_title_to_the_front() -> None:
    world = make_world(1, titles=6, viewings=0)
    history = History.replay(world.catalogue, [watched(0, 0.9, 1), watched(1, 0.9, 2)])
    assert history.query().rows.tolist() == [1, 0]
    history.observe(watched(0, 0.9, 3))
    assert history.query().rows.tolist() == [0, 1]
    assert history.viewings(0) == 2


def test_a_title_is_liked_while_half_of_its_viewings_succeed() -> None:
    world = make_world(1, titles=6, viewings=0)
    history = History(world.catalogue)
    liked = []
    for day, share in enumerate([0.9, 0.1, 0.1, 0.9]):
        history.observe(watched(2, share, day))
        liked.append(bool(history.liked[2]))
    assert liked == [True, True, False, True]
    assert history.success_rate(2) == 0.5


def test_each_shared_part_of_the_context_raises_a_weight() -> None:
    world = make_world(1, titles=6, viewings=0)
    here = ViewingContext(time_of_day=3, day_type=2, audience=1)
    contexts = [here, replace(here, audience=2), ViewingContext(), here]
    events = [
        replace(watched(row, 0.9, row), context=context) for row, context in enumerate(contexts)
    ]
    history = History.replay(world.catalogue, events)
    plain, boosted = history.query(), history.query(here)
    assert boosted.rows.tolist() == plain.rows.tolist() == [3, 2, 1, 0]
    raised = boosted.weights / plain.weights
    assert raised.tolist() == pytest.approx([1.25**3, 1, 1.25**2, 1.25**3])
    assert history.query(ViewingContext()).weights.tolist() == plain.weights.tolist()
    one_part = history.query(ViewingContext(audience=1)).weights / plain.weights
    assert one_part.tolist() == pytest.approx([1.25, 1, 1, 1.25])


def test_mood_and_device_raise_a_weight_as_the_other_parts_do() -> None:
    world = make_world(1, titles=6, viewings=0)
    contexts = [ViewingContext(mood=2, device_kind=3), ViewingContext(mood=3), ViewingContext(2, 3)]
    events = [
        replace(watched(row, 0.9, row), context=context) for row, context in enumerate(contexts)
    ]
    history = History.replay(world.catalogue, events)
    asked = ViewingContext(mood=2, device_kind=3)
    raised = history.query(asked).weights / history.query().weights
    assert raised.tolist() == pytest.approx([1, 1, 1.25**2])


def test_other_settings_give_what_a_replay_with_them_gives() -> None:
    world = make_world(3, titles=30)
    history = History.replay(world.catalogue, world.events)
    before = snapshot(history, ANYWHERE)
    tuned = RankConfig(half_life=3, seen_weight=0.9, opinion_reward=0.1, context_boost=2)
    history.configure(tuned)
    assert_same(history, History.replay(world.catalogue, world.events, tuned))
    assert snapshot(history, ANYWHERE) != before
    history.configure(RankConfig())
    assert snapshot(history, ANYWHERE) == before


def test_taste_is_the_direction_of_the_weighted_titles() -> None:
    world = make_world(2, titles=30)
    history = History(world.catalogue)
    assert not history.taste_vector().any()
    for event in world.events:
        history.observe(event)
        query = history.query()
        mean = query.weights.astype(np.float64) @ world.catalogue.embeddings[query.rows]
        length = np.linalg.norm(mean)
        expected = mean / length if length else mean
        np.testing.assert_allclose(history.taste_vector(), expected, atol=1e-5)


def test_an_unknown_title_is_named_and_changes_nothing() -> None:
    world = make_world(1, titles=6, viewings=4)
    before = world.history.query().rows.tolist()
    with pytest.raises(OmegaError) as refused:
        world.history.observe(watched(99, 0.9, 9))
    assert refused.value.code is ErrorCode.UNKNOWN_CONTENT
    assert world.history.events == 4
    assert world.history.query().rows.tolist() == before


def test_another_catalogue_cannot_be_followed() -> None:
    world, other = make_world(1, titles=6, viewings=4), make_world(1, titles=5, viewings=0)
    with pytest.raises(ValueError, match="rows moved"):
        world.history.follow(other.catalogue)
