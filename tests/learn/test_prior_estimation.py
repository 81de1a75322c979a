"""The collective prior: what EM finds, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from omega_core.errors import OmegaError
from omega_core.vectors import FloatArray
from omega_learn import decode, estimate_prior
from omega_privacy import unpack_sketches
from omega_testing.tastes import taste_world

WORLD = taste_world()
TITLES = len(WORLD.embeddings)
SIGMA = 3.0


def skewed(count: int) -> tuple[FloatArray, FloatArray]:
    """Sketches of titles that are liked by a power law, and the law."""
    law = 1 / np.arange(1, TITLES + 1)
    law /= law.sum()
    liked = np.random.default_rng(1).choice(TITLES, count, p=law)
    return unpack_sketches(WORLD.sketches(liked.tolist(), SIGMA, 2)), law.astype(np.float32)


def test_em_finds_what_is_popular() -> None:
    sketches, law = skewed(4_000)
    prior = estimate_prior(sketches, WORLD.centred, SIGMA)
    assert prior.dtype == np.float32
    assert prior.sum() == pytest.approx(1, abs=1e-5)
    assert (prior > 0).all()
    missed = np.abs(prior - law).sum()
    assert missed < 0.25 * np.abs(1 / TITLES - law).sum()


def test_one_step_is_the_mean_posterior_under_an_even_prior() -> None:
    sketches, _ = skewed(200)
    even = np.full(TITLES, 1 / TITLES, np.float32)
    posterior = decode(sketches, WORLD.centred, even, SIGMA, top=TITLES)
    mean = np.bincount(posterior.titles.ravel(), posterior.weights.ravel(), TITLES) / 200
    found = estimate_prior(sketches, WORLD.centred, SIGMA, steps=1, candidates=TITLES, block=33)
    np.testing.assert_allclose(found, mean, rtol=5e-3, atol=5e-6)


def test_few_candidates_come_close_to_all() -> None:
    sketches, _ = skewed(1_000)
    few = estimate_prior(sketches, WORLD.centred, SIGMA, candidates=20)
    every = estimate_prior(sketches, WORLD.centred, SIGMA, candidates=TITLES)
    assert np.abs(few - every).sum() < 0.05


def test_without_sketches_it_is_even() -> None:
    prior = estimate_prior(np.zeros((0, 384), np.float32), WORLD.centred, SIGMA)
    np.testing.assert_array_equal(prior, np.full(TITLES, 1 / TITLES, np.float32))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("sketches", {"sketches": np.ones((2, 4), np.float32)}),
        ("embeddings", {"embeddings": np.ones((0, 384), np.float32)}),
        ("sigma", {"sigma": -1.0}),
        ("steps", {"steps": -1}),
        ("candidates", {"candidates": 0}),
        ("block", {"block": 0}),
    ],
)
def test_what_does_not_fit_is_named(field: str, change: dict[str, object]) -> None:
    good = {"sketches": skewed(3)[0], "embeddings": WORLD.centred, "sigma": SIGMA}
    with pytest.raises(OmegaError) as caught:
        estimate_prior(**(good | change))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field
