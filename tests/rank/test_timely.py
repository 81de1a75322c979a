"""What is on the rise and what is new: a bounded bonus, a true reason, and no effect without."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_rank import RankConfig, Ranker, Ranking, Term, Timely
from omega_rank.timely import faded, freshness
from omega_testing.ranking import World, make_world

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SILENT = RankConfig(
    collaborative_weight=0,
    content_weight=0,
    genre_weight=0,
    nearest_weight=0,
    local_content_weight=0,
    local_genre_weight=0,
    local_nearest_weight=0,
    prior_weight=0,
)


def random_timely(world: World, seed: int, trends: int = 5, fresh: int = 9) -> Timely:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(world.catalogue)).astype(np.int64)
    return Timely(
        order[:trends],
        (1 - rng.random(trends)).astype(np.float32),
        rng.random(trends) < 0.5,
        order[trends // 2 : trends // 2 + fresh],
        (1 - rng.random(fresh)).astype(np.float32),
    )


def everything(
    world: World, timely: Timely | None, config: RankConfig, *, collective: bool = True
) -> Ranking:
    model = world.model if collective else None
    return Ranker(replace(config, mmr_lambda=1)).rank(
        world.catalogue, model, world.history, limit=200, timely=timely
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    viewings=st.integers(0, 30),
    trend=st.sampled_from([0.0, 0.5, 1.0]),
    fresh=st.sampled_from([0.0, 0.1, 1.0]),
    collective=st.booleans(),
)
def test_the_bonus_is_bounded_and_moves_no_title_past_a_strong_taste(
    seed: int, viewings: int, trend: float, fresh: float, collective: bool
) -> None:
    world = make_world(seed, viewings=viewings)
    timely = random_timely(world, seed)
    config = RankConfig(trend_weight=trend, fresh_weight=fresh)
    plain = everything(world, None, config, collective=collective)
    bent = everything(world, timely, config, collective=collective)
    logits = {t.row: float(np.log(t.score / (1 - t.score))) for t in plain.titles}
    trends = dict(zip(timely.trend_rows.tolist(), timely.trend_scores.tolist(), strict=True))
    news = dict(zip(timely.fresh_rows.tolist(), timely.fresh_scores.tolist(), strict=True))
    for ranked in bent.titles:
        expected = trend * trends.get(ranked.row, 0) + fresh * news.get(ranked.row, 0)
        gained = float(np.log(ranked.score / (1 - ranked.score))) - logits[ranked.row]
        assert gained == pytest.approx(expected, abs=2e-3)
    place = {t.row: k for k, t in enumerate(bent.titles)}
    for better, first in place.items():
        for worse, second in place.items():
            if logits[better] - logits[worse] > trend + fresh + 1e-3:
                assert first < second


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), viewings=st.integers(0, 30))
def test_without_trends_nothing_changes(seed: int, viewings: int) -> None:
    world = make_world(seed, viewings=viewings)
    plain = everything(world, None, RankConfig())
    assert everything(world, Timely(), RankConfig()).titles == plain.titles
    weightless = RankConfig(trend_weight=0, fresh_weight=0)
    with_both = everything(world, random_timely(world, seed), weightless)
    assert [t.row for t in with_both.titles] == [t.row for t in plain.titles]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), viewings=st.integers(0, 30))
def test_the_reason_is_given_only_where_the_term_is_one_of_the_two_largest(
    seed: int, viewings: int
) -> None:
    world = make_world(seed, viewings=viewings)
    timely = random_timely(world, seed)
    config = RankConfig(trend_weight=1, fresh_weight=1)
    for ranked in everything(world, timely, config).titles:
        words = {Term.TREND: "Trending", Term.FRESH: "New in the catalogue"}
        for term, text in words.items():
            assert ranked.reason.startswith(text) == (ranked.reason_term is term)
            if ranked.reason_term is term:
                largest = sorted(ranked.contributions.values(), reverse=True)
                assert ranked.contributions[term] >= largest[1]
                assert ranked.contributions[term] > 0
        if ranked.reason_term is Term.TREND:
            [at] = np.flatnonzero(timely.trend_rows == ranked.row)
            where = "in your region" if timely.regional[at] else "on many TVs"
            assert ranked.reason == f"Trending {where}"
            assert ranked.because == ()


def test_each_term_has_its_own_wording() -> None:
    world = make_world(4, viewings=10)
    [first, second, third] = np.flatnonzero(~world.history.seen)[:3].tolist()
    timely = Timely(
        np.array([first, second]),
        np.array([0.9, 0.8], np.float32),
        np.array([True, False]),
        np.array([third]),
        np.array([0.5], np.float32),
    )
    ranking = everything(world, timely, SILENT, collective=False)
    assert [(t.row, t.reason) for t in ranking.titles[:3]] == [
        (first, "Trending in your region"),
        (second, "Trending on many TVs"),
        (third, "New in the catalogue"),
    ]
    assert [t.reason_term for t in ranking.titles[:4]] == [
        Term.TREND,
        Term.TREND,
        Term.FRESH,
        Term.METADATA,
    ]


@settings(deadline=None)
@given(
    score=st.floats(0.01, 1),
    first=st.floats(0, 50),
    second=st.floats(0, 50),
)
def test_two_steps_fade_a_score_as_one_does(score: float, first: float, second: float) -> None:
    scores = np.array([score], np.float32)
    middle, end = NOW + timedelta(hours=first), NOW + timedelta(hours=first + second)
    twice = faded(faded(scores, NOW, middle), middle, end)
    np.testing.assert_allclose(twice, faded(scores, NOW, end), rtol=1e-5)
    hours = (end - NOW) / timedelta(hours=1)
    np.testing.assert_allclose(twice[0], score * 0.95**hours, rtol=1e-4)


def test_a_score_of_the_future_is_whole() -> None:
    scores = np.array([0.7], np.float32)
    np.testing.assert_array_equal(faded(scores, NOW + timedelta(hours=9), NOW), scores)


def test_newness_halves_in_a_week_and_is_over_after_four() -> None:
    ages = np.array([-1.0, 0.0, 7.0, 14.0, 27.9, 28.0, 400.0])
    found = freshness(ages, 1_000)
    np.testing.assert_allclose(found[:4], [1, 1, 0.5, 0.25])
    assert 0 < found[4] < 0.07
    np.testing.assert_array_equal(found[5:], 0)


@pytest.mark.parametrize(("came", "counts"), [(25, True), (26, False)])
def test_a_catalogue_that_came_as_a_whole_is_no_news(came: int, *, counts: bool) -> None:
    assert (freshness(np.ones(came), 100) > 0).all() == counts


@pytest.mark.parametrize("scores", [[0.0], [1.1], [np.nan], [0.5, 0.5]])
def test_scores_have_bounds(scores: list[float]) -> None:
    values = np.array(scores, np.float32)
    with pytest.raises(ValueError, match="scores"):
        Timely(np.array([1]), values, np.array([True]))
    with pytest.raises(ValueError, match="scores"):
        Timely(fresh_rows=np.array([1]), fresh_scores=values)
