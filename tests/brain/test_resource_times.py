"""When a newer version is fetched: once a period, at a time of each TV's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_brain import resource_times
from omega_brain.brain import Brain
from omega_core.clock import ManualClock
from omega_core.content import Content

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

    from omega_brain.config import BrainConfig

DAY = timedelta(days=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_ten_thousand_tvs_spread_over_the_day_evenly() -> None:
    hours = [0] * 24
    for number in range(10_000):
        device_id = f"tv-{uuid.UUID(int=number).hex}"
        hours[resource_times.last_instant(device_id, DAY, NOON).hour] += 1
    # 417 expected in each; five standard deviations of a binomial are 100.
    assert all(abs(count - 417) < 100 for count in hours)


@given(st.uuids(), st.integers(0, 10 * 86_400), st.sampled_from([1, 6, 24, 720]))
def test_an_instant_comes_once_a_period_whenever_it_is_asked_for(
    device: uuid.UUID, seconds: int, hours: int
) -> None:
    device_id, period = f"tv-{device.hex}", timedelta(hours=hours)
    now = NOON + timedelta(seconds=seconds)
    own = resource_times.last_instant(device_id, period, now)
    assert now - period < own <= now
    assert resource_times.last_instant(device_id, period, own) == own
    assert resource_times.last_instant(device_id, period, own + period) == own + period


@pytest.fixture
def daily(config: BrainConfig, open_tv: Callable[..., Tv]) -> Callable[..., Brain]:
    """Opens a TV with the periods of a release, on a clock that is moved by hand."""
    made = open_tv()
    url = made.brain.config.constellation_url
    made.close()

    def start(clock: ManualClock) -> Brain:
        return Brain(replace(config, constellation_url=url), clock=clock)

    return start


def test_factors_are_fetched_once_a_day_however_often_they_are_published(
    daily: Callable[..., Brain],
    titles: list[Content],
    publish_catalogue: Callable[..., None],
    publish_factors: Callable[..., None],
) -> None:
    clock = ManualClock(NOON)
    publish_catalogue(titles[:20])
    publish_factors(list(range(20)))
    with daily(clock) as brain:
        brain.sync()
        assert brain.factors_version == 1, "a TV that has none does not wait"
        identity = brain.stores.meta.identity()
        assert identity is not None
        taken = []
        for step in range(1, 97):
            clock.advance(timedelta(hours=1))
            publish_factors(list(range(20)), 1 + step)
            before = brain.factors_version
            brain.sync()
            if brain.factors_version != before:
                taken.append(clock.now())
    assert len(taken) == 4
    for at in taken[1:]:
        own = resource_times.last_instant(identity.device_id, DAY, at)
        assert at - own < timedelta(hours=1), "at its own time of the day"
    assert all(b - a == DAY for a, b in pairwise(taken[1:]))


def test_a_clock_that_was_set_back_does_not_put_them_off(
    daily: Callable[..., Brain],
    titles: list[Content],
    publish_catalogue: Callable[..., None],
    publish_factors: Callable[..., None],
) -> None:
    clock = ManualClock(NOON)
    publish_catalogue(titles[:20])
    publish_factors(list(range(20)))
    with daily(clock) as brain:
        brain.sync()
        publish_factors(list(range(20)), 2)
        clock.advance(-timedelta(days=400))
        brain.sync()
        assert brain.factors_version == 2
