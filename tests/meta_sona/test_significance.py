"""The adoption test against brute force, and what alpha it may spend."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_meta_sona.significance import (
    DRAWS,
    EXACT_UP_TO,
    sign_flip_p_value,
    spent_alpha,
)

GAINS = st.lists(
    st.sampled_from([-0.5, -0.25, -0.125, 0.0, 0.0, 0.125, 0.25, 0.75]), min_size=0, max_size=9
)


def brute_force(gains: list[float]) -> float:
    """Share of all assignments of signs, ties among them, whose sum is at least the observed."""
    flips = list(itertools.product((1, -1), repeat=len(gains)))
    sums = [sum(sign * gain for sign, gain in zip(flip, gains, strict=True)) for flip in flips]
    return sum(each >= sum(gains) for each in sums) / len(sums)


@settings(deadline=None, max_examples=150)
@given(GAINS)
def test_the_p_value_is_that_of_counting_every_assignment_of_signs(gains: list[float]) -> None:
    assert sign_flip_p_value(np.array(gains)) == pytest.approx(brute_force(gains), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(GAINS)
def test_ties_change_nothing(gains: list[float]) -> None:
    without = [gain for gain in gains if gain]
    assert sign_flip_p_value(np.array([*gains, 0.0])) == sign_flip_p_value(np.array(without))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.75]), max_size=8))
def test_under_the_null_it_rejects_no_more_often_than_alpha_says(sizes: list[float]) -> None:
    values = [
        sign_flip_p_value(np.array(sizes) * np.array(flip))
        for flip in itertools.product((1.0, -1.0), repeat=len(sizes))
    ]
    for alpha in (0.01, 0.0304, 0.05, 0.2):
        assert np.mean([value <= alpha for value in values]) <= alpha


def test_few_viewings_are_never_significant() -> None:
    assert sign_flip_p_value(np.full(4, 0.9)) == 1 / 16
    assert sign_flip_p_value(np.array([])) == 1


def test_beyond_what_can_be_counted_random_assignments_agree_with_the_normal_limit() -> None:
    gains = np.random.default_rng(3).normal(0.1, 0.4, 60)
    spread = math.sqrt(float((gains**2).sum()))
    limit = 0.5 * math.erfc(float(gains.sum()) / spread / math.sqrt(2))
    assert len(gains) > EXACT_UP_TO
    assert sign_flip_p_value(gains, 1) == pytest.approx(limit, abs=0.01)


def test_random_assignments_never_give_0() -> None:
    assert sign_flip_p_value(np.full(40, 0.1)) == 1 / (DRAWS + 1)


def test_all_tests_together_spend_no_more_than_alpha() -> None:
    shares = [spent_alpha(0.05, attempt) for attempt in range(1, 100_000)]
    assert sum(shares) < 0.05
    assert sum(shares) == pytest.approx(0.05, rel=1e-4)
    assert all(a > b for a, b in itertools.pairwise(shares[:100]))
