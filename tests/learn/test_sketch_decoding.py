"""Decoding: the posterior is exact, bounded and refuses what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_core.vectors import FloatArray
from omega_learn import decode, estimate_prior, on_grid
from omega_privacy import sharpness, unpack_sketches
from omega_testing.tastes import taste_world

WORLD = taste_world()
TITLES = len(WORLD.embeddings)
UNIFORM = np.full(TITLES, 1 / TITLES, np.float32)


def sketches(sigma: float, seed: int = 0) -> FloatArray:
    return unpack_sketches(WORLD.sketches(list(range(TITLES)), sigma, seed))


def brute_force(of: FloatArray, prior: FloatArray, sigma: float) -> FloatArray:
    """The definition in double precision over every title."""
    direction = of.astype(np.float64) / np.linalg.norm(of, axis=1, keepdims=True)
    odds = prior * np.exp(sharpness(sigma) * direction @ WORLD.centred.astype(np.float64).T)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


@settings(deadline=None, max_examples=30)
@given(
    sigma=st.floats(1.0, 8.0),
    top=st.integers(1, TITLES + 5),
    block=st.integers(1, 80),
    seed=st.integers(0, 1_000),
)
def test_the_posterior_is_the_definition(sigma: float, top: int, block: int, seed: int) -> None:
    prior = np.random.default_rng(seed).dirichlet(np.ones(TITLES)).astype(np.float32)
    given_sketches = sketches(sigma, seed)
    found = decode(given_sketches, WORLD.centred, prior, sigma, top=top, block=block)
    wanted = brute_force(given_sketches, prior, sigma)
    assert found.titles.shape == found.weights.shape == (TITLES, min(top, TITLES))
    assert found.titles.dtype == np.int32
    assert found.weights.dtype == np.float32
    np.testing.assert_allclose(
        found.weights, np.take_along_axis(wanted, found.titles, 1), rtol=2e-3, atol=1e-6
    )
    best = np.sort(wanted, axis=1)[:, ::-1][:, : found.weights.shape[1]]
    np.testing.assert_allclose(found.weights, best, rtol=2e-3, atol=1e-6)


def test_little_noise_names_the_title() -> None:
    found = decode(sketches(0.7), WORLD.centred, UNIFORM, 0.7, top=3)
    assert (found.titles[:, 0] == np.arange(TITLES)).all()
    assert (found.weights[:, 0] > 0.99).all()


def test_an_impossible_title_is_never_named() -> None:
    prior = UNIFORM.copy()
    prior[7] = 0.0
    found = decode(sketches(5.0), WORLD.centred, prior, 5.0, top=TITLES)
    assert (found.weights[found.titles == 7] == 0).all()
    assert np.isfinite(found.weights).all()


def test_each_sketch_can_take_the_prior_of_its_device() -> None:
    first, second = UNIFORM.copy(), UNIFORM.copy()
    first[:30], second[30:] = 0.0, 0.0
    owners = np.arange(TITLES) % 2
    both = decode(
        sketches(5.0), WORLD.centred, np.stack([first, second]), 5.0, owners=owners, block=7
    )
    for owner, prior in enumerate((first, second)):
        alone = decode(sketches(5.0)[owners == owner], WORLD.centred, prior, 5.0)
        np.testing.assert_array_equal(both.titles[owners == owner], alone.titles)
        np.testing.assert_allclose(both.weights[owners == owner], alone.weights, rtol=1e-4)


def test_each_sketch_is_decoded_by_its_own_noise_scale() -> None:
    scales = np.where(np.arange(TITLES) % 3 == 0, 6.0, 2.5).astype(np.float32)
    mixed = np.where(scales[:, None] == 6, sketches(6.0), sketches(2.5, 1))
    both = decode(mixed, WORLD.centred, UNIFORM, scales, block=7)
    prior = estimate_prior(mixed, WORLD.centred, scales)
    assert prior.sum() == pytest.approx(1, abs=1e-5)
    assert not np.array_equal(prior, estimate_prior(mixed, WORLD.centred, 6.0))
    for scale in (6.0, 2.5):
        alone = decode(mixed[scales == scale], WORLD.centred, UNIFORM, scale)
        np.testing.assert_array_equal(both.titles[scales == scale], alone.titles)
        np.testing.assert_allclose(both.weights[scales == scale], alone.weights, rtol=1e-4)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1_000), block=st.integers(1, 70), cut=st.integers(1, TITLES - 1))
def test_on_the_grid_a_sketch_decodes_alike_in_any_company(seed: int, block: int, cut: int) -> None:
    titles, of = on_grid(WORLD.centred), sketches(5.0, seed)
    assert np.abs(titles - WORLD.centred).max() < 1e-6
    prior = np.random.default_rng(seed).dirichlet(np.ones(TITLES)).astype(np.float32)
    whole = decode(of, titles, prior, 5.0)
    for part in (slice(0, cut), slice(cut, None), slice(cut - 1, cut)):
        alone = decode(of[part], titles, prior, 5.0, block=block)
        np.testing.assert_array_equal(alone.titles, whole.titles[part])
        np.testing.assert_array_equal(alone.weights, whole.weights[part])


def test_of_equally_likely_titles_the_first_come_first() -> None:
    # On the grid, so that products of equal rows are equal wherever a kernel puts them.
    same = np.repeat(on_grid(WORLD.centred[:2]), 40, axis=0)
    found = decode(sketches(5.0), same, np.full(80, 1 / 80, np.float32), 5.0, top=5)
    likelier = np.where(found.titles[:, 0] < 40, 0, 40)
    np.testing.assert_array_equal(found.titles, likelier[:, None] + np.arange(5))


def test_no_sketch_gives_no_row() -> None:
    found = decode(sketches(5.0)[:0], WORLD.centred, UNIFORM, 5.0)
    assert found.titles.shape == (0, 10)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("sketches", {"sketches": np.ones((2, 383), np.float32)}),
        ("embeddings", {"embeddings": np.ones((2, 385), np.float32)}),
        ("embeddings", {"embeddings": np.ones((0, 384), np.float32)}),
        ("prior", {"prior": UNIFORM[1:]}),
        ("prior", {"prior": UNIFORM * np.float32("nan")}),
        ("prior", {"prior": -UNIFORM}),
        ("owners", {"prior": np.stack([UNIFORM, UNIFORM])}),
        ("owners", {"owners": np.zeros(TITLES, np.int64)}),
        ("sigma", {"sigma": 0.0}),
        ("sigma", {"sigma": float("nan")}),
        ("sigma", {"sigma": np.full(TITLES, -1.0, np.float32)}),
        ("sigma", {"sigma": np.ones(TITLES - 1, np.float32)}),
        ("top", {"top": 0}),
        ("block", {"block": 0}),
    ],
)
def test_what_does_not_fit_is_named(field: str, change: dict[str, object]) -> None:
    good = {
        "sketches": sketches(5.0),
        "embeddings": WORLD.centred,
        "prior": UNIFORM,
        "sigma": 5.0,
    }
    with pytest.raises(OmegaError) as caught:
        decode(**(good | change))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field
