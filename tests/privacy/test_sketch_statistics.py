"""What noise and sketches are on average.

Tolerances are five or more standard errors of the estimate, so a failure is no accident.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit
from omega_privacy import (
    SketchPolicy,
    draw_noise,
    expected_cosine,
    flip_probability,
    make_sketch,
    sharpness,
    unpack_sketches,
)

NORMAL = NormalDist()


def _directions(count: int, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    return unit(rng.standard_normal((count, DIMENSION)).astype(np.float32))


def _sketches(vectors: FloatArray, sigma: float) -> FloatArray:
    """One sketch a row, each with its own noise, as -1 and +1."""
    policy = SketchPolicy(sigma=sigma)
    return unpack_sketches(b"".join(make_sketch(v, draw_noise(), policy) for v in vectors))


def _cosines(sketches: FloatArray, vectors: FloatArray) -> FloatArray:
    return np.asarray((sketches * vectors).sum(axis=1) / math.sqrt(DIMENSION), np.float32)


def test_noise_is_standard_normal() -> None:
    noise = np.sort(np.stack([draw_noise() for _ in range(1_000)]).ravel())
    at = np.linspace(-3, 3, 61)
    found = np.searchsorted(noise, at) / noise.size
    expected = np.array([NORMAL.cdf(x) for x in at])
    assert np.abs(found - expected).max() < 0.005
    assert abs(float((noise.astype(np.float64) ** 4).mean()) - 3.0) < 0.1


def test_components_of_one_draw_are_independent() -> None:
    noise = np.stack([draw_noise() for _ in range(1_000)]).astype(np.float64)
    half = DIMENSION // 2
    for left, right in ((noise[:, :half], noise[:, half:]), (noise[:, :-1], noise[:, 1:])):
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.015
        assert abs(np.corrcoef(left.ravel() ** 2, right.ravel() ** 2)[0, 1]) < 0.015


def test_each_draw_is_new() -> None:
    assert len({draw_noise().tobytes() for _ in range(100)}) == 100


@pytest.mark.parametrize("sigma", [0.5, 3.0, 5.0, 6.0])
def test_bits_flip_as_often_as_theory_says(sigma: float) -> None:
    draws = 2_000
    # Components from nothing to most of the length, so that the rates span 0 to one half.
    ramp = (np.arange(DIMENSION) / DIMENSION) ** 8 - 0.001
    vector = unit(ramp.astype(np.float32))
    expected = np.array([NORMAL.cdf(-abs(math.sqrt(DIMENSION) * x) / sigma) for x in vector])
    np.testing.assert_allclose(flip_probability(vector, sigma), expected, atol=1e-6)
    signs = _sketches(np.broadcast_to(vector, (draws, DIMENSION)), sigma)
    flipped = ((signs > 0) != (vector >= 0)).mean(axis=0)
    assert np.abs(flipped - expected).max() < 0.06
    assert abs(float(flipped.mean() - expected.mean())) < 0.004


@pytest.mark.parametrize("sigma", [1.0, 3.0, 5.0, 8.0])
def test_a_sketch_keeps_the_expected_cosine(sigma: float) -> None:
    vectors = _directions(2_000, seed=1)
    measured = float(_cosines(_sketches(vectors, sigma), vectors).mean())
    assert abs(measured - expected_cosine(sigma)) < 0.006
    strangers = float(_cosines(_sketches(vectors, sigma), vectors[::-1]).mean())
    assert abs(strangers) < 0.006


def test_sharpness_makes_posteriors_that_are_right_as_often_as_they_say() -> None:
    sigma = 20.0
    count = 15_000
    own, other = _directions(count, seed=2), _directions(count, seed=3)
    sketches = _sketches(own, sigma)
    odds = sharpness(sigma) * (_cosines(sketches, own) - _cosines(sketches, other))
    slope = 0.0
    for _ in range(20):  # Newton on the logistic likelihood: 1 = calibrated
        p = 1.0 / (1.0 + np.exp(-slope * odds))
        slope += float((odds * (1 - p)).sum() / (odds**2 * p * (1 - p)).sum())
    assert abs(slope - 1.0) < 0.09


def test_the_formulas_give_the_published_numbers() -> None:
    assert sharpness(5.0) == pytest.approx(62.4910, abs=1e-3)
    assert expected_cosine(5.0) == pytest.approx(0.156478, abs=1e-5)
    ratio = sharpness(3.0) / (expected_cosine(3.0) * DIMENSION)
    assert ratio == pytest.approx((1 + 9) / 9)


def test_repeating_a_sketch_teaches_nothing_more() -> None:
    vector, policy = _directions(1, seed=4)[0], SketchPolicy.default()
    noise = draw_noise()
    pushes = unpack_sketches(b"".join(make_sketch(vector, noise, policy) for _ in range(500)))
    assert (pushes == pushes[0]).all()
    kept = float(unit(pushes.mean(axis=0)) @ vector)
    redrawn = _sketches(np.broadcast_to(vector, (500, DIMENSION)), policy.sigma)
    leaked = float(unit(redrawn.mean(axis=0)) @ vector)
    assert kept < 0.45
    assert leaked > 0.9
