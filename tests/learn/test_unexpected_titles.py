"""Titles that a frozen prior cannot see are told of by a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from omega_learn import (
    DeviceSketches,
    LearnConfig,
    Refreshed,
    RoundInput,
    Sample,
    StepInput,
    gather,
    refresh,
    step,
)
from omega_learn.news import catalogue_rows
from omega_learn.sample import ranks
from omega_learn.unexpected import late, look, seen, unexpected
from omega_testing.tastes import LIKED, taste_world

WORLD = taste_world(groups=4, each=15)
SIGMA = 3.0
CONFIG = LearnConfig(sigma=SIGMA, lam=5, rank=16)
NEW = 50
"""Of the fourth group, which nobody had."""


def device(number: int, late: Sequence[int] = (), age: float = 0.5) -> DeviceSketches:
    """Likes 8 titles of the group number % 3 for long, and these since `age` hours."""
    liked = 15 * (number % 3) + np.random.default_rng(number).permutation(15)[:8]
    parts = [WORLD.sketches(liked.tolist(), SIGMA, number)]
    if late:
        parts.append(WORLD.sketches(list(late), SIGMA, 5_000 + number))
    return DeviceSketches(
        f"tv-{number:03}",
        b"".join(parts),
        bytes([LIKED]) * (8 + len(late)),
        arrivals=((8, 500.0), (len(late), age)),
    )


def refreshed(devices: Sequence[DeviceSketches]) -> Refreshed:
    return refresh(RoundInput(WORLD.embeddings, WORLD.mean, devices), CONFIG)


def told(before: Refreshed, devices: Sequence[DeviceSketches]) -> list[int]:
    """What a step tells of in which all of these devices changed."""
    inputs = StepInput(WORLD.embeddings, WORLD.mean, before.decoder, devices, ())
    return [int(title) for title in step(inputs, CONFIG).unexpected]


def test_a_title_that_nobody_had_is_told_of_until_a_refresh_has_seen_it() -> None:
    before = refreshed([device(n) for n in range(30)])
    arrived = [device(n, [NEW] if n < 9 else [15 * (n % 3)]) for n in range(30)]
    assert told(before, arrived) == [NEW]
    assert told(refreshed(arrived), arrived) == []


def test_of_many_late_sketches_a_sample_is_read() -> None:
    """What is read at once is bounded, however many devices pushed."""
    before = refreshed([device(n) for n in range(30)])
    usual = [device(n, [15 * (n % 3) + i % 15 for i in range(50)]) for n in range(30)]
    arrived = [each if n >= 9 else device(n, [NEW] * 50) for n, each in enumerate(usual)]
    config = replace(CONFIG, prior_sample=1_000)
    rows = catalogue_rows(WORLD.embeddings, WORLD.mean)
    fleet = gather(arrived, 200, sigma=SIGMA)
    sample = Sample.drawn(fleet, config.prior_sample, config.seed, late(fleet, config))
    assert len(sample) == 1_000
    assert (ranks(fleet, config.seed)[late(fleet, config)] <= sample.bound).sum() == 1_000
    found = look(sample, rows, config)
    assert found is not None
    behind = seen(fleet, rows, found, config)
    assert unexpected(found, behind, 30, before.decoder.prior, config).tolist() == [NEW]


def test_what_was_known_what_two_devices_say_and_what_is_old_is_no_reason() -> None:
    before = refreshed([device(n) for n in range(30)])
    assert told(before, [device(n, [15 * (n % 3), 15 * (n % 3) + 1]) for n in range(30)]) == []
    assert told(before, [device(n, [NEW] if n < 2 else [15 * (n % 3)]) for n in range(30)]) == []
    assert told(before, [device(n, [NEW], age=73.0) for n in range(30)]) == []
    assert told(before, [device(n) for n in range(30)]) == []
