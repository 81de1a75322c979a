"""Steps between refreshes: to the bit what decoding everything again gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_learn import (
    CountedPart,
    DeviceSketches,
    Kept,
    LearnConfig,
    Refreshed,
    RoundInput,
    StepInput,
    StepLead,
    Stepped,
    Together,
    gather,
    lead_step,
    refresh,
    run,
    step,
)
from omega_learn.kept import Recent
from omega_learn.news import catalogue_rows
from omega_learn.rows import DeviceRows
from omega_testing.tastes import LIKED, taste_world

WORLD = taste_world(groups=3, each=15)
SIGMA = 3.0
CONFIG = LearnConfig(sigma=SIGMA, lam=5, rank=16)
FIRST = 500.0
"""Hours since the shard's first round."""


class Household:
    """A device with what it pushed and when, on a clock of hours."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pushes: list[tuple[list[int], float]] = []
        self.region = ("", "north", "south")[number % 3]

    def push(self, titles: Sequence[int], at: float) -> None:
        self.pushes.append((list(titles), at))

    def sketches(self, now: float) -> DeviceSketches:
        parts = [
            WORLD.sketches(titles, SIGMA, 1_000 * self.number + n)
            for n, (titles, _) in enumerate(self.pushes)
        ]
        joined = b"".join(parts)
        return DeviceSketches(
            f"tv-{self.number:03}",
            joined,
            bytes([LIKED]) * (len(joined) // 48),
            SIGMA if self.number % 4 else 6.0,
            self.region,
            tuple((len(titles), now - at) for titles, at in self.pushes),
        )


def households(number: int, seed: int) -> list[Household]:
    found = []
    for n in range(number):
        each = Household(n)
        random = np.random.default_rng([seed, n])
        for at in (-900.0, -float(random.integers(1, 100))):
            each.push((15 * (n % 3) + random.permutation(15)[:6]).tolist(), at)
        found.append(each)
    return found


def refreshed(fleet: Sequence[Household], now: float, config: LearnConfig = CONFIG) -> Refreshed:
    devices = [each.sketches(now) for each in fleet]
    return refresh(
        RoundInput(WORLD.embeddings, WORLD.mean, devices, hours_since_first=FIRST + now), config
    )


def aged(kept: Kept, hours: float, left: set[str]) -> Kept:
    """The devices in `left`, so many hours later, as a shard reads them back."""
    chosen = [i for i, key in enumerate(kept.keys) if key in left]
    recent = kept.recent
    ages = recent.ages + hours
    every = Recent(recent.starts, ages, recent.titles, recent.weights)
    late = every.picked(ages < CONFIG.trends.windows[-1])
    parts = [kept_one(kept, late, i) for i in chosen]
    return Kept.join([kept_none(kept), *parts])


def kept_one(kept: Kept, recent: Recent, i: int) -> Kept:
    mine = np.repeat(np.arange(len(kept)), np.diff(recent.starts)) == i
    only = recent.picked(mine)
    starts = only.starts[i : i + 2]
    return Kept(
        kept.keys[i : i + 1],
        kept.regions[i : i + 1],
        kept.sketches[i : i + 1],
        kept.rows.part(i, i + 1),
        Recent(starts - starts[0], only.ages, only.titles, only.weights),
    )


def kept_none(kept: Kept) -> Kept:
    none = np.zeros(1, np.int64)
    recent = kept.recent
    return Kept(
        (),
        (),
        kept.sketches[:0],
        kept.rows.part(0, 0),
        Recent(none, recent.ages[:0], recent.titles[:0], recent.weights[:0]),
    )


def assert_same_rows(a: DeviceRows, b: DeviceRows) -> None:
    for part in ("starts", "titles", "stakes", "quality", "samples"):
        np.testing.assert_array_equal(getattr(a, part), getattr(b, part), err_msg=part)


def assert_same_kept(found: Kept, expected: Kept) -> None:
    """The same devices, whatever their order, to the bit."""
    assert sorted(found.keys) == sorted(expected.keys)
    for i, key in enumerate(expected.keys):
        j = found.keys.index(key)
        assert found.regions[j] == expected.regions[i]
        assert found.sketches[j] == expected.sketches[i]
        assert_same_rows(found.rows.part(j, j + 1), expected.rows.part(i, i + 1))
        one, other = kept_one(found, found.recent, j), kept_one(expected, expected.recent, i)
        np.testing.assert_array_equal(one.recent.ages, other.recent.ages)
        np.testing.assert_array_equal(one.recent.titles, other.recent.titles)
        np.testing.assert_array_equal(one.recent.weights, other.recent.weights)


def assert_same_news(found: Stepped, fleet: Kept, previous: RoundInput, now: float) -> None:
    """What the full pass gives, to the bit."""
    rows = catalogue_rows(WORLD.embeddings, WORLD.mean)
    every = Together([CountedPart([fleet], len(rows), CONFIG)])
    prior = np.full(len(rows), 1 / len(rows), np.float32)
    lead = StepLead(rows, prior, previous.previous, FIRST + now)
    expected = lead_step(every, lead, CONFIG).news
    assert found.news.supported_titles == expected.supported_titles
    assert found.news.trends == expected.trends
    assert len(found.news.patterns) == len(expected.patterns) > 0
    for a, b in zip(found.news.patterns, expected.patterns, strict=True):
        np.testing.assert_array_equal(a.embedding, b.embedding)
        assert replace(a, embedding=b.embedding) == b
    assert found.figures.devices == len(fleet)
    assert found.figures.sketches == fleet.sketches.sum()


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 1_000),
    changes=st.lists(
        st.tuples(
            st.sets(st.integers(0, 20), max_size=6),
            st.sets(st.integers(0, 20), max_size=3),
            st.integers(0, 3),
            st.sampled_from([0.0, 1.5, 40.0]),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_steps_are_a_full_pass_with_the_same_decoder_to_the_bit(
    seed: int, changes: list[tuple[set[int], set[int], int, float]]
) -> None:
    """Some push, some are erased, some are new, time goes by; several steps after each other."""
    now, fleet = 0.0, households(18, seed)
    begun = refreshed(fleet, now)
    kept, decoder = begun.kept, begun.decoder
    given = RoundInput(WORLD.embeddings, WORLD.mean, (), begun.result.patterns)
    for turn, (pushing, erased, fresh, hours) in enumerate(changes):
        random = np.random.default_rng([seed, turn])
        now += hours
        fleet = [each for each in fleet if each.number not in erased]
        before = {f"tv-{each.number:03}" for each in fleet}
        new = [Household(100 * (turn + 1) + n) for n in range(fresh)]
        changed = [each for each in fleet if each.number in pushing] + new
        fleet += new
        for each in changed:
            each.push(random.integers(0, 45, 1 + each.number % 3).tolist(), now - 0.25)
        names = {f"tv-{each.number:03}" for each in changed}
        unchanged = aged(kept, hours, before - names)
        found = step(
            StepInput(
                WORLD.embeddings,
                WORLD.mean,
                decoder,
                [each.sketches(now) for each in changed],
                (unchanged,),
                given.previous,
                FIRST + now,
            ),
            CONFIG,
        )
        kept = Kept.join([unchanged, found.changed])
        oracle = decoder.decode(
            gather([each.sketches(now) for each in fleet], 200, sigma=SIGMA),
            catalogue_rows(WORLD.embeddings, WORLD.mean),
            top=CONFIG.top,
            share=CONFIG.taste_share,
            within=CONFIG.trends.windows[-1],
        )
        assert_same_kept(kept, oracle)
        assert_same_news(found, oracle, given, now)
        assert found.figures.decoded == found.changed.sketches.sum()
        given = replace(given, previous=found.news.patterns)


@pytest.mark.parametrize("share", [0.8, 0.0])
def test_a_step_without_changes_is_the_refresh(share: float) -> None:
    config = replace(CONFIG, taste_share=share)
    fleet = households(12, 1)
    begun = refreshed(fleet, 0.0, config)
    assert (begun.decoder.model is None) == (share == 0)
    found = step(
        StepInput(
            WORLD.embeddings, WORLD.mean, begun.decoder, (), (begun.kept,), hours_since_first=FIRST
        ),
        config,
    )
    assert found.news.trends == begun.result.trends
    assert found.news.supported_titles == begun.result.figures.supported_titles
    for a, b in zip(found.news.patterns, begun.result.patterns, strict=True):
        np.testing.assert_array_equal(a.embedding, b.embedding)
    assert (found.figures.decoded, found.figures.devices) == (0, 12)
    everybody = step(
        StepInput(
            WORLD.embeddings, WORLD.mean, begun.decoder, [e.sketches(0.0) for e in fleet], ()
        ),
        config,
    )
    assert_same_kept(everybody.changed, begun.kept)


def test_run_is_the_refresh() -> None:
    devices = [each.sketches(0.0) for each in households(12, 2)]
    inputs = RoundInput(WORLD.embeddings, WORLD.mean, devices)
    one, other = run(inputs, CONFIG), refresh(inputs, CONFIG).result
    np.testing.assert_array_equal(one.factors.factors, other.factors.factors)
    assert one.figures == other.figures
    assert one.figures.decoded == one.figures.sketches


def step_of(**change: object) -> Stepped:
    fleet = households(12, 3)
    begun = refreshed(fleet, 0.0)
    good = StepInput(WORLD.embeddings, WORLD.mean, begun.decoder, (), (begun.kept,))
    return step(replace(good, **change), CONFIG)  # type: ignore[arg-type]  # by name


def test_a_device_is_kept_or_changed() -> None:
    with pytest.raises(OmegaError) as caught:
        step_of(changed=[households(1, 3)[0].sketches(0.0)])
    assert caught.value.field == "kept"


def test_another_catalogue_than_the_decoders_is_refused() -> None:
    with pytest.raises(OmegaError) as caught:
        step_of(embeddings=WORLD.embeddings[:-1])
    assert caught.value.field == "decoder"


def test_under_noise_there_are_no_steps() -> None:
    begun = refreshed(households(12, 3), 0.0)
    inputs = StepInput(WORLD.embeddings, WORLD.mean, begun.decoder, (), (begun.kept,))
    with pytest.raises(OmegaError) as caught:
        step(inputs, replace(CONFIG, dp_mu=1.0))
    assert caught.value.field == "dp_mu"


@pytest.mark.parametrize("devices", [0, 2])
def test_too_few_devices_are_no_step(devices: int) -> None:
    begun = refreshed(households(12, 3), 0.0)
    names = set(begun.kept.keys[:devices])
    with pytest.raises(OmegaError) as caught:
        step_of(kept=(aged(begun.kept, 0.0, names),))
    assert caught.value.code == ErrorCode.ROUND_NOT_POSSIBLE
