"""Percentiles against sorted values, in bounded memory."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_loops.statistics import ACCURACY, Percentiles


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.floats(min_value=1e-5, max_value=1e9), min_size=1, max_size=200),
    share=st.sampled_from([0.0, 0.5, 0.99, 1.0]),
)
def test_a_percentile_is_within_one_percent(values: list[float], share: float) -> None:
    percentiles = Percentiles()
    for value in values:
        percentiles.add(value)
    exact = sorted(values)[int(share * (len(values) - 1))]
    assert percentiles.at(share) == pytest.approx(exact, rel=ACCURACY * 1.0001)


def test_memory_does_not_grow_with_the_values() -> None:
    drawn = random.Random(1)  # noqa: S311 - repeatable, guards no secret
    percentiles = Percentiles()
    for _ in range(50_000):
        percentiles.add(10 ** drawn.uniform(-12, 15))
    assert len(percentiles) <= 1900


def test_nothing_and_no_time_are_zero() -> None:
    percentiles = Percentiles()
    assert percentiles.at(0.5) == 0
    percentiles.add(0)
    percentiles.add(-1)
    assert percentiles.at(0.99) == 0
