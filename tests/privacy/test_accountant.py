"""Formal figures, against numbers worked out another way and against published ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from omega_core.errors import OmegaError
from omega_core.vectors import unit
from omega_privacy import (
    account,
    bits_bound,
    composed,
    delta_of,
    epsilon_of,
    epsilon_zcdp,
    flip_probability,
    sketch_mu,
)

NORMAL = NormalDist()


def hockey_stick(epsilon: float, mu: float) -> float:
    """Delta by its definition: the integral of (p - exp(epsilon) q)+ of two unit normals."""
    x = np.linspace(-40, 40 + mu, 2_000_001)
    p = np.exp(-((x - mu) ** 2) / 2) / math.sqrt(2 * math.pi)
    q = np.exp(-(x**2) / 2 + epsilon) / math.sqrt(2 * math.pi)
    return float(np.trapezoid(np.maximum(p - q, 0), x))


@pytest.mark.parametrize(
    ("epsilon", "mu"), [(0.0, 0.1), (0.0, 1.0), (1.0, 1.0), (3.0, 0.8), (10.0, 3.0), (48.4, 6.532)]
)
def test_delta_is_what_its_definition_gives(epsilon: float, mu: float) -> None:
    assert delta_of(epsilon, mu) == pytest.approx(hockey_stick(epsilon, mu), rel=1e-4, abs=1e-9)


@given(mu=st.floats(1e-3, 60.0), exponent=st.floats(1.0, 12.0))
def test_epsilon_is_the_least_whose_delta_is_small_enough(mu: float, exponent: float) -> None:
    delta = 10.0**-exponent
    epsilon = epsilon_of(mu, delta)
    assert delta_of(epsilon, mu) <= delta
    if epsilon:
        assert delta_of(epsilon * (1 - 1e-6), mu) > delta
    else:
        assert NORMAL.cdf(mu / 2) - NORMAL.cdf(-mu / 2) <= delta * (1 + 1e-9)


@given(mu=st.floats(0.05, 60.0), exponent=st.floats(2.0, 10.0))
def test_the_bound_by_renyi_divergences_lies_between_the_exact_one_and_the_simple_one(
    mu: float, exponent: float
) -> None:
    delta = 10.0**-exponent
    rho = mu * mu / 2
    simple = rho + 2 * math.sqrt(rho * math.log(1 / delta))
    assert epsilon_of(mu, delta) <= epsilon_zcdp(mu, delta) + 1e-9
    assert epsilon_zcdp(mu, delta) <= simple + 1e-9


def test_the_published_figures_of_the_gaussian_mechanism_come_out() -> None:
    # mu = 1: Dong, Roth & Su's curve; the classical calibration sqrt(2 ln(1.25 / delta)) at epsilon
    # 1 is looser than the analytic one.
    assert delta_of(1.0, 1.0) == pytest.approx(0.126937, abs=1e-6)
    classical = math.sqrt(2 * math.log(1.25 / 1e-5))
    assert epsilon_of(1 / classical, 1e-5) < 1.0


def test_the_simplest_mechanism_stands_at_the_total_variation() -> None:
    assert delta_of(0.0, 2.0) == pytest.approx(NORMAL.cdf(1) - NORMAL.cdf(-1), rel=1e-12)


def test_mu_of_sketches_composes() -> None:
    assert sketch_mu(5.0) == pytest.approx(2 * math.sqrt(384) / 5)
    assert sketch_mu(5.0, 16) == pytest.approx(composed([sketch_mu(5.0)] * 16))
    assert composed([]) == 0.0
    assert epsilon_of(0.0) == 0.0


def test_the_distance_that_is_counted_on_is_the_largest() -> None:
    """Opposite vectors: the likelihood ratio of their noisy sums is that of normals 2 / s apart."""
    vector = unit(np.random.default_rng(3).normal(size=384).astype(np.float32))
    scale = 5.0 / math.sqrt(384)
    assert float(np.linalg.norm(vector - -vector)) / scale == pytest.approx(
        sketch_mu(5.0), rel=1e-5
    )


@pytest.mark.parametrize("sigma", [3.0, 5.0, 6.0])
def test_a_sketch_tells_less_than_the_bound(sigma: float) -> None:
    """Mutual information of single bits, exact, for titles that point anywhere: within the bound.

    Bits of a title whose components are +-1 / sqrt(384) by fair coins reach it.
    """
    rng = np.random.default_rng(0)
    anywhere = unit(rng.normal(size=(4_000, 384)).astype(np.float32))
    even = np.where(rng.random((4_000, 384)) < 0.5, -1, 1).astype(np.float32) / math.sqrt(384)
    for vectors, reaches in ((anywhere, False), (even, True)):
        flips = flip_probability(vectors, sigma).astype(np.float64)
        ones = np.where(vectors >= 0, 1 - flips, flips)
        bits = float((_entropy(ones.mean(axis=0)) - _entropy(ones).mean(axis=0)).sum())
        assert bits <= bits_bound(sigma) + 1e-6
        if reaches:
            assert bits == pytest.approx(bits_bound(sigma), rel=2e-3)


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)), np.float64)


def test_more_noise_guarantees_more() -> None:
    found = [account(sigma, (1, 16)) for sigma in (3.0, 5.0, 6.0, 8.0)]
    for less, more in pairwise(found):
        assert more.epsilon < less.epsilon
        assert dict(more.epsilons)[16] < dict(less.epsilons)[16]
        assert more.bits < less.bits
    assert found[1].epsilons[0] == (1, found[1].epsilon)
    # What the page of privacy says.
    assert found[1].epsilon == pytest.approx(63.4, abs=0.1)
    assert found[2].epsilon == pytest.approx(48.4, abs=0.1)
    assert found[1].bits == pytest.approx(7.0, abs=0.05)
    assert found[2].bits == pytest.approx(4.9, abs=0.05)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: sketch_mu(0.0), "sigma"),
        (lambda: sketch_mu(math.nan), "sigma"),
        (lambda: sketch_mu(5.0, 0), "sketches"),
        (lambda: delta_of(-1.0, 1.0), "epsilon"),
        (lambda: delta_of(1.0, 0.0), "mu"),
        (lambda: epsilon_of(-1.0), "mu"),
        (lambda: epsilon_of(1.0, 0.0), "delta"),
        (lambda: epsilon_zcdp(1.0, 1.0), "delta"),
        (lambda: epsilon_zcdp(math.inf), "mu"),
        (lambda: bits_bound(0.0), "sigma"),
    ],
)
def test_arguments_out_of_bounds_are_named(call: Callable[[], object], field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        call()
    assert caught.value.field == field
