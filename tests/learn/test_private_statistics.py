"""Noise on sums: as much as one device could change them, symmetric, and enough to hide it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_learn import (
    DeviceRows,
    DeviceSketches,
    LearnConfig,
    Posterior,
    RoundInput,
    device_rows,
    dp,
    run,
    summarise,
)
from omega_learn.rows import UNIT
from omega_learn.statistics import SUPPORTS
from omega_testing.tastes import LIKED, taste_world

TITLES = 24
ALL = np.arange(TITLES, dtype=np.int32)
WORLD = taste_world(groups=2, each=6)


def seeded(seed: int) -> dp.Draw:
    return np.random.default_rng(seed).standard_normal


def nothing(count: int) -> np.ndarray:
    return np.zeros(count)


def made_up(devices: int, seed: int, sketches: int = 6) -> DeviceRows:
    random = np.random.default_rng(seed)
    n = devices * sketches
    posterior = Posterior(
        np.array([random.permutation(TITLES)[:3] for _ in range(n)], np.int32),
        random.dirichlet(np.ones(3) / 2, n).astype(np.float32),
    )
    ones = np.ones(n, np.float32)
    return device_rows(posterior, np.full(devices, sketches, np.int64), ones, ones)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    clip=st.sampled_from([1.0, 2.5, 7.0, 50.0]),
    sketches=st.integers(1, 80),
)
def test_a_device_changes_the_sums_by_no_more_than_the_noise_counts_on(
    seed: int, clip: float, sketches: int
) -> None:
    rows = made_up(9, seed, sketches)
    without = DeviceRows.join([rows.part(0, 4), rows.part(5, 9)])
    most = max(math.floor(clip), 1)
    changed = dp.bounded_support(rows, TITLES, most) - dp.bounded_support(without, TITLES, most)
    assert np.linalg.norm(changed) <= math.sqrt(most)
    assert set(changed.tolist()) <= {0, 1}
    grams = [summarise(each, ALL, clip=clip).gram for each in (rows, without)]
    difference = np.linalg.norm(grams[0] - grams[1]) / UNIT**2
    assert difference <= dp.gram_sensitivity(clip, TITLES)


def test_a_device_can_reach_what_the_noise_counts_on() -> None:
    """It is no looser than it must be: one device that likes few titles wholly comes close."""
    few = Posterior(np.arange(4, dtype=np.int32)[:, None], np.ones((4, 1), np.float32))
    rows = device_rows(few, np.array([4]), np.ones(4, np.float32), np.ones(4, np.float32))
    reached = np.linalg.norm(summarise(rows, ALL, clip=4.0).gram) / UNIT**2
    assert reached == pytest.approx(4.0, rel=1e-3)
    assert reached <= dp.gram_sensitivity(4.0, TITLES) <= 4.0 * 1.02


def test_of_many_titles_a_device_stands_behind_its_strongest() -> None:
    stakes = np.array([900, 300, 1_000, SUPPORTS, SUPPORTS - 1, 800], np.uint16)
    rows = DeviceRows(np.array([0, 6]), np.arange(6, dtype=np.int32), stakes, stakes, stakes)
    assert dp.bounded_support(rows, 8, 3).tolist() == [1, 0, 1, 0, 0, 1, 0, 0]
    assert dp.bounded_support(rows, 8, 99).tolist() == [1, 1, 1, 1, 0, 1, 0, 0]


def test_the_noise_is_symmetric_and_the_same_in_every_direction() -> None:
    rng = np.random.default_rng(5)
    direction = rng.standard_normal((12, 12))
    direction += direction.T
    direction /= np.linalg.norm(direction)
    along = []
    for seed in range(4_000):
        noise = np.zeros((12, 12))
        dp.add_symmetric_noise(noise, 3.0, seeded(seed))
        if not seed:
            np.testing.assert_array_equal(noise, noise.T)
        along.append(float((noise * direction).sum()))
    # Five standard errors of a deviation over 4,000 draws are 5.6 %.
    assert np.std(along) == pytest.approx(3.0, rel=0.056)
    assert abs(np.mean(along)) < 0.24


def test_without_noise_the_sums_are_the_plain_ones() -> None:
    rows = made_up(400, 1)
    found = dp.release(rows, TITLES, mu=64.0, clip=50.0, min_devices=3, draw=nothing)
    plain = summarise(rows, ALL, clip=50.0)
    np.testing.assert_array_equal(found.statistics.titles, ALL)
    np.testing.assert_array_equal(found.statistics.gram, plain.gram)
    np.testing.assert_array_equal(found.statistics.support, plain.support)
    np.testing.assert_allclose(found.prior, plain.support / plain.support.sum(), rtol=1e-5)
    assert not found.statistics.quality.any()
    assert found.mu == 64.0


@pytest.mark.parametrize("mu", [0.5, 2.0, 8.0])
def test_less_mu_is_more_noise_by_the_stated_scale(mu: float) -> None:
    rows = made_up(4_000, 2)
    clip = 6.0
    found = dp.release(rows, TITLES, mu=mu, clip=clip, min_devices=3, draw=seeded(3))
    plain = summarise(rows, found.statistics.titles, clip=clip)
    noise = (found.statistics.gram - plain.gram) / UNIT**2
    t = len(plain.titles)
    assert t > TITLES // 2
    expected = dp.gram_sensitivity(clip, t) / (mu * math.sqrt(0.8)) * t / math.sqrt(2)
    assert np.linalg.norm(noise) == pytest.approx(expected, rel=0.2)


def test_titles_need_support_beyond_the_noise() -> None:
    rows = made_up(12, 4)
    with pytest.raises(OmegaError) as caught:
        dp.release(rows, TITLES, mu=0.5, clip=6.0, min_devices=3, draw=seeded(1))
    assert caught.value.code is ErrorCode.ROUND_NOT_POSSIBLE
    needed = 3 + 4 * math.sqrt(6) / (0.5 * math.sqrt(0.2))
    assert f"{needed:,.0f} devices support" in caught.value.bound


def test_a_title_that_nobody_supports_hardly_ever_gets_in() -> None:
    empty = DeviceRows(
        np.zeros(1, np.int64), np.zeros(0, np.int32), *(np.zeros(0, np.uint16) for _ in range(3))
    )
    with pytest.raises(OmegaError):
        dp.release(empty, 5_000, mu=1.0, clip=50.0, min_devices=3, draw=seeded(7))


def test_a_round_with_noise_says_what_it_cost_and_gives_out_no_patterns() -> None:
    devices = [
        DeviceSketches(
            f"tv-{n}",
            WORLD.sketches([*range(6 * (n % 2), 6 * (n % 2) + 6)], 1.0, n),
            bytes([LIKED]) * 6,
        )
        for n in range(300)
    ]
    inputs = RoundInput(WORLD.embeddings, WORLD.mean, devices)
    config = LearnConfig(sigma=1.0, lam=5, rank=8, device_clip=6.0, dp_mu=2.0)
    found = run(inputs, config, noise=seeded(1))
    assert (found.figures.dp_mu, found.patterns) == (2.0, ())
    assert len(found.factors.titles) == 12
    columns = found.factors.factors * found.factors.steps
    scores = columns @ columns.T
    np.fill_diagonal(scores, np.nan)
    inside = np.nanmean([scores[:6, :6], scores[6:, 6:]])
    assert inside > 5 * abs(float(np.nanmean(scores[:6, 6:]))), "it still learns"
    again = run(inputs, config, noise=seeded(1))
    np.testing.assert_array_equal(again.factors.factors, found.factors.factors)
    one, other = (run(inputs, config).factors.gains for _ in range(2))
    assert not np.array_equal(one, other), "noise of the operating system, each time anew"
    assert run(inputs, LearnConfig(sigma=1.0)).figures.dp_mu == 0.0


@pytest.mark.parametrize("mu", [0.0, -1.0, 64.1, math.nan])
def test_mu_has_bounds(mu: float) -> None:
    with pytest.raises(OmegaError) as caught:
        dp.release(made_up(3, 1), TITLES, mu=mu, clip=50.0, min_devices=3)
    assert caught.value.field == "dp_mu"
