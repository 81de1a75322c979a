from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_privacy import (
    Detail,
    class_byte,
    coarsened,
    count_class,
    count_value,
    rate_class,
    rate_value,
    split_class_byte,
)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(0.0, 0), (0.1249, 0), (0.125, 1), (0.7, 5), (0.75, 6), (0.8749, 6), (0.875, 7), (1.0, 7)],
)
def test_rates_fall_into_eighths(rate: float, expected: int) -> None:
    assert rate_class(rate) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, 0), (2, 1), (3, 1), (4, 2), (9, 2), (10, 3), (1_000_000, 3)],
)
def test_counts_fall_between_their_edges(count: int, expected: int) -> None:
    assert count_class(count) == expected


@given(st.floats(0.0, 1.0))
@settings(deadline=None)
def test_a_rate_lies_within_a_sixteenth_of_its_value(rate: float) -> None:
    assert abs(rate_value(rate_class(rate)) - rate) <= 1 / 16


def test_values_fall_into_their_own_class() -> None:
    assert [rate_class(rate_value(c)) for c in range(8)] == list(range(8))
    assert [count_value(c) for c in range(4)] == [1.0, 2.5, 6.5, 10.0]
    assert [count_class(math.ceil(count_value(c))) for c in range(4)] == list(range(4))


def test_every_pair_of_classes_has_its_byte() -> None:
    pairs = [(rate, count) for rate in range(8) for count in range(4)]
    assert [class_byte(*pair) for pair in pairs] == list(range(32))
    assert [split_class_byte(value) for value in range(32)] == pairs


def test_classes_can_be_made_coarser() -> None:
    every = range(32)
    assert [coarsened(value, Detail.FULL) for value in every] == list(every)
    assert {coarsened(value, Detail.NONE) for value in every} == {class_byte(7, 0)}
    coarse = {coarsened(value, Detail.COARSE) for value in every}
    assert coarse == {class_byte(rate, count) for rate in (6, 7) for count in (0, 2)}
    assert all(coarsened(value, Detail.COARSE) == value for value in coarse)
    assert coarsened(class_byte(5, 1), Detail.COARSE) == class_byte(6, 0)
    assert coarsened(class_byte(7, 3), Detail.COARSE) == class_byte(7, 2)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: rate_class(1.0001), "success_rate"),
        (lambda: rate_class(math.nan), "success_rate"),
        (lambda: count_class(0), "sample_count"),
        (lambda: rate_value(8), "rate_class"),
        (lambda: count_value(-1), "count_class"),
        (lambda: class_byte(8, 0), "rate_class"),
        (lambda: class_byte(0, 4), "count_class"),
        (lambda: split_class_byte(32), "classes"),
        (lambda: coarsened(32, Detail.NONE), "classes"),
    ],
)
def test_values_out_of_bounds_are_named(call: Callable[[], object], field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        call()
    assert caught.value.field == field
