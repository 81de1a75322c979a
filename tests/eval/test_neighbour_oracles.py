"""Neighbourhood baselines against sums written out, and ALS against its own objective."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from omega_eval.als import AlsConfig, AlsModel, als_objective, fit_als, implicit_als
from omega_eval.baselines import Interactions
from omega_eval.neighbours import item_knn, item_knn_scores, user_knn, user_knn_scores

LIKED = np.array(
    [
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 0, 1, 1, 0],
    ],
    np.float32,
)


def random_likes(seed: int, users: int, titles: int) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).random((users, titles)) < 0.3).astype(np.float32)


def test_item_knn_by_hand() -> None:
    scores = item_knn_scores(LIKED, neighbours=5, shrinkage=1.0)
    # Title 0 is liked by two, 1 by three, 2 by three; 0 and 1 share two households, 1 and 2 two,
    # 0 and 2 one, 2 and 3 one.
    likeness = {
        (0, 1): 2 / (math.sqrt(6) + 1),
        (0, 2): 1 / (math.sqrt(6) + 1),
        (1, 2): 2 / (3 + 1),
        (2, 3): 1 / (math.sqrt(3) + 1),
    }
    assert scores[0, 2] == pytest.approx(likeness[0, 2] + likeness[1, 2])
    assert scores[0, 3] == 0
    assert scores[1, 3] == pytest.approx(likeness[2, 3])
    assert scores[3, 1] == pytest.approx(likeness[1, 2])
    assert scores[:, 4].tolist() == [0, 0, 0, 0]


def test_only_the_nearest_titles_count() -> None:
    scores = item_knn_scores(LIKED, neighbours=1, shrinkage=1.0)
    # Of titles 0 and 1, 1 is nearer to 2 and 0 is left out.
    assert scores[0, 2] == pytest.approx(0.5)


def test_user_knn_by_hand() -> None:
    scores = user_knn_scores(LIKED, neighbours=5, shrinkage=2.0)
    with_second = 2 / (math.sqrt(6) + 2)
    with_third = 1 / (2 + 2)
    assert scores[0, 2] == pytest.approx(with_second + with_third)
    assert scores[0, 3] == 0
    nearest = user_knn_scores(LIKED, neighbours=1, shrinkage=2.0)
    assert nearest[0, 2] == pytest.approx(with_second)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    users=st.integers(2, 12),
    titles=st.integers(2, 15),
    neighbours=st.integers(1, 20),
    shrinkage=st.sampled_from([0.0, 3.0]),
)
def test_both_are_sums_over_the_strongest(
    seed: int, users: int, titles: int, neighbours: int, shrinkage: float
) -> None:
    liked = random_likes(seed, users, titles)

    def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        below = math.sqrt(float(a.sum()) * float(b.sum())) + shrinkage
        return float(a @ b) / below if below else 0.0

    def kept(values: list[float]) -> list[float]:
        least = sorted(values, reverse=True)[min(neighbours, len(values)) - 1]
        return [v if v >= least - 1e-7 else 0.0 for v in values]

    items, households = liked.T, liked
    for u in range(users):
        alike = [0.0 if v == u else likeness(households[u], households[v]) for v in range(users)]
        expected = np.array(kept(alike)) @ liked
        assert user_knn_scores(liked, neighbours, shrinkage)[u] == pytest.approx(expected, abs=1e-5)
    for j in range(titles):
        near = kept([0.0 if i == j else likeness(items[i], items[j]) for i in range(titles)])
        found = item_knn_scores(liked, neighbours, shrinkage)[:, j]
        assert found == pytest.approx(liked @ np.array(near), abs=1e-5)


def test_lists_hold_what_was_not_seen() -> None:
    liked = random_likes(1, 30, 60)
    data = Interactions(liked, (liked > 0) | (random_likes(2, 30, 60) > 0))
    for lists in (item_knn(data), user_knn(data), implicit_als(data)):
        for seen, rows in zip(data.seen, lists, strict=True):
            assert len(rows) == 20
            assert not seen[rows].any()


def test_each_sweep_of_als_lowers_its_objective() -> None:
    liked = random_likes(3, 25, 40)
    config = AlsConfig(rank=4, regularisation=0.5, confidence=8.0)
    heights = [
        als_objective(liked, fit_als(liked, replace(config, sweeps=sweeps)), config)
        for sweeps in range(6)
    ]
    assert all(later < earlier for earlier, later in pairwise(heights))


def test_no_step_of_one_title_betters_a_solved_side() -> None:
    liked = random_likes(4, 20, 30)
    config = AlsConfig(rank=3, regularisation=0.5, confidence=8.0, sweeps=3)
    model = fit_als(liked, config)
    least = als_objective(liked, model, config)
    rng = np.random.default_rng(0)
    for title in range(30):
        moved = model.titles.copy()
        moved[title] += rng.normal(0, 0.05, 3)
        assert als_objective(liked, AlsModel(model.households, moved), config) > least


def test_als_finds_two_groups() -> None:
    liked = np.kron(np.eye(2), np.ones((10, 8))).astype(np.float32)
    liked[0, 0] = liked[15, 12] = 0
    seen = liked > 0
    lists = implicit_als(Interactions(liked, seen), AlsConfig(rank=2, regularisation=0.1))
    assert (lists[0][0], lists[15][0]) == (0, 12)
