"""Calibration, diversity and novelty against their definitions in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.content import Content, ContentKind
from omega_rank import Catalogue, History, measures
from omega_testing.ranking import World, make_world, random_embeddings, random_events


def shares(world: World, weights: dict[int, float]) -> dict[str, float]:
    """Steck's p(g): each title splits evenly over its genres."""
    found = dict.fromkeys(world.catalogue.genres, 0.0)
    for row, weight in weights.items():
        genres = world.contents[row].genres
        for genre in genres:
            found[genre] += weight / len(genres)
    total = sum(found.values())
    return {genre: value / total for genre, value in found.items()} if total else {}


def divergence(p: dict[str, float], q: dict[str, float]) -> float:
    return sum(value * math.log(value / q[genre]) for genre, value in p.items() if value > 0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), viewings=st.integers(0, 30), size=st.integers(0, 20))
def test_calibration_is_the_distance_of_the_genres_of_list_and_household(
    seed: int, viewings: int, size: int
) -> None:
    world = make_world(seed, viewings=viewings)
    rows = np.random.default_rng(seed).permutation(80)[:size]
    query = world.history.query()
    p = shares(world, dict(zip(query.rows.tolist(), query.weights.tolist(), strict=True)))
    q = shares(world, dict.fromkeys(rows.tolist(), 1.0))
    kl, js = measures.calibration(rows, world.history), measures.miscalibration(rows, world.history)
    if not p or not q:
        assert (kl, js) == (0, 0)
        return
    smooth = {genre: 0.99 * q[genre] + 0.01 * p[genre] for genre in p}
    assert kl == pytest.approx(divergence(p, smooth), abs=1e-6)
    middle = {genre: (p[genre] + q[genre]) / 2 for genre in p}
    bits = (divergence(p, middle) + divergence(q, middle)) / 2 / math.log(2)
    assert js == pytest.approx(bits, abs=1e-6)
    assert 0 <= js <= 1
    assert 0 <= kl <= math.log(100) + 1e-9


def test_the_same_genres_are_no_distance_and_none_in_common_the_greatest() -> None:
    genres = [("Drama",), ("Drama",), ("Noir",)]
    contents = [Content(f"t{i}", "x", ContentKind.MOVIE, g) for i, g in enumerate(genres)]
    catalogue = Catalogue.build(contents, random_embeddings(np.random.default_rng(0), 3))
    events = [e for e in random_events(np.random.default_rng(1), 1, 20) if e.success][:1]
    history = History.replay(catalogue, events)
    same, other = np.array([1]), np.array([2])
    assert measures.calibration(same, history) == pytest.approx(0, abs=1e-9)
    assert measures.miscalibration(same, history) == pytest.approx(0, abs=1e-9)
    assert measures.calibration(other, history) == pytest.approx(math.log(100))
    assert measures.miscalibration(other, history) == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), viewings=st.integers(0, 30), size=st.integers(0, 12))
def test_diversity_and_novelty_are_mean_distances(seed: int, viewings: int, size: int) -> None:
    world = make_world(seed, viewings=viewings)
    rows = np.random.default_rng(seed).permutation(80)[:size]
    e = world.catalogue.embeddings.astype(np.float64)
    pairs = [1 - e[a] @ e[b] for k, a in enumerate(rows) for b in rows[:k]]
    expected = float(np.mean(pairs)) if pairs else 0.0
    assert measures.diversity(world.catalogue, rows) == pytest.approx(expected, abs=1e-5)
    liked = np.flatnonzero(world.history.liked)
    apart = [1 - max(float(e[a] @ e[b]) for b in liked) for a in rows if len(liked)]
    expected = float(np.mean(apart)) if apart else 1.0
    assert measures.novelty(rows, world.history) == pytest.approx(expected, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(0, 12))
def test_surprisal_is_the_mean_information_of_the_fleets_shares(seed: int, size: int) -> None:
    world = make_world(seed, viewings=0)
    rows = np.random.default_rng(seed).permutation(80)[:size]
    weights = [math.exp(value) for value in world.model.log_prior.tolist()]
    bits = [-math.log2(weights[row] / sum(weights)) for row in rows.tolist()]
    expected = sum(bits) / len(bits) if bits else 0.0
    assert measures.surprisal(rows, world.model) == pytest.approx(expected, rel=1e-4)


def test_a_list_of_one_title_repeated_has_no_diversity() -> None:
    world = make_world(1)
    assert measures.diversity(world.catalogue, np.array([3, 3])) == pytest.approx(0, abs=1e-6)
