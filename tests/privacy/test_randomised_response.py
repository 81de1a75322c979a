"""One bit by randomised response: its chance, its estimate, and that repetition tells nothing."""

from __future__ import annotations

import math
import secrets

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_privacy import honesty, noise_variance, respond, unbiased

EPSILONS = st.floats(0.1, 3.0)


@given(EPSILONS)
def test_no_answer_tells_the_truths_apart_by_more_than_e_to_the_epsilon(epsilon: float) -> None:
    p = honesty(epsilon)
    assert math.isclose(p / (1 - p), math.exp(epsilon))


@given(st.binary(min_size=32, max_size=32), st.integers(1, 65_535), EPSILONS, st.booleans())
def test_a_repeated_answer_is_the_same(
    key: bytes, period: int, epsilon: float, truth: bool
) -> None:
    assert respond(key, period, epsilon, truth=truth) == respond(key, period, epsilon, truth=truth)


def test_answers_are_true_as_often_as_epsilon_says() -> None:
    told = [respond(secrets.token_bytes(32), 20_000, 1.0, truth=True) for _ in range(20_000)]
    # Five standard deviations of a binomial.
    assert abs(np.mean(told) - honesty(1.0)) < 5 * math.sqrt(0.2 / 20_000)


def test_days_of_one_household_are_drawn_apart() -> None:
    key = secrets.token_bytes(32)
    told = [respond(key, day, 1.0, truth=True) for day in range(20_000)]
    assert abs(np.mean(told) - honesty(1.0)) < 5 * math.sqrt(0.2 / 20_000)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_the_estimate_has_the_stated_mean_and_spread(rate: float) -> None:
    drawn = np.random.default_rng(1)
    epsilon, households, times = 1.0, 1_000, 4_000
    p = honesty(epsilon)
    says_yes = drawn.binomial(households, rate * p + (1 - rate) * (1 - p), times)
    estimates = [unbiased(n / households, epsilon) for n in says_yes]
    variance = (noise_variance(epsilon) + rate * (1 - rate)) / households
    assert abs(np.mean(estimates) - rate) < 5 * math.sqrt(variance / times)
    assert math.isclose(np.var(estimates), variance, rel_tol=0.15)


@pytest.mark.parametrize("epsilon", [0.0, 0.05, 3.1, math.nan])
def test_other_epsilons_are_refused(epsilon: float) -> None:
    with pytest.raises(OmegaError, match="epsilon"):
        honesty(epsilon)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(OmegaError, match="key"):
        respond(b"short", 1, 1.0, truth=True)
