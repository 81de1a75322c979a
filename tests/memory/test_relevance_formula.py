"""relevance = importance x decay + 0.1 ln(1 + access_count), with fractions of an hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.memory import Memory, Tier, decay, relevance, strength

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("tier", "hours"), [(Tier.INSTANT, 0.01), (Tier.SESSION, 24), (Tier.EPISODIC, 168)]
)
def test_three_tiers_decay_by_the_fraction_of_an_hour(
    tier: Tier, hours: float, make: Callable[..., Memory]
) -> None:
    memory = make(tier, "m", importance=0.8, access_count=3)
    for minutes in (0, 0.36, 30, 59, 61, 1_440):
        later = NOW + timedelta(minutes=minutes)
        expected = 0.8 * exp(-(minutes / 60) / hours) + 0.1 * log(4)
        assert relevance(memory, later) == pytest.approx(expected, rel=1e-9)


def test_an_instant_memory_fades_within_the_minute_and_not_after_an_hour() -> None:
    assert decay(Tier.INSTANT, timedelta(seconds=36)) == pytest.approx(exp(-1))
    assert 0 < decay(Tier.INSTANT, HALF_HOUR) < 1e-20


@pytest.mark.parametrize("tier", [tier for tier in Tier if tier > Tier.EPISODIC])
def test_the_other_tiers_never_decay(tier: Tier) -> None:
    assert decay(tier, timedelta(days=36_500)) == 1


def test_a_clock_set_back_makes_nothing_more_relevant(make: Callable[..., Memory]) -> None:
    memory = make(Tier.SESSION, "m", importance=0.5)
    assert relevance(memory, NOW - timedelta(days=400)) == 0.5


@given(
    tier=st.sampled_from(Tier),
    importance=st.floats(0, 1),
    accesses=st.integers(0, 10_000),
    age=st.timedeltas(timedelta(days=-10), timedelta(days=4_000)),
)
def test_relevance_is_never_above_strength(
    tier: Tier, importance: float, accesses: int, age: timedelta
) -> None:
    memory = Memory(
        tier=tier,
        key="m",
        text="m",
        importance=importance,
        created_at=NOW,
        accessed_at=NOW,
        access_count=accesses,
    )
    assert 0 <= relevance(memory, NOW + age) <= strength(memory)


def test_an_access_counts_and_moves_the_last_access_forward_only(
    make: Callable[..., Memory],
) -> None:
    memory = make(Tier.SESSION, "m").accessed(NOW + HALF_HOUR, 2).accessed(NOW)
    assert (memory.access_count, memory.accessed_at) == (3, NOW + HALF_HOUR)
