"""The interval of an uplift: what Newcombe published, and how often it is right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_agentdb.uplift import Table, uplift, wilson

Z = 1.959963984540054


@pytest.mark.parametrize(
    ("x", "n", "y", "m", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10.
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_the_difference_has_the_published_interval(
    x: int, n: int, y: int, m: int, low: float, high: float
) -> None:
    share = m / (n + m)
    found = uplift(Table(joint=x, cause=n, effect=x + y, all=n + m), 0.95)
    assert found.value == pytest.approx(x / n - (x + y) / (n + m))
    assert found.low / share == pytest.approx(low, abs=6e-5)
    assert found.high / share == pytest.approx(high, abs=6e-5)


def test_the_interval_of_a_proportion_is_wilsons() -> None:
    # Wilson 1927 as worked in Newcombe 1998, Statistics in Medicine 17:857-872, table I.
    assert wilson(81 / 263, 263, Z) == pytest.approx((0.2553, 0.3662), abs=6e-5)
    assert wilson(15 / 148, 148, Z) == pytest.approx((0.0624, 0.1605), abs=6e-5)
    assert wilson(0 / 20, 20, Z) == pytest.approx((0.0, 0.1611), abs=6e-5)


@given(
    cause=st.floats(0.01, 500),
    otherwise=st.floats(0.01, 500),
    p=st.floats(0, 1),
    q=st.floats(0, 1),
)
def test_confidence_is_the_level_at_which_0_is_left_out(
    cause: float, otherwise: float, p: float, q: float
) -> None:
    table = Table(cause * p, cause, cause * p + otherwise * q, cause + otherwise)
    found = uplift(table, 0.95)
    assert found.low <= found.value <= found.high
    assert -1 <= found.value <= 1
    assert 0 <= found.confidence <= 1
    if 0.001 < found.confidence < 0.998:
        assert uplift(table, found.confidence - 1e-4).sure
        assert not uplift(table, found.confidence + 1e-4).sure


def test_a_cause_that_is_always_there_lifts_nothing() -> None:
    for table in (Table(5, 10, 5, 10), Table(0, 0, 0, 10), Table(0, 0, 0, 0)):
        found = uplift(table, 0.95)
        assert (found.value, found.low, found.high, found.confidence) == (0, 0, 0, 0)
        assert not found.sure


@pytest.mark.parametrize(("p", "q"), [(0.2, 0.2), (0.5, 0.5), (0.05, 0.05), (0.6, 0.3)])
def test_intervals_are_right_as_often_as_they_say(p: float, q: float) -> None:
    """Of 95 % intervals 95 % hold the true uplift; where there is none, 5 % find one."""
    random = np.random.default_rng(17)
    cause, everything, runs = 40, 160, 4_000
    otherwise = everything - cause
    truth = (1 - cause / everything) * (p - q)
    holds = sure = 0
    x, y = random.binomial(cause, p, runs), random.binomial(otherwise, q, runs)
    for joint, rest in zip(x.tolist(), y.tolist(), strict=True):
        found = uplift(Table(joint, cause, joint + rest, everything), 0.95)
        holds += found.low <= truth <= found.high
        sure += found.sure
    assert 0.94 <= holds / runs <= 0.985
    if p == q:
        assert sure / runs <= 0.06
    else:
        assert sure / runs >= 0.85
