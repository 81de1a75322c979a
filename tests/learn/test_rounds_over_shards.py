"""However a fleet is cut into shards and regions, a round gives the same, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.learn.test_incremental_rounds import (
    CONFIG,
    FIRST,
    SIGMA,
    WORLD,
    Household,
    households,
)

from omega_learn import (
    Census,
    Fleet,
    GlobalPattern,
    Kept,
    LearnConfig,
    RefreshLead,
    RefreshPart,
    RoundFigures,
    RoundResult,
    Sample,
    StepLead,
    StepPart,
    Sums,
    Together,
    fleets,
    gather,
    lead_refresh,
    lead_step,
)
from omega_learn.news import catalogue_rows
from omega_learn.phases import Phase
from omega_learn.sample import ranks
from omega_learn.tastes import Decoder

ROWS = catalogue_rows(WORLD.embeddings, WORLD.mean)
NOW = 0.0
LEAD = RefreshLead(ROWS, hours_since_first=FIRST)
"""The fleet's first round was long ago, so it has trends."""
cuts = st.lists(st.integers(0, 4), min_size=18, max_size=18)
"""The shard of each of 18 devices."""


class Written:
    """A desk whose plans and answers go through bytes' worth of arrays, and come in any order.

    Shards are merged to regions, and regions to the fleet.
    """

    def __init__(self, parts: Sequence[Any], seed: int) -> None:
        self._parts = parts
        self._random = np.random.default_rng(seed)
        self.asked: list[str] = []

    def ask(
        self, phase: Phase[Any, Any, Any], make: Callable[[], Any]
    ) -> tuple[Any, Callable[[], Any]]:
        self.asked.append(phase.name)
        plan = phase.plan.of(make().arrays())
        answers = [
            phase.partial.of(phase.answer(part, phase.plan.of(plan.arrays())).arrays())
            for part in self._parts
        ]
        order = self._random.permutation(len(answers))
        first = int(self._random.integers(1, len(answers) + 1))
        regions = [order[:first], order[first:]]
        merged = [reduce(_merge, [answers[i] for i in region]) for region in regions if len(region)]
        return plan, lambda: reduce(_merge, merged)


def _merge(a: Any, b: Any) -> Any:
    return a.merge(b)


def cut(fleet: Sequence[Household], shards: Sequence[int]) -> list[list[Fleet]]:
    """The sketches of each shard that has any device, some devices after others."""
    found = []
    for name in sorted(set(shards[: len(fleet)])):
        mine = [each for each, shard in zip(fleet, shards, strict=False) if shard == name]
        found.append(list(fleets([e.sketches(NOW) for e in mine], 200, sigma=SIGMA, together=3)))
    return found


def by_shards(
    fleet: Sequence[Household], shards: Sequence[int], config: LearnConfig = CONFIG, **how: Any
) -> tuple[RoundResult, Decoder, list[RefreshPart]]:
    parts = [RefreshPart(each, ROWS, config) for each in cut(fleet, shards)]
    led = lead_refresh(Written(parts, len(parts)), LEAD, config, **how)
    return led.result, led.decoder, parts


def alone(fleet: Sequence[Household], config: LearnConfig = CONFIG) -> RoundResult:
    whole = gather([each.sketches(NOW) for each in fleet], 200, sigma=SIGMA)
    return lead_refresh(Together([RefreshPart([whole], ROWS, config)]), LEAD, config).result


def assert_same(a: RoundResult, b: RoundResult) -> None:
    for part in ("titles", "factors", "steps", "gains", "prior"):
        np.testing.assert_array_equal(getattr(a.factors, part), getattr(b.factors, part))
    assert a.figures == b.figures
    assert a.trends == b.trends
    assert_same_patterns(a.patterns, b.patterns)


def assert_same_patterns(a: Sequence[GlobalPattern], b: Sequence[GlobalPattern]) -> None:
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.embedding, other.embedding)
        assert replace(one, embedding=other.embedding) == other


@settings(deadline=None, max_examples=10)
@given(shards=cuts, seed=st.integers(0, 1_000))
def test_a_refresh_does_not_depend_on_where_devices_are(shards: list[int], seed: int) -> None:
    fleet = households(18, seed)
    found, _, _ = by_shards(fleet, shards)
    expected = alone(fleet)
    assert expected.figures.devices == 18
    assert len(expected.patterns) > 0
    assert_same(found, expected)


@settings(deadline=None, max_examples=6)
@given(shards=cuts, seed=st.integers(0, 1_000), pushing=st.sets(st.integers(0, 17), max_size=9))
def test_a_step_does_not_depend_on_where_devices_are(
    shards: list[int], seed: int, pushing: set[int]
) -> None:
    fleet = households(18, seed)
    begun, decoder, _ = by_shards(fleet, [0] * 18)
    whole = Kept.join(list(by_shards(fleet, [0] * 18)[2][0].blocks()))
    for number in pushing:
        fleet[number].push([44, 15 * (number % 3)], NOW - 0.5)

    def parts(of: Sequence[int]) -> list[StepPart]:
        found = []
        for name in sorted(set(of)):
            mine = [n for n in range(18) if of[n] == name]
            changed = [fleet[n].sketches(NOW) for n in mine if n in pushing]
            kept = [_one(whole, n) for n in mine if n not in pushing]
            sketches = list(fleets(changed, 200, sigma=SIGMA, together=2))
            found.append(StepPart(sketches, kept, decoder, ROWS, CONFIG))
        return found

    lead = StepLead(ROWS, decoder.prior, begun.patterns, FIRST)
    found = lead_step(Written(parts(shards), seed), lead, CONFIG)
    expected = lead_step(Together(parts([0] * 18)), lead, CONFIG)
    assert found.figures == expected.figures
    assert found.figures.devices == 18
    assert found.news.trends == expected.news.trends
    assert found.unexpected.tolist() == expected.unexpected.tolist()
    assert_same_patterns(found.news.patterns, expected.news.patterns)


def _one(kept: Kept, device: int) -> Kept:
    recent = kept.recent
    mine = recent.owners == device
    only = recent.picked(mine)
    starts = only.starts[device : device + 2]
    return Kept(
        kept.keys[device : device + 1],
        kept.regions[device : device + 1],
        kept.sketches[device : device + 1],
        kept.rows.part(device, device + 1),
        replace(only, starts=starts - starts[0]),
    )


def test_only_the_phases_that_are_needed_are_asked() -> None:
    fleet = households(12, 1)
    sketches = cut(fleet, [0, 1] * 6)

    def asked(config: LearnConfig) -> list[str]:
        desk = Written([RefreshPart(each, ROWS, config) for each in sketches], 1)
        lead_refresh(desk, LEAD, config)
        return desk.asked

    twice = ["census", "decode", "matrix", "expect", "statistics", "behind"]
    assert asked(CONFIG) == twice
    assert asked(replace(CONFIG, taste_share=0)) == ["census", "decode", "statistics", "behind"]
    assert asked(replace(CONFIG, dp_mu=60.0)) == twice[:-1]


def test_noise_is_drawn_once_for_all_shards() -> None:
    fleet = households(18, 3)
    config = replace(CONFIG, dp_mu=30.0)
    drawn: list[list[int]] = []

    def noise(into: list[int]) -> Callable[[int], np.ndarray]:
        random = np.random.default_rng(5)

        def draw(count: int) -> np.ndarray:
            into.append(count)
            return random.standard_normal(count)

        return draw

    results = []
    for shards in ([0] * 18, [n % 4 for n in range(18)]):
        drawn.append([])
        results.append(by_shards(fleet, shards, config, noise=noise(drawn[-1]))[0])
    assert drawn[0] == drawn[1]
    assert_same(*results)
    assert results[0].figures.dp_mu == 30.0


@settings(deadline=None, max_examples=20)
@given(shards=cuts, most=st.integers(1, 60), seed=st.integers(0, 100))
def test_a_sample_is_the_same_however_it_is_merged(shards: list[int], most: int, seed: int) -> None:
    fleet = households(18, seed)
    whole = gather([each.sketches(NOW) for each in fleet], 200, sigma=SIGMA)
    expected = Sample.drawn(whole, most, seed)
    assert len(expected) == min(most, len(whole.classes))
    assert expected.ranks.tolist() == np.sort(ranks(whole, seed))[:most].tolist()
    pieces = [Sample.drawn(each, most, seed) for shard in cut(fleet, shards) for each in shard]
    for order in (pieces, pieces[::-1]):
        merged = reduce(Sample.merge, order, Sample.empty(most))
        assert merged.ranks.tolist() == expected.ranks.tolist()
        assert merged.packed.tobytes() == expected.packed.tobytes()
        assert merged.sigmas.tolist() == expected.sigmas.tolist()


numbers = st.lists(st.integers(0, 2**52), min_size=3, max_size=3)


@given(parts=st.lists(st.tuples(numbers, st.sampled_from(["", "a", "b"])), min_size=3, max_size=3))
def test_merging_is_associative_and_commutative_to_the_bit(
    parts: list[tuple[list[int], str]],
) -> None:
    sums = [Sums({"x": np.array(n) // 4, "gram": np.array(n) / 4.0 // 1}) for n, _ in parts]
    whos = [Census(1, n[0], {region: 1}, Sample.empty(5)) for n, region in parts]
    cases: list[list[Any]] = [sums, whos]
    for a, b, c in cases:
        assert _held(a.merge(b).merge(c)) == _held(a.merge(b.merge(c)))
        assert _held(a.merge(b)) == _held(b.merge(a))


def _held(part: Sums | Census) -> dict[str, list[Any]]:
    return {name: array.tolist() for name, array in part.arrays().items()}


def test_sums_of_different_things_are_refused() -> None:
    with pytest.raises(ValueError, match="other titles"):
        Sums({"x": np.zeros(2)}).merge(Sums({"x": np.zeros(3)}))
    with pytest.raises(ValueError, match="different sizes"):
        Sample.empty(2).merge(Sample.empty(3))


def test_three_devices_are_enough_wherever_they_are() -> None:
    """A title that three devices of three shards support is supported."""
    fleet = households(18, 4)
    for number in (0, 1, 2):
        fleet[number].pushes = [([29], -900.0)] * 3
    for number in range(3, 18):
        fleet[number].pushes = [([15 * (number % 3) + i for i in range(8)], -900.0)]
    apart, _, _ = by_shards(fleet, [0, 1, 2] * 6)
    assert 29 in apart.factors.titles
    assert_same(apart, alone(fleet))
    assert isinstance(apart.figures, RoundFigures)
