"""Evidence of several kinds: one interface, sums that merge to the last bit, a stated weight."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_learn import (
    DeviceSketches,
    Evidence,
    LearnConfig,
    PairCounts,
    RoundInput,
    SketchEvidence,
    Statistics,
    Weighted,
    combine,
    device_rows,
    fit_factors,
    merge,
    run,
)
from omega_learn.decode import Posterior
from omega_learn.evidence import scaled, support
from omega_learn.rows import UNIT
from omega_testing.tastes import LIKED, taste_world

TITLES = 9
ALL = np.arange(TITLES, dtype=np.int32)
PARTS = ("titles", "gram", "support", "quality", "samples", "devices")


def likes(devices: int, seed: int) -> list[list[int]]:
    """What each of some households likes."""
    random = np.random.default_rng(seed)
    return [
        sorted(random.permutation(TITLES)[: random.integers(1, 6)].tolist()) for _ in range(devices)
    ]


def counted(households: list[list[int]], titles: int = TITLES) -> PairCounts:
    """The same as counts, by the definition."""
    liked = np.zeros(titles, np.int64)
    both: dict[tuple[int, int], int] = {}
    for row in households:
        liked[row] += 1
        for pair in combinations(row, 2):
            both[pair] = both.get(pair, 0) + 1
    pairs = np.array(sorted(both), np.int32).reshape(-1, 2)
    counts = np.array([both[pair] for pair in sorted(both)], np.int64)
    return PairCounts(liked, pairs, counts, len(households))


def sketched(households: list[list[int]]) -> SketchEvidence:
    """The same as rows of sketches that leave no doubt."""
    titles = np.array([[t] for row in households for t in row], np.int32).reshape(-1, 1)
    ones = np.ones(len(titles), np.float32)
    sizes = np.array([len(row) for row in households], np.int64)
    return SketchEvidence(device_rows(Posterior(titles, ones[:, None]), sizes, ones, ones))


def assert_same(a: Statistics, b: Statistics) -> None:
    for part in PARTS:
        np.testing.assert_array_equal(getattr(a, part), getattr(b, part), err_msg=part)


@given(
    devices=st.integers(0, 20), seed=st.integers(0, 1_000), some=st.sets(st.integers(0, TITLES - 1))
)
@settings(deadline=None)
def test_both_kinds_say_the_same_of_the_same_households(
    devices: int, seed: int, some: set[int]
) -> None:
    titles = np.array(sorted(some), np.int32)
    households = likes(devices, seed)
    one, other = sketched(households), counted(households)
    np.testing.assert_array_equal(one.support(TITLES), other.support(TITLES))
    expected = replace(
        one.statistics(titles),
        quality=np.zeros(len(titles), np.int64),
        samples=np.zeros(len(titles), np.int64),
    )
    assert_same(other.statistics(titles), expected)


@given(
    kinds=st.lists(st.sampled_from([sketched, counted]), min_size=3, max_size=5),
    weights=st.lists(st.sampled_from([0.25, 0.3, 1.0, 2.0, 7.5]), min_size=5, max_size=5),
    seed=st.integers(0, 1_000),
    data=st.data(),
)
@settings(deadline=None)
def test_kinds_merge_in_any_order_to_the_last_bit(
    kinds: list[object], weights: list[float], seed: int, data: st.DataObject
) -> None:
    parts = [
        Weighted(kind(likes(n + 2, seed + n)), weight)  # type: ignore[operator]  # one of two functions
        for n, (kind, weight) in enumerate(zip(kinds, weights, strict=False))
    ]
    whole = combine(parts, ALL)
    shuffled = data.draw(st.permutations(parts))
    assert_same(combine(shuffled, ALL), whole)
    a, b, c, *rest = (scaled(p.evidence.statistics(ALL), p.weight) for p in parts)
    assert_same(reduce(merge, rest, merge(merge(a, b), c)), whole)
    assert_same(reduce(merge, rest, merge(a, merge(b, c))), whole)
    np.testing.assert_array_equal(support(shuffled, TITLES), support(parts, TITLES))


@given(weight=st.integers(1, 50), seed=st.integers(0, 1_000))
@settings(deadline=None)
def test_a_whole_weight_may_be_taken_before_or_after_merging(weight: int, seed: int) -> None:
    a, b = (sketched(likes(4, seed + n)).statistics(ALL) for n in (0, 1))
    assert_same(scaled(merge(a, b), weight), merge(scaled(a, weight), scaled(b, weight)))
    many = reduce(merge, [a] * weight)
    for part in ("gram", "quality", "samples"):
        np.testing.assert_array_equal(getattr(scaled(a, weight), part), getattr(many, part))


@given(weight=st.floats(0.001, 1_000), seed=st.integers(0, 1_000))
@settings(deadline=None)
def test_any_weight_gives_whole_units_and_leaves_who_supports_a_title(
    weight: float, seed: int
) -> None:
    exact = sketched(likes(6, seed)).statistics(ALL)
    found = scaled(exact, weight)
    for part in ("gram", "quality", "samples"):
        now = np.asarray(getattr(found, part), np.float64)
        np.testing.assert_array_equal(now, np.rint(now))
        np.testing.assert_allclose(now, getattr(exact, part) * weight, atol=0.5)
    np.testing.assert_array_equal(found.support, exact.support)
    assert found.devices == exact.devices


WORLD = taste_world(groups=2, each=15)
CONFIG = LearnConfig(sigma=2.0, lam=5, rank=16, taste_share=0)


def round_with(*evidence: Weighted, config: LearnConfig = CONFIG) -> RoundInput:
    devices = []
    for n in range(12):
        liked = np.random.default_rng(n).permutation(15)[:10]
        sketches = WORLD.sketches(liked.tolist(), config.sigma, n)
        devices.append(DeviceSketches(f"tv-{n}", sketches, bytes([LIKED]) * 10))
    return RoundInput(WORLD.embeddings, WORLD.mean, devices, evidence=evidence)


def test_a_round_learns_from_both_kinds_each_at_its_weight() -> None:
    others = counted([list(range(15, 27)), list(range(18, 30)), list(range(15, 30))], 30)
    alone = run(round_with(), CONFIG)
    assert alone.factors.titles.max() < 15
    light = run(round_with(Weighted(others)), CONFIG)
    heavy = run(round_with(Weighted(others, 100.0)), CONFIG)
    for found in (light, heavy):
        # Titles that three households of the other kind like.
        assert set(range(18, 27)) <= set(found.factors.titles.tolist())
        assert not {15, 16, 17, 27, 28, 29} & set(found.factors.titles.tolist())
    known = light.factors.titles >= 15
    np.testing.assert_allclose(heavy.factors.gains[~known], light.factors.gains[~known], rtol=1e-3)
    for found, weight in ((light, 1), (heavy, 100)):
        # EASE by the definition: nine titles that the same three households like.
        inverse = np.linalg.inv(np.full((9, 9), 3.0 * weight) + CONFIG.lam * np.eye(9))
        expected = 1 / (CONFIG.lam * np.diag(inverse))
        np.testing.assert_allclose(found.factors.gains[known], expected, rtol=1e-3)
    # Patterns rest on rows, of which counts have none.
    assert light.figures.patterns == alone.figures.patterns


def test_a_fit_of_counts_alone_is_that_of_the_households_behind_them() -> None:
    households = likes(40, 5)
    prior = np.full(TITLES, 1 / TITLES, np.float32)
    one = fit_factors(sketched(households).statistics(ALL), prior, lam=2)
    other = fit_factors(counted(households).statistics(ALL), prior, lam=2)
    np.testing.assert_array_equal(one.factors, other.factors)
    np.testing.assert_array_equal(one.gains, other.gains)


def test_noise_on_what_is_given_out_covers_sketches_only() -> None:
    noisy = replace(CONFIG, dp_mu=1.0)
    with pytest.raises(OmegaError) as caught:
        run(round_with(Weighted(counted([[0, 1]] * 3, 30))), noisy)
    assert caught.value.field == "evidence"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("liked", {"liked": np.array([-1, 3, 3], np.int64)}),
        ("liked", {"liked": np.array([1 << 31, 3, 3], np.int64)}),
        ("liked", {"liked": np.array([[3, 3, 3]], np.int64)}),
        ("pairs", {"pairs": np.array([[0, 3]], np.int32)}),
        ("pairs", {"pairs": np.array([[-1, 2]], np.int32)}),
        ("pairs", {"pairs": np.array([[1, 1]], np.int32)}),
        ("pairs", {"pairs": np.array([[0, 1], [0, 1]], np.int32), "counts": np.ones(2, np.int64)}),
        ("pairs", {"pairs": np.array([0, 1], np.int32)}),
        ("counts", {"counts": np.array([0], np.int64)}),
        ("counts", {"counts": np.array([4], np.int64)}),
        ("counts", {"counts": np.array([1, 1], np.int64)}),
        ("devices", {"devices": 2}),
    ],
)
def test_counts_that_cannot_be_are_named(field: str, change: dict[str, object]) -> None:
    good = {
        "liked": np.array([3, 3, 2], np.int64),
        "pairs": np.array([[0, 1]], np.int32),
        "counts": np.array([3], np.int64),
        "devices": 5,
    }
    PairCounts(**good)  # type: ignore[arg-type]  # by name
    with pytest.raises(OmegaError) as caught:
        PairCounts(**(good | change))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


@pytest.mark.parametrize("weight", [0.0, -1.0, 1_001.0, float("nan")])
def test_a_weight_has_bounds(weight: float) -> None:
    with pytest.raises(OmegaError) as caught:
        Weighted(counted([[0]]), weight)
    assert caught.value.field == "weight"


@pytest.mark.parametrize("titles", [[0, 0], [2, 1], [0, TITLES]])
def test_titles_that_do_not_fit_are_named(titles: list[int]) -> None:
    evidence: Evidence = counted([[0, 1]])
    with pytest.raises(OmegaError) as caught:
        evidence.statistics(np.array(titles, np.int32))
    assert caught.value.field == "titles"


def test_a_catalogue_of_another_length_is_named() -> None:
    with pytest.raises(OmegaError) as caught:
        counted([[0, 1]]).support(TITLES + 1)
    assert caught.value.field == "liked"


def test_one_unit_of_a_count_is_one_of_a_row() -> None:
    found = counted([[0, 1]]).statistics(ALL[:2])
    np.testing.assert_array_equal(found.gram, np.full((2, 2), float(UNIT**2)))
