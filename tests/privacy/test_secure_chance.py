"""Chance that privacy rests on: its distribution. Bounds hold five standard errors or more."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from omega_privacy import draw_delay, secure_normal

DAY = timedelta(hours=24)


def test_delays_are_even_between_a_twelfth_and_all_of_the_longest() -> None:
    hours = np.sort([draw_delay(DAY) / timedelta(hours=1) for _ in range(4_000)])
    assert 2.0 <= hours[0] < 2.1
    assert 23.9 < hours[-1] <= 24.0
    even = np.linspace(2, 24, len(hours))
    assert np.abs(hours - even).max() < 0.8
    assert len(set(hours)) > 3_900


def test_no_delay_is_none() -> None:
    assert draw_delay(timedelta()) == timedelta()


def test_any_number_of_normal_numbers_can_be_drawn() -> None:
    assert [len(secure_normal(n)) for n in (0, 1, 2, 7)] == [0, 1, 2, 7]
    drawn = secure_normal(200_001)
    assert abs(float(drawn.mean())) < 0.012
    assert abs(float(drawn.std()) - 1) < 0.009
    assert len(np.unique(drawn)) == 200_001
