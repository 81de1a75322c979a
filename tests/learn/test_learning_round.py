"""A whole round: it learns, does not depend on order, and withstands poisoned input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import unit
from omega_learn import (
    DeviceSketches,
    GlobalPattern,
    LearnConfig,
    RoundInput,
    RoundResult,
    run,
)
from omega_testing.tastes import LIKED, TasteWorld, taste_world

SIGMA = 2.0
CONFIG = LearnConfig(sigma=SIGMA, lam=5, rank=16)
WORLD = taste_world(groups=4, each=15)
GROUPS = np.repeat(np.arange(4), 15)


def device(key: str, titles: Sequence[int], seed: int) -> DeviceSketches:
    return DeviceSketches(
        key, WORLD.sketches(list(titles), SIGMA, seed), bytes([LIKED]) * len(titles)
    )


def household(number: int) -> DeviceSketches:
    """Likes 8 titles of the group number % 3; nobody likes the fourth group."""
    first = 15 * (number % 3)
    liked = first + np.random.default_rng(number).permutation(15)[:8]
    return device(f"tv-{number}", liked.tolist(), number)


HONEST = [household(n) for n in range(30)]


def learn(
    devices: Sequence[DeviceSketches], config: LearnConfig = CONFIG, world: TasteWorld = WORLD
) -> RoundResult:
    return run(RoundInput(world.embeddings, world.mean, devices), config)


def assert_same(a: RoundResult, b: RoundResult) -> None:
    for part in ("titles", "factors", "steps", "gains", "prior"):
        np.testing.assert_array_equal(getattr(a.factors, part), getattr(b.factors, part))
    assert a.figures == b.figures
    for one, other in zip(a.patterns, b.patterns, strict=True):
        np.testing.assert_array_equal(one.embedding, other.embedding)
        assert replace(one, embedding=other.embedding) == other


def test_it_learns_what_goes_together() -> None:
    found = learn(HONEST)
    assert (found.figures.devices, found.figures.sketches) == (30, 240)
    assert found.figures.supported_titles == len(found.factors.titles)
    groups = GROUPS[found.factors.titles]
    assert set(groups) == {0, 1, 2}
    assert len(groups) >= 40
    columns = found.factors.factors * found.factors.steps
    scores = columns @ columns.T
    np.fill_diagonal(scores, np.nan)
    for group in range(3):
        inside = scores[np.ix_(groups == group, groups == group)]
        outside = scores[np.ix_(groups == group, groups != group)]
        assert np.nanmean(inside) > 5 * np.nanmean(np.abs(outside))
    assert found.factors.prior.sum() == pytest.approx(1, abs=1e-5)
    nearest = [GROUPS[np.argmax(WORLD.centred @ p.embedding)] for p in found.patterns]
    assert set(nearest) == {0, 1, 2}
    assert found.figures.patterns == len(found.patterns)


@settings(deadline=None, max_examples=10)
@given(order=st.permutations(range(30)), cut=st.integers(1, 7))
def test_order_and_pieces_do_not_matter(order: list[int], cut: int) -> None:
    pieces = []
    for number in order:
        whole = HONEST[number]
        at = cut * 48
        pieces += [
            DeviceSketches(whole.device_key, whole.sketches[:at], whole.classes[:cut]),
            DeviceSketches(whole.device_key, whole.sketches[at:], whole.classes[cut:]),
        ]
    assert_same(learn(pieces), learn(HONEST))


def test_a_second_decoding_changes_what_is_learned() -> None:
    config = replace(CONFIG, sigma=6.0)
    noisy = [replace(d, sketches=WORLD.sketches([*range(8)], 6.0, n)) for n, d in enumerate(HONEST)]
    once = learn(noisy, replace(config, taste_share=0.0))
    twice = learn(noisy, replace(config, taste_share=0.9))
    assert not np.array_equal(once.factors.gains, twice.factors.gains)


def test_devices_of_two_policies_teach_as_one_of_each_alone() -> None:
    """Every second device adds much more noise: its own scale makes more of it than one for all."""
    loud = [
        replace(
            each,
            sketches=WORLD.sketches(_liked(n), 4.0, n),
            sigma=4.0,
        )
        if n % 2
        else each
        for n, each in enumerate(HONEST)
    ]
    stated, as_one = learn(loud), learn([replace(each, sigma=None) for each in loud])
    assert not np.array_equal(stated.factors.gains, as_one.factors.gains)
    for n, each in enumerate(loud):
        assert each.sigma == (4.0 if n % 2 else None)
    groups = GROUPS[stated.factors.titles]
    assert set(groups) == {0, 1, 2}
    same = learn([replace(each, sigma=SIGMA) for each in HONEST])
    assert_same(same, learn(HONEST))


def _liked(number: int) -> list[int]:
    first = 15 * (number % 3)
    return [first + int(n) for n in np.random.default_rng(number).permutation(15)[:8]]


def test_known_patterns_go_on() -> None:
    first = learn(HONEST)
    numbered = tuple(replace(p, pattern_id=5 + n) for n, p in enumerate(first.patterns))
    again = run(RoundInput(WORLD.embeddings, WORLD.mean, HONEST, numbered), CONFIG)
    assert {id(p) for p in again.patterns} == {id(p) for p in numbered}


@pytest.mark.parametrize("alone", [0, 1, 2])
def test_clusters_go_on_from_known_patterns_when_they_could_fall_otherwise(alone: int) -> None:
    centres = [unit(WORLD.centred[group == GROUPS].sum(axis=0)) for group in range(3)]
    merged = unit(sum(centres) - centres[alone])
    known = [GlobalPattern(n, e, 0.9, 8, 0.5) for n, e in ((5, centres[alone]), (6, merged))]
    again = run(
        RoundInput(WORLD.embeddings, WORLD.mean, HONEST, tuple(known)),
        replace(CONFIG, max_patterns=2),
    )
    for before in known:
        [now] = [p for p in again.patterns if p.pattern_id == before.pattern_id]
        assert now.embedding @ before.embedding > 0.9


def test_copies_of_a_sketch_count_once() -> None:
    liar = device("liar", [50], 1)
    crowd = replace(liar, sketches=liar.sketches * 100_000, classes=liar.classes * 100_000)
    assert_same(learn([*HONEST, crowd]), learn([*HONEST, liar]))


def test_of_a_flood_only_the_bound_counts() -> None:
    random = np.random.default_rng(3)
    flood = DeviceSketches("liar", random.bytes(48 * 100_000), bytes([31]) * 100_000)
    bounded = DeviceSketches("liar", flood.sketches[-48 * 200 :], flood.classes[-200:])
    found = learn([*HONEST, flood])
    assert_same(found, learn([*HONEST, bounded]))
    assert found.figures.sketches == 240 + 200
    assert set(GROUPS[found.factors.titles]) == {0, 1, 2}


def colluders(number: int) -> list[DeviceSketches]:
    """Devices that push a group which nobody else likes, as hard as they can."""
    return [device(f"liar-{n}", [*range(45, 60)] * 13, 100 + n) for n in range(number)]


def test_two_colluding_devices_cannot_bring_in_a_title_or_a_pattern() -> None:
    found = learn([*HONEST, *colluders(2)])
    assert found.factors.titles.max() < 45
    assert all((WORLD.centred[45:] @ p.embedding).max() < 0.3 for p in found.patterns)


def test_three_devices_can() -> None:
    found = learn([*HONEST, *colluders(3)])
    assert {*range(45, 60)} <= set(found.factors.titles.tolist())
    assert any((WORLD.centred[45:] @ p.embedding).min() > 0.3 for p in found.patterns)


def test_nothing_in_a_result_names_a_device() -> None:
    renamed = [replace(d, device_key=f"other{d.device_key}") for d in HONEST]
    assert_same(learn(renamed), learn(HONEST))
    assert "tv-" not in repr(learn(HONEST))


@pytest.mark.parametrize("devices", [[], HONEST[:2], [*HONEST[:2], DeviceSketches("x", b"", b"")]])
def test_too_few_devices_are_no_round(devices: list[DeviceSketches]) -> None:
    with pytest.raises(OmegaError) as caught:
        learn(devices)
    assert caught.value.code == ErrorCode.ROUND_NOT_POSSIBLE
    assert "3 devices with sketches" in caught.value.public_text


def test_devices_that_share_no_title_are_no_round() -> None:
    loners = [device(f"tv-{n}", [n * 7], n) for n in range(5)]
    with pytest.raises(OmegaError) as caught:
        learn(loners)
    assert caught.value.code == ErrorCode.ROUND_NOT_POSSIBLE
    assert "a title that 3 devices support" in caught.value.public_text


def test_without_a_catalogue_there_is_no_round() -> None:
    nothing = replace(WORLD, embeddings=np.zeros((0, 384), np.float32))
    with pytest.raises(OmegaError) as caught:
        learn(HONEST, world=nothing)
    assert caught.value.code == ErrorCode.ROUND_NOT_POSSIBLE


def test_wrong_lengths_are_named() -> None:
    with pytest.raises(OmegaError) as caught:
        learn([*HONEST, DeviceSketches("x", bytes(48), b"")])
    assert caught.value.field == "classes"


def test_more_sketches_than_the_sample_still_give_a_prior() -> None:
    whole = learn(HONEST)
    many = [device(f"tv-{n}", GROUPS_OF[n % 3], n) for n in range(90)]
    found = learn(many, replace(CONFIG, prior_sample=1_000))
    assert found.figures.sketches == 90 * 15
    assert len(found.factors.prior) >= len(whole.factors.prior)


GROUPS_OF = [list(range(15 * g, 15 * g + 15)) for g in range(3)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sigma", 0.4),
        ("lam", 0.0),
        ("rank", 257),
        ("min_devices", 2),
        ("min_title_devices", 2),
        ("max_device_sketches", 0),
        ("device_clip", 0.5),
        ("max_patterns", 257),
        ("top", 0),
        ("taste_share", 1.0),
        ("prior_steps", -1),
        ("prior_sample", 999),
        ("dp_mu", -0.1),
        ("dp_mu", 64.1),
        ("seed", -1),
    ],
)
def test_settings_have_bounds(field: str, value: float) -> None:
    with pytest.raises(OmegaError) as caught:
        LearnConfig(**{field: value})  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field
