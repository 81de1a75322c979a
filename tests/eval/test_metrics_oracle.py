"""Metrics against their definitions, a household at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_eval.metrics import ratio, score

TITLES = 40
ranked = st.lists(st.integers(0, TITLES - 1), unique=True, max_size=20)
wanted = st.sets(st.integers(0, TITLES - 1), max_size=15)


def ndcg(ours: list[int], held: set[int]) -> float:
    gained = sum(1 / math.log2(k + 2) for k, row in enumerate(ours[:10]) if row in held)
    return gained / sum(1 / math.log2(k + 2) for k in range(min(10, len(held))))


@settings(max_examples=150, deadline=None)
@given(households=st.lists(st.tuples(ranked, wanted), max_size=8))
def test_scores_are_their_definitions(households: list[tuple[list[int], set[int]]]) -> None:
    lists = [np.array(ours, np.int64) for ours, _ in households]
    held = [np.array(sorted(w), np.int64) for _, w in households]
    scores = score(lists, held, TITLES)
    counted = [(k, ours, w) for k, (ours, w) in enumerate(households) if w]
    assert scores.households.tolist() == [k for k, _, _ in counted]
    assert scores.hit_rate.tolist() == [float(bool(set(o[:10]) & w)) for _, o, w in counted]
    assert scores.ndcg.tolist() == pytest.approx([ndcg(o, w) for _, o, w in counted])
    recalls = [len(set(o[:20]) & w) / len(w) for _, o, w in counted]
    assert scores.recall.tolist() == pytest.approx(recalls)
    shown = {row for _, ours, _ in counted for row in ours[:10]}
    assert scores.coverage == len(shown) / TITLES
    means = scores.means()
    assert means["ndcg_at_10"] == pytest.approx(np.mean(scores.ndcg) if counted else 0)


def test_the_ideal_list_scores_one() -> None:
    held = [np.arange(3), np.arange(15)]
    scores = score([np.arange(20), np.arange(20)], held, TITLES)
    assert scores.ndcg.tolist() == pytest.approx([1, 1])
    assert scores.recall.tolist() == [1, 1]


def test_lists_and_households_must_match() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        score([np.arange(3)], [], TITLES)


def test_ratio_of_a_metric_with_itself_is_one() -> None:
    values = np.random.default_rng(0).random(50)
    same = ratio(values, values)
    assert (same.value, same.low, same.high) == (1, 1, 1)


def test_interval_is_paired_over_households() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.random(200)
    paired = ratio(1.2 * theirs, theirs)
    assert paired.low == pytest.approx(1.2)
    assert paired.high == pytest.approx(1.2)
    shuffled = ratio(1.2 * rng.permutation(theirs), theirs)
    assert shuffled.value == pytest.approx(1.2)
    assert shuffled.low < 1.15
    assert shuffled.high > 1.25


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(100):
        theirs = rng.random(80) + 0.5
        ours = theirs * 0.9 + rng.normal(0, 0.3, 80)
        found = ratio(ours, theirs, samples=200, seed=seed)
        covered += found.low <= 0.9 <= found.high
    assert 86 <= covered <= 100


def test_a_ratio_to_nothing_is_refused() -> None:
    for ours, theirs in ((np.ones(2), np.zeros(2)), (np.ones(2), np.ones(3)), (np.ones(0),) * 2):
        with pytest.raises(OmegaError, match="data"):
            ratio(ours, theirs)
