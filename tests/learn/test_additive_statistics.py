"""Statistics: exact, additive in any order, and bounded a device."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_learn import DeviceRows, Posterior, Statistics, count_support, device_rows, merge
from omega_learn import summarise as summarised
from omega_learn.rows import UNIT

TITLES = 12
ALL = np.arange(TITLES, dtype=np.int32)


def made_up_rows(devices: int, seed: int, sketches: int = 4) -> DeviceRows:
    random = np.random.default_rng(seed)
    n = devices * sketches
    posterior = Posterior(
        np.array([random.permutation(TITLES)[:5] for _ in range(n)], np.int32).reshape(n, 5),
        random.dirichlet(np.ones(5), n).astype(np.float32),
    )
    return device_rows(
        posterior,
        np.full(devices, sketches, np.int64),
        random.random(n).astype(np.float32),
        random.integers(1, 11, n).astype(np.float32),
    )


def dense(rows: DeviceRows) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    found = np.zeros((len(rows), TITLES), np.int64)
    found[rows.owners(), rows.titles] = rows.stakes
    return found


def assert_same(a: Statistics, b: Statistics) -> None:
    for part in ("titles", "gram", "support", "quality", "samples"):
        np.testing.assert_array_equal(getattr(a, part), getattr(b, part))
    assert a.devices == b.devices


@settings(deadline=None)
@given(devices=st.integers(0, 30), seed=st.integers(0, 1_000))
def test_the_sums_are_what_they_say(devices: int, seed: int) -> None:
    rows = made_up_rows(devices, seed)
    x = dense(rows)
    found = summarised(rows, ALL, clip=10_000)
    np.testing.assert_array_equal(found.gram, x.T @ x)
    np.testing.assert_array_equal(found.support, (x >= 0.2 * UNIT).sum(axis=0))
    np.testing.assert_array_equal(count_support(rows, TITLES), found.support)
    for figure in ("quality", "samples"):
        wanted = np.zeros(TITLES, np.int64)
        for title, value in zip(rows.titles, getattr(rows, figure), strict=True):
            wanted[title] += int(value)
        np.testing.assert_array_equal(getattr(found, figure), wanted)
    assert found.devices == devices


@settings(deadline=None)
@given(seed=st.integers(0, 1_000), most=st.sampled_from([0.2, 0.5, 0.9]))
def test_a_stake_counts_so_much_at_most_in_the_matrix_and_nowhere_else(
    seed: int, most: float
) -> None:
    rows = made_up_rows(20, seed)
    held = np.minimum(dense(rows), round(most * UNIT))
    found, whole = summarised(rows, ALL, max_stake=most), summarised(rows, ALL)
    np.testing.assert_array_equal(found.gram, held.T @ held)
    for part in ("support", "quality", "samples"):
        np.testing.assert_array_equal(getattr(found, part), getattr(whole, part))


@pytest.mark.parametrize("most", [0.19, 1.01, float("nan")])
def test_the_most_of_a_stake_has_bounds(most: float) -> None:
    with pytest.raises(OmegaError) as refused:
        summarised(made_up_rows(2, 1), ALL, max_stake=most)
    assert refused.value.field == "max_stake"


@settings(deadline=None)
@given(
    data=st.data(),
    devices=st.integers(1, 40),
    seed=st.integers(0, 1_000),
    clip=st.sampled_from([0.7, 1.5, 50.0]),
)
def test_partial_sums_merge_in_any_order_to_the_last_bit(
    data: st.DataObject, devices: int, seed: int, clip: float
) -> None:
    rows = made_up_rows(devices, seed)
    cuts = sorted(data.draw(st.lists(st.integers(0, devices), max_size=5)))
    bounds = list(zip([0, *cuts], [*cuts, devices], strict=True))
    parts = [summarised(rows.part(a, b), ALL, clip=clip) for a, b in bounds]
    shuffled = data.draw(st.permutations(parts))
    whole = summarised(rows, ALL, clip=clip)
    assert_same(reduce(merge, shuffled), whole)
    assert_same(reduce(lambda a, b: merge(b, a), shuffled), whole)


@settings(deadline=None)
@given(seed=st.integers(0, 1_000), left=st.sets(st.integers(0, TITLES - 1)))
def test_shards_may_count_different_titles(seed: int, left: set[int]) -> None:
    rows = made_up_rows(6, seed)
    some = np.array(sorted(left), np.int32)
    other = np.setdiff1d(ALL, some)
    both = merge(summarised(rows, some), summarised(rows.part(0, 0), other))
    np.testing.assert_array_equal(both.titles, ALL)
    part = summarised(rows, some)
    np.testing.assert_array_equal(both.gram[np.ix_(some, some)], part.gram)
    np.testing.assert_array_equal(both.support[some], part.support)
    assert not both.gram[other].any()


@settings(deadline=None)
@given(clip=st.floats(0.2, 3.0), seed=st.integers(0, 1_000))
def test_a_device_adds_at_most_the_clip(clip: float, seed: int) -> None:
    rows = made_up_rows(1, seed, sketches=200)
    assert rows.stakes.sum() > clip * UNIT
    found = summarised(rows, ALL, clip=clip)
    rounding = TITLES / UNIT
    assert np.trace(found.gram) / UNIT**2 <= clip + rounding
    assert found.samples.sum() / UNIT == pytest.approx(clip, abs=rounding)
    rate = rows.quality.sum() / rows.samples.sum()
    assert found.quality.sum() / UNIT == pytest.approx(clip * rate, abs=2 * rounding)


@pytest.mark.parametrize(
    ("field", "titles", "clip"),
    [
        ("titles", np.array([1, 1], np.int32), 50.0),
        ("titles", np.array([2, 1], np.int32), 50.0),
        ("titles", np.array([[1, 2]], np.int32), 50.0),
        ("clip", ALL, 0.0),
        ("clip", ALL, float("nan")),
    ],
)
def test_what_does_not_fit_is_named(
    field: str, titles: np.ndarray[tuple[int], np.dtype[np.int32]], clip: float
) -> None:
    with pytest.raises(OmegaError) as caught:
        summarised(made_up_rows(2, 0), titles, clip=clip)
    assert caught.value.field == field


@pytest.mark.parametrize("stake", [0.02, 1.0])
def test_a_matrix_of_several_strips_is_exact_whether_float32_holds_it_or_not(stake: float) -> None:
    """600 devices with a stake of 1 in a title exceed what float32 counts."""
    random, titles = np.random.default_rng(3), 1_300
    liked = np.stack([random.permutation(titles)[:20] for _ in range(600)]).astype(np.int32)
    liked[:, 0] = 0
    posterior = Posterior(liked, np.full(liked.shape, stake, np.float32))
    ones = np.ones(600, np.float32)
    rows = device_rows(posterior, np.ones(600, np.int64), ones, ones)
    x = np.zeros((600, titles), np.int64)
    x[rows.owners(), rows.titles] = rows.stakes
    found = summarised(rows, np.arange(titles, dtype=np.int32), clip=10_000)
    np.testing.assert_array_equal(found.gram, x.T @ x)
    assert (found.gram.max() > 2**24) == (stake == 1)
