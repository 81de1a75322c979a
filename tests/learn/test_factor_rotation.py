"""Factors turned onto earlier ones: every score stays, and what did not change looks the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_learn import Factors, Held, Statistics, fit_factors
from omega_learn.rotation import COARSE, STAY, turned
from omega_learn.rows import UNIT


def statistics_of(seed: int, titles: int = 40, devices: int = 300, first: int = 0) -> Statistics:
    """Households with two tastes; titles numbered from `first` on."""
    random = np.random.default_rng(seed)
    taste = random.integers(0, 2, devices)
    likely = np.where((np.arange(titles) % 2)[None] == taste[:, None], 0.6, 0.1)
    x = (random.random((devices, titles)) < likely).astype(np.float64) * UNIT
    count = np.full(titles, devices, np.int64)
    names = np.arange(first, first + titles, dtype=np.int32)
    return Statistics(names, count, count, count, devices, x.T @ x)


def fitted(statistics: Statistics, held: Held | None = None, rank: int = 16) -> Factors:
    n = len(statistics.titles)
    return fit_factors(statistics, np.full(n, 1 / n, np.float32), lam=5, rank=rank, held=held)


def held_of(factors: Factors) -> Held:
    return Held(factors.titles, factors.factors, factors.steps)


def scores(factors: Factors) -> np.ndarray:
    columns = factors.factors * factors.steps.astype(np.float64)
    return np.asarray(columns @ columns.T)


@given(seed=st.integers(0, 1_000), rank=st.integers(1, 50), shift=st.integers(0, 45))
@settings(deadline=None, max_examples=25)
def test_every_score_stays_within_the_rounding_of_int8(seed: int, rank: int, shift: int) -> None:
    before = fitted(statistics_of(seed), rank=rank)
    now = statistics_of(seed + 1, first=shift)
    plain, onto = fitted(now, rank=rank), fitted(now, held_of(before), rank)
    # The error of a product of rows, each number being off by STAY steps of COARSE at most.
    bound = 2 * np.sqrt(rank) * COARSE * STAY * onto.steps.max() * np.sqrt(onto.gains.max())
    assert np.abs(scores(onto) - scores(plain)).max() < bound
    np.testing.assert_array_equal(onto.gains, plain.gains)
    np.testing.assert_array_equal(onto.titles, plain.titles)
    assert np.abs(onto.factors.astype(int)).max() <= 127


@given(seed=st.integers(0, 1_000))
@settings(deadline=None, max_examples=25)
def test_the_rotation_is_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    columns = random.standard_normal((30, 8))
    held = Held(
        np.arange(5, 40, dtype=np.int32),
        random.integers(-127, 128, (35, 8)).astype(np.int8),
        np.full(8, 0.01, np.float32),
    )
    found = turned(columns, np.arange(30, dtype=np.int32), held)
    np.testing.assert_allclose(found @ found.T, columns @ columns.T, atol=1e-9)
    known = held.factors[:25] * held.steps.astype(np.float64)
    before, after = columns[5:] - known, found[5:] - known
    assert np.square(after).sum() <= np.square(before).sum() + 1e-9


def test_what_did_not_change_is_the_same_to_the_bit() -> None:
    statistics = statistics_of(1)
    first = fitted(statistics)
    again = fitted(statistics, held_of(first))
    for part in ("titles", "factors", "steps", "gains", "prior"):
        np.testing.assert_array_equal(getattr(again, part), getattr(first, part))


def test_a_small_change_stays_small() -> None:
    before = statistics_of(1, devices=1_000)
    few = statistics_of(2, devices=10)
    now = Statistics(
        before.titles,
        before.support + few.support,
        before.quality,
        before.samples,
        before.devices + few.devices,
        before.gram + few.gram,
    )
    for rank, changed, size in ((40, 0.1, 0.1), (16, 1.0, 5.0)):
        # What 16 columns leave out turns into them and out of them: more changes, yet by little.
        first = fitted(before, rank=rank)
        plain, onto = fitted(now, rank=rank), fitted(now, held_of(first), rank)
        apart = np.abs(onto.factors.astype(int) - first.factors)
        assert (apart > 0).mean() < changed
        assert apart.mean() < size < np.abs(plain.factors.astype(int) - first.factors).mean() / 5


@pytest.mark.parametrize("rank", [4, 16])
def test_factors_of_no_common_title_or_another_rank_still_serve(rank: int) -> None:
    strangers = fitted(statistics_of(2, first=1_000), rank=rank)
    now = statistics_of(3)
    found = fitted(now, held_of(strangers))
    np.testing.assert_allclose(scores(found), scores(fitted(now)), atol=0.05)
