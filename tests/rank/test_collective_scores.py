"""The fleet's knowledge over a catalogue: what is scored, what is borrowed, what stands in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_rank import (
    Basis,
    CollectiveModel,
    Factors,
    GlobalPatterns,
    History,
    RankConfig,
    Ranker,
    Term,
    cold,
)
from omega_testing.ranking import make_world, random_embeddings, random_factors, random_patterns


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), known=st.integers(1, 39))
def test_a_title_without_targets_goes_half_the_way_to_the_ridge_map(seed: int, known: int) -> None:
    rng = np.random.default_rng(seed)
    embeddings = random_embeddings(rng, 40)
    held = np.zeros(40, np.bool_)
    held[rng.permutation(40)[:known]] = True
    targets, middle, floor = (rng.normal(size=s).astype(np.float32) for s in ((known, 3), 3, 3))
    # Ridge regression as least squares over rows with sqrt(5) x the identity below them.
    source = np.concatenate([embeddings[held], np.sqrt(5) * np.eye(384)]).astype(np.float64)
    wanted = np.concatenate([targets - middle, np.zeros((384, 3))])
    mapped = np.linalg.lstsq(source, wanted, rcond=None)[0]
    expected = (floor + middle + embeddings[~held] @ mapped) / 2
    found = cold.borrow(embeddings, held, targets, middle, floor)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), known=st.sampled_from([0.05, 0.5, 1.0]))
def test_scores_are_the_gain_times_factor_formula(seed: int, known: float) -> None:
    world = make_world(seed, titles=40, known=known)
    pack, n = world.factors, len(world.catalogue)
    row_of = {o: r for r, o in enumerate(world.catalogue.ordinals.tolist())}
    rows = [row_of[o] for o in pack.ordinals.tolist()]
    q, gains = np.zeros((n, 6)), np.zeros(n)
    q[rows], gains[rows] = pack.factors.astype(np.float64) * pack.steps, pack.gains
    query = world.history.query()
    weights = np.zeros(n)
    weights[query.rows] = query.weights
    expected = gains * (q @ (q.T @ weights))
    scores = world.model.scores(query.rows, query.weights)
    np.testing.assert_allclose(scores[rows], expected[rows], rtol=1e-3, atol=1e-5)
    assert sorted(rows) == np.flatnonzero(world.model.has_factor).tolist()


def test_ordinals_that_the_catalogue_lacks_are_left_out() -> None:
    world = make_world(2, titles=10, viewings=3)
    pack = random_factors(np.random.default_rng(0), [3, 4, 900])
    model = CollectiveModel.build(world.catalogue, pack)
    held = set(world.catalogue.ordinals[model.has_factor].tolist())
    assert held == {3, 4}


def test_a_model_of_other_titles_is_no_model() -> None:
    world = make_world(2, titles=10, viewings=3)
    absent = CollectiveModel.build(world.catalogue, random_factors(np.random.default_rng(0), [900]))
    for history in (world.history, History(world.catalogue)):
        alone = Ranker().rank(world.catalogue, None, history, limit=5)
        assert len(alone.titles) == 5
        assert Ranker().rank(world.catalogue, absent, history, limit=5) == alone


def test_local_titles_never_take_a_factor() -> None:
    world = make_world(2, titles=10, viewings=3)
    local = world.catalogue.extended(world.contents[:5], world.embeddings[:5])
    everything = random_factors(np.random.default_rng(0), list(range(10)))
    model = CollectiveModel.build(local, everything)
    assert model.has_factor.tolist() == [False] * 5 + [True] * 5


def test_a_cold_title_scores_like_the_titles_it_resembles() -> None:
    world = make_world(7, titles=60, viewings=0, known=1)
    rows = np.arange(0, 60)
    topic = world.embeddings @ world.embeddings[0] > 0.25
    factors = np.where(topic[np.argsort(world.catalogue.ordinals)], 100, -100).astype(np.int8)
    warm = np.arange(60)[world.catalogue.ordinals[rows] % 4 != 0]
    ordinals = np.sort(world.catalogue.ordinals[warm])
    pack = Factors(
        ordinals,
        factors[ordinals, None],
        np.array([0.01], np.float32),
        np.ones(len(ordinals), np.float32),
        np.full(len(ordinals), 1 / len(ordinals), np.float32),
    )
    model = CollectiveModel.build(world.catalogue, pack)
    cold = ~model.has_factor
    assert 5 < cold.sum() < 30
    borrowed = model.score_factors[cold, 0]
    agree = (borrowed > 0) == topic[cold]
    assert agree.mean() > 0.9
    assert np.abs(borrowed).max() <= 1


def test_borrowed_priors_lie_between_known_ones() -> None:
    world = make_world(9, titles=80, known=0.5)
    known = world.model.log_prior[world.model.has_factor]
    borrowed = world.model.log_prior[~world.model.has_factor]
    assert borrowed.min() >= known.min()
    assert borrowed.max() <= known.max()


def test_patterns_stand_in_until_factors_arrive() -> None:
    world = make_world(12, titles=60, viewings=15)
    patterns = random_patterns(np.random.default_rng(1), 5)
    alone = CollectiveModel.build(world.catalogue, None, patterns)
    mass = patterns.weights * patterns.success_rates
    cosines = world.catalogue.embeddings @ patterns.vectors.T
    expected = np.log((np.exp(10 * (cosines - 1)) * mass).sum(axis=1))
    np.testing.assert_allclose(alone.log_prior, expected, rtol=1e-4)
    ranking = Ranker().rank(world.catalogue, alone, world.history, limit=5)
    assert ranking.basis is Basis.PERSONAL
    contributions = ranking.titles[0].contributions
    assert Term.PRIOR in contributions
    assert Term.COLLABORATIVE not in contributions
    both = CollectiveModel.build(world.catalogue, world.factors, patterns)
    np.testing.assert_array_equal(both.score_factors, world.model.score_factors)
    strangers = random_factors(np.random.default_rng(0), [900])
    fallback = CollectiveModel.build(world.catalogue, strangers, patterns)
    np.testing.assert_array_equal(fallback.log_prior, alone.log_prior)


def test_the_prior_fades_as_likes_arrive() -> None:
    config = RankConfig(prior_weight=4, prior_half_life=2)
    world = make_world(21, viewings=200)
    history = History(world.catalogue)
    likes = set()
    for event in world.events:
        history.observe(event)
        if not history.likes:
            continue
        likes.add(history.likes)
        titles = Ranker(config).rank(world.catalogue, world.model, history, limit=80).titles
        spread = np.std([t.contributions.get(Term.PRIOR, 0.0) for t in titles])
        assert spread == pytest.approx(4 * 0.5 ** (history.likes / 2), abs=2e-3)
    assert {1, 2, 3, 20} <= likes


def test_wrong_packs_are_refused() -> None:
    world = make_world(2, titles=10)
    with pytest.raises(ValueError, match="needs factors or patterns"):
        CollectiveModel.build(world.catalogue, None)
    with pytest.raises(ValueError, match="do not fit"):
        Factors(
            np.arange(2),
            np.zeros((3, 4), np.int8),
            np.ones(4, np.float32),
            np.ones(3, np.float32),
            np.ones(3, np.float32),
        )
    with pytest.raises(ValueError, match="as many"):
        GlobalPatterns(np.ones((2, 384), np.float32), *np.ones((2, 1), np.float32))
