"""Rounds from opened pairs: beside EASE and plain counting, alone and among sketches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_learn import (
    DeviceSketches,
    Factors,
    GlobalPattern,
    LearnConfig,
    OpenedPairs,
    RefreshLead,
    RefreshPart,
    RoundInput,
    StepInput,
    Together,
    Weighted,
    fit_factors,
    fleets,
    lead_refresh,
    merge,
    opened_pairs,
    refresh,
    run,
    step,
    summarise,
)
from omega_learn.evidence import scaled
from omega_learn.news import catalogue_rows
from omega_testing.tastes import LIKED, taste_world

WORLD = taste_world(groups=2, each=15)
TITLES = len(WORLD.embeddings)
KEYS = [bytes([255 - n]) * 16 for n in range(TITLES)]
"""Not in the order of the titles."""
CONFIG = LearnConfig(sigma=2.0, lam=5, rank=64, taste_share=0)
Likes = Sequence[Sequence[int]]


def households(number: int, seed: int, first: int = 0) -> Likes:
    """Four fifths of a group each, of the first or the second one in turn."""
    random = np.random.default_rng(seed)
    return [(15 * ((n + first) % 2) + random.permutation(15)[:12]).tolist() for n in range(number)]


def told(likes: Likes, least: int) -> Iterator[tuple[bytes, bytes, int]]:
    """What opens where `least` reports do, by plain counting."""
    found = Counter(
        each for liked in likes for each in combinations_with_replacement(sorted(set(liked)), 2)
    )
    for (one, other), count in found.items():
        if count >= least:
            low, high = sorted((KEYS[one], KEYS[other]))
            yield low, high, count


def opened(likes: Likes, least: int = 2) -> OpenedPairs:
    return opened_pairs(told(likes, least), KEYS, sealed=False)


def matrix(likes: Likes, least: int = 2) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Households that like both, (TITLES, TITLES), where that many are enough."""
    x = np.zeros((len(likes), TITLES))
    for n, liked in enumerate(likes):
        x[n, list(liked)] = 1
    gram = x.T @ x
    return np.where(gram >= least, gram, 0)


def without_sketches(*evidence: Weighted) -> RoundInput:
    return RoundInput(WORLD.embeddings, WORLD.mean, (), evidence=evidence)


def sketching(number: int) -> list[DeviceSketches]:
    """Devices that push sketches of titles of the first group."""
    found = []
    for n in range(number):
        liked = np.random.default_rng(n).permutation(15)[:10].tolist()
        sketches = WORLD.sketches(liked, 2.0, n)
        found.append(DeviceSketches(f"tv-{n:02}", sketches, bytes([LIKED]) * 10))
    return found


def assert_equal(a: Factors, b: Factors) -> None:
    for name, part in a.arrays().items():
        np.testing.assert_array_equal(part, getattr(b, name), err_msg=name)


@given(
    likes=st.lists(st.sets(st.integers(0, TITLES - 1), max_size=6), max_size=12),
    least=st.integers(1, 4),
)
@settings(deadline=None)
def test_counts_are_those_of_plain_counting(likes: list[set[int]], least: int) -> None:
    rows = [sorted(each) for each in likes]
    unknown = (bytes(16), KEYS[3], 9), (bytes(16), bytes(16), 9)
    found = opened_pairs([*told(rows, least), *unknown], KEYS, sealed=False)
    gram = matrix(rows, least)
    statistics = found.evidence.statistics(np.arange(TITLES, dtype=np.int32))
    np.testing.assert_array_equal(statistics.gram, gram * 2**20)
    np.testing.assert_array_equal(statistics.support, np.diag(gram))
    upper = np.triu(gram)
    assert (found.groups, found.reports) == ((upper > 0).sum(), upper.sum())


def test_a_title_is_liked_by_as_many_as_any_of_its_pairs_says() -> None:
    """Its own reports may be sealed still, or be in another epoch's."""
    found = opened_pairs([(KEYS[2], KEYS[0], 7), (KEYS[0], KEYS[0], 5)], KEYS)
    assert found.evidence.liked[:3].tolist() == [7, 0, 7]
    assert (found.evidence.pairs.tolist(), found.evidence.counts.tolist()) == ([[0, 2]], [7])
    assert (found.groups, found.reports, found.evidence.devices) == (2, 12, 7)


def test_a_sealed_pair_counts_as_what_chance_makes_of_its_titles_below_any_open_one() -> None:
    counts = {(0, 0): 10, (1, 1): 8, (2, 2): 100, (3, 3): 6, (0, 1): 6, (0, 2): 8}
    told_keys = [(KEYS[one], KEYS[other], count) for (one, other), count in counts.items()]
    titles = np.arange(4, dtype=np.int32)
    gram = opened_pairs(told_keys, KEYS).evidence.statistics(titles).gram / 2**20
    rate = (6 + 8) / (10 * 8 + 10 * 100)
    assert np.diag(gram).tolist() == [10, 8, 100, 6]
    assert (gram[0, 1], gram[0, 2], gram[2, 0]) == (6, 8, 8)
    assert gram[0, 3] == pytest.approx(rate * 60)
    assert gram[1, 3] == pytest.approx(rate * 48)
    assert gram[1, 2] == gram[2, 1] == gram[2, 3] == 5, "chance says more than an open pair has"
    np.testing.assert_array_equal(gram, gram.T)
    some = opened_pairs(told_keys, KEYS).evidence.statistics(titles[[1, 3]]).gram / 2**20
    np.testing.assert_array_equal(some, gram[np.ix_([1, 3], [1, 3])])


def test_titles_alone_say_nothing_of_pairs() -> None:
    found = opened_pairs([(KEYS[0], KEYS[0], 5), (KEYS[1], KEYS[1], 7)], KEYS)
    gram = found.evidence.statistics(np.arange(2, dtype=np.int32)).gram / 2**20
    assert gram.tolist() == [[5, 0], [0, 7]]


def test_factors_of_a_fleet_of_pairs_alone_are_ease_on_what_its_households_like() -> None:
    likes = households(60, 1)
    result = run(without_sketches(Weighted(opened(likes).evidence)), CONFIG)
    found = result.factors
    assert found.titles.tolist() == list(range(TITLES))
    gram = matrix(likes)
    assert (gram == matrix(likes, 0)).all(), "all pairs are open"
    inverse = np.linalg.inv(gram + CONFIG.lam * np.eye(TITLES))
    columns = found.factors * found.steps
    np.testing.assert_allclose(columns @ columns.T, np.eye(TITLES) - 5 * inverse, atol=0.02)
    np.testing.assert_allclose(found.gains, 1 / (5 * np.diag(inverse)), rtol=1e-5)
    np.testing.assert_allclose(found.prior, np.diag(gram) / np.trace(gram), atol=1e-5)
    # Patterns and trends need rows, and there are none.
    assert (result.patterns, result.trends) == ((), {})
    assert (result.figures.devices, result.figures.supported_titles) == (0, TITLES)


def test_directions_that_only_what_is_sealed_could_explain_count_as_none() -> None:
    likes = households(24, 2)
    gram = matrix(likes, 9)
    liked = np.flatnonzero(np.diag(gram))
    gram = gram[np.ix_(liked, liked)]
    values, vectors = np.linalg.eigh(gram)
    assert values.min() < -1, "it is no Gram matrix any more"
    found = run(without_sketches(Weighted(opened(likes, 9).evidence)), CONFIG).factors
    assert found.titles.tolist() == liked.tolist()
    whole = np.maximum(values, 0)
    columns = found.factors * found.steps
    expected = (vectors * (whole / (whole + 5))) @ vectors.T
    np.testing.assert_allclose(columns @ columns.T, expected, atol=0.02)
    inverse = np.square(vectors) @ (1 / (whole + 5))
    np.testing.assert_allclose(found.gains, 1 / (5 * inverse), rtol=1e-5)


def test_a_large_weight_is_as_a_small_ridge() -> None:
    likes = opened(households(30, 3)).evidence
    heavy = run(without_sketches(Weighted(likes, 4.0)), CONFIG).factors
    assert_equal(heavy, run(without_sketches(Weighted(likes)), replace(CONFIG, lam=1.25)).factors)


@pytest.mark.parametrize("weight", [1.0, 0.25, 3.0])
def test_a_mixed_fleets_sums_are_those_of_its_parts(weight: float) -> None:
    pairs = Weighted(opened(households(20, 4)).evidence, weight)
    devices = sketching(12)
    alone = refresh(RoundInput(WORLD.embeddings, WORLD.mean, devices), CONFIG)
    mixed = run(RoundInput(WORLD.embeddings, WORLD.mean, devices, evidence=(pairs,)), CONFIG)
    titles = np.arange(TITLES, dtype=np.int32)
    sketched = summarise(alone.kept.rows, titles, clip=CONFIG.device_clip, max_stake=0.5)
    both = merge(sketched, scaled(pairs.evidence.statistics(titles), weight))
    shares = 120 * alone.decoder.prior + weight * pairs.evidence.support(TITLES)
    expected = fit_factors(both, shares.astype(np.float32), lam=5, rank=64, noisy=True)
    found = mixed.factors
    for name in ("titles", "factors", "steps", "gains"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(found.prior, expected.prior, atol=1e-5)
    # Patterns and figures are of those that sketch.
    assert (mixed.figures.devices, mixed.figures.sketches) == (12, 120)
    assert len(mixed.patterns) == len(alone.result.patterns) > 0
    assert max(each.device_count_floor for each in mixed.patterns) <= 12


def test_a_title_that_only_pairs_know_is_given_out_when_enough_like_it() -> None:
    likes = [[20, 21]] * 5 + [[22, 23]] * 2
    pairs = Weighted(opened(likes).evidence)
    found = run(RoundInput(WORLD.embeddings, WORLD.mean, sketching(12), evidence=(pairs,)), CONFIG)
    assert {20, 21} <= set(found.factors.titles.tolist())
    assert not {22, 23} & set(found.factors.titles.tolist())
    place = found.factors.titles.tolist().index(20)
    assert found.factors.prior[place] == pytest.approx(5 / (120 + 10), rel=0.01)


def test_too_few_devices_that_sketch_are_left_out_and_pairs_teach_alone() -> None:
    pairs = Weighted(opened(households(20, 5)).evidence)
    few = run(RoundInput(WORLD.embeddings, WORLD.mean, sketching(2), evidence=(pairs,)), CONFIG)
    assert_equal(few.factors, run(without_sketches(pairs), CONFIG).factors)
    assert (few.figures.devices, few.patterns) == (0, ())


def test_sketches_that_share_no_title_leave_a_mixed_fleet_its_factors() -> None:
    devices = [
        replace(each, sketches=WORLD.sketches([n], 2.0, n), classes=bytes([LIKED]))
        for n, each in enumerate(sketching(3))
    ]
    pairs = Weighted(opened(households(20, 6, first=1)).evidence)
    found = run(RoundInput(WORLD.embeddings, WORLD.mean, devices, evidence=(pairs,)), CONFIG)
    assert (found.figures.devices, found.patterns) == (3, ())
    assert found.factors.titles.tolist() == list(range(TITLES))


@pytest.mark.parametrize("likes", [[], [[1, 2]] * 2])
def test_too_little_of_either_kind_is_too_little(likes: Likes) -> None:
    with pytest.raises(OmegaError) as caught:
        run(without_sketches(Weighted(opened(likes).evidence)), CONFIG)
    assert caught.value.code == ErrorCode.ROUND_NOT_POSSIBLE


def test_pairs_are_not_used_where_what_is_given_out_carries_noise() -> None:
    """How many pairs one household adds is not bounded here, so no noise would cover it."""
    with pytest.raises(OmegaError) as caught:
        run(
            without_sketches(Weighted(opened(households(20, 7)).evidence)), replace(CONFIG, dp_mu=1)
        )
    assert caught.value.field == "evidence"


@pytest.mark.parametrize("number", [0, 2])
def test_a_step_of_a_fleet_of_pairs_finds_nothing_and_goes_on(number: int) -> None:
    found = refresh(without_sketches(Weighted(opened(households(20, 8)).evidence)), CONFIG)
    assert len(found.kept) == 0
    gone = (GlobalPattern(7, WORLD.embeddings[0], 0.5, 3, 1.0),)
    inputs = StepInput(
        WORLD.embeddings, WORLD.mean, found.decoder, sketching(number), (found.kept,), gone
    )
    with pytest.raises(OmegaError) as caught:
        step(inputs, CONFIG)
    assert caught.value.code == ErrorCode.ROUND_NOT_POSSIBLE
    stepped = step(replace(inputs, beside=True), CONFIG)
    assert (stepped.news.patterns, stepped.news.trends) == ((), {})
    assert (stepped.figures.devices, stepped.figures.decoded) == (number, 10 * number)


def test_a_step_goes_on_from_pairs_once_enough_devices_sketch() -> None:
    found = refresh(without_sketches(Weighted(opened(households(20, 9)).evidence)), CONFIG)
    inputs = StepInput(
        WORLD.embeddings, WORLD.mean, found.decoder, sketching(12), (found.kept,), beside=True
    )
    stepped = step(inputs, CONFIG)
    assert stepped.news.patterns
    assert (stepped.figures.devices, stepped.figures.decoded) == (12, 120)


@given(shards=st.lists(st.integers(0, 3), min_size=12, max_size=12))
@settings(deadline=None, max_examples=8)
def test_however_a_mixed_fleet_is_cut_the_leader_adds_the_same(shards: list[int]) -> None:
    pairs = Weighted(opened(households(20, 10)).evidence)
    rows = catalogue_rows(WORLD.embeddings, WORLD.mean)
    whole = run(RoundInput(WORLD.embeddings, WORLD.mean, sketching(12), evidence=(pairs,)), CONFIG)
    parts = []
    for shard in sorted(set(shards)):
        mine = [d for d, at in zip(sketching(12), shards, strict=True) if at == shard]
        parts.append(RefreshPart(list(fleets(mine, 200, sigma=2.0)), rows, CONFIG))
    led = lead_refresh(Together(parts), RefreshLead(rows, evidence=(pairs,)), CONFIG)
    assert_equal(led.result.factors, whole.factors)


@pytest.mark.parametrize("weight", [0.0, 1_000.1, float("nan")])
def test_the_weight_of_pairs_has_bounds(weight: float) -> None:
    with pytest.raises(OmegaError) as caught:
        LearnConfig(pair_weight=weight)
    assert caught.value.field == "pair_weight"
