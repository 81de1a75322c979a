"""What may be in a list, in which order, and how its pages fit together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.vectors import FloatArray, unit
from omega_rank import CollectiveModel, History, RankConfig, Ranker
from omega_rank.order import best_first, diversify
from omega_testing.ranking import World, make_world


def rows_of(world: World, model: CollectiveModel | None, **asked: int) -> list[int]:
    ranking = Ranker().rank(world.catalogue, model, world.history, **asked)  # type: ignore[arg-type]  # limit and offset
    return [ranked.row for ranked in ranking.titles]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    viewings=st.integers(0, 60),
    page=st.integers(1, 40),
    collective=st.booleans(),
)
def test_pages_tile_one_list_of_every_unseen_title(
    seed: int, viewings: int, page: int, collective: bool
) -> None:
    world = make_world(seed, titles=110, viewings=viewings)
    model = world.model if collective else None
    whole = rows_of(world, model, limit=200)
    assert sorted(whole) == np.flatnonzero(~world.history.seen).tolist()
    paged: list[int] = []
    for offset in range(0, 120, page):
        paged += rows_of(world, model, limit=page, offset=offset)
    assert paged == whole


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), viewings=st.integers(0, 40), collective=st.booleans())
def test_score_never_rises_down_the_relevance_order(
    seed: int, viewings: int, collective: bool
) -> None:
    world = make_world(seed, viewings=viewings)
    ranker = Ranker(RankConfig(mmr_lambda=1))
    model = world.model if collective else None
    titles = ranker.rank(world.catalogue, model, world.history, limit=80).titles
    scores = [ranked.score for ranked in titles]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)
    relevance = [sum(ranked.contributions.values()) for ranked in titles]
    assert relevance == pytest.approx(sorted(relevance, reverse=True), abs=1e-4)


def test_diversity_moves_titles_but_not_their_scores() -> None:
    world = make_world(11)
    plain = Ranker(RankConfig(mmr_lambda=1)).rank(
        world.catalogue, world.model, world.history, limit=80
    )
    diverse = Ranker(RankConfig(mmr_lambda=0.5)).rank(
        world.catalogue, world.model, world.history, limit=80
    )
    assert [t.row for t in plain.titles] != [t.row for t in diverse.titles]
    assert {t.row: t.score for t in plain.titles} == {t.row: t.score for t in diverse.titles}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), viewings=st.integers(0, 40), collective=st.booleans())
def test_candidates_narrow_the_list_and_change_no_score(
    seed: int, viewings: int, collective: bool
) -> None:
    world = make_world(seed, viewings=viewings)
    model = world.model if collective else None
    mask = np.random.default_rng(seed).random(len(world.catalogue)) < 0.2
    ranker = Ranker()
    everything = ranker.rank(world.catalogue, model, world.history, limit=80)
    narrowed = ranker.rank(world.catalogue, model, world.history, limit=80, candidates=mask)
    scores = {ranked.row: ranked.score for ranked in everything.titles}
    wanted = np.flatnonzero(mask & ~world.history.seen).tolist()
    assert sorted(ranked.row for ranked in narrowed.titles) == wanted
    assert all(ranked.score == scores[ranked.row] for ranked in narrowed.titles)


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.sampled_from([-np.inf, 0.0, 1.0, 2.0, 2.5]), max_size=30),
    count=st.integers(0, 35),
)
def test_best_first_is_a_total_order(values: list[float], count: int) -> None:
    ranked = sorted((-v, row) for row, v in enumerate(values) if v > -np.inf)
    expected = [row for _, row in ranked][:count]
    assert best_first(np.array(values, np.float32), count).tolist() == expected


def greedy(relevance: FloatArray, embeddings: FloatArray, weight: float) -> list[int]:
    """Maximal marginal relevance, straight from its definition."""
    spread = relevance.max() - relevance.min()
    scaled = (relevance - relevance.min()) / (spread or 1)
    chosen = [0]
    while len(chosen) < len(relevance):
        left = [i for i in range(len(relevance)) if i not in chosen]
        marginal = [
            weight * scaled[i]
            - (1 - weight) * max(float(embeddings[i] @ embeddings[j]) for j in chosen)
            for i in left
        ]
        chosen.append(left[int(np.argmax(marginal))])
    return chosen


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), size=st.integers(1, 20), weight=st.sampled_from([0, 0.3, 0.8, 1])
)
def test_diversify_is_the_greedy_definition(seed: int, size: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    relevance = np.sort(rng.normal(size=size).astype(np.float32))[::-1].copy()
    embeddings = unit(rng.normal(size=(size, 8)).astype(np.float32))
    whole = diversify(relevance, embeddings, weight, size)
    assert whole.tolist() == greedy(relevance, embeddings, weight)
    for count in range(size):
        assert diversify(relevance, embeddings, weight, count).tolist() == whole[:count].tolist()


def test_parts_that_are_not_aligned_are_refused() -> None:
    world, other = make_world(1, titles=20, viewings=5), make_world(2, titles=21, viewings=5)
    ranker = Ranker()
    with pytest.raises(ValueError, match="another catalogue"):
        ranker.rank(world.catalogue, None, other.history, limit=1)
    with pytest.raises(ValueError, match="the model has 21 rows"):
        ranker.rank(world.catalogue, other.model, world.history, limit=1)
    with pytest.raises(ValueError, match="candidates"):
        ranker.rank(world.catalogue, None, world.history, limit=1, candidates=np.ones(19, np.bool_))


def test_an_observed_event_changes_the_next_list() -> None:
    world = make_world(6)
    before = rows_of(world, world.model, limit=10)
    history = History.replay(world.catalogue, world.events)
    watched = world.contents[before[0]].content_id
    latest = max(event.occurred_at for event in world.events)
    liked = next(event for event in world.events if event.success)
    history.observe(
        type(liked)("new", watched, 1.0, 1.0, latest, context=liked.context),
    )
    titles = Ranker().rank(world.catalogue, world.model, history, limit=10).titles
    after = [ranked.row for ranked in titles]
    assert before[0] not in after
    assert after != before[1:] + after[-1:]
