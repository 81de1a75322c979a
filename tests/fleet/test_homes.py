"""Simulated households: what they do is drawn once and for all, and looks like households."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_cli.fleet.homes import DAY, HOUR, Habits, Homes, Standby, succeeded
from omega_core.errors import OmegaError

MONDAY = 1_772_427_600.0
"""2026-03-02T05:00Z."""


@given(number=st.integers(0, 10**6), days=st.floats(0, 300))
def test_a_day_is_a_function_of_household_and_day(homes: Homes, number: int, days: float) -> None:
    home, at = homes.home(number), MONDAY + days * DAY
    day = homes.day(number, home, at)
    assert homes.home(number) == home
    assert day == homes.day(number, home, min(at + HOUR / 60, day.ends - 1))
    assert day.begins <= at < day.ends
    following = homes.day(number, home, day.ends)
    assert following.begins == day.ends


@given(number=st.integers(0, 10**6), days=st.integers(0, 300))
def test_sessions_follow_one_another_and_hold_the_viewings(
    homes: Homes, number: int, days: int
) -> None:
    day = homes.day(number, homes.home(number), MONDAY + days * DAY)
    edges = day.on.tolist()
    assert all(a <= b for a, b in pairwise([day.begins, *edges, day.ends]))
    sessions = list(zip(edges[::2], edges[1::2], strict=True))
    ends, rows, shares = (day.viewings[i::3].tolist() for i in range(3))
    assert all(any(begin < end <= last for begin, last in sessions) for end in ends)
    assert all(0 <= row < len(homes.world.contents) for row in rows)
    assert all(0 <= share <= 1 for share in shares)
    assert bool(sessions) == bool(ends)


def test_a_fleet_watches_in_the_evening_and_as_long_as_its_habits_say(homes: Homes) -> None:
    hours, on = Counter[int](), 0.0
    households, days = 150, 7
    for number in range(households):
        home = homes.home(number)
        zone = {"north": 1, "south": 0, "east": 3, "west": -2}[home.region]
        for n in range(days):
            day = homes.day(number, home, MONDAY + n * DAY)
            for begin, end in zip(day.on[::2], day.on[1::2], strict=True):
                on += end - begin
                hours[int((begin + (end - begin) / 2) / HOUR + zone) % 24] += 1
    expected = (
        5 * homes.habits.hours_on(weekend=False) + 2 * homes.habits.hours_on(weekend=True)
    ) / 7
    assert on / HOUR / households / days == pytest.approx(expected, rel=0.1)
    assert hours.most_common(1)[0][0] in {20, 21, 22}
    assert hours[3] < hours[21] / 10


def test_tastes_are_planted(homes: Homes) -> None:
    """Who likes a title watches others of its scene: without that there is nothing to learn."""
    same = total = 0
    popular = np.bincount(homes.world.scene, minlength=12).max() / len(homes.world.scene)
    for number in range(60):
        home = homes.home(number)
        scenes = Counter[int]()
        for n in range(10):
            day = homes.day(number, home, MONDAY + n * DAY)
            liked = [
                int(row)
                for row, share in zip(day.viewings[1::3], day.viewings[2::3], strict=True)
                if succeeded(share)
            ]
            scenes.update(homes.world.scene[liked].tolist())
        same += sum(n for _, n in scenes.most_common(3))
        total += scenes.total()
    assert same / total > 3 * popular


def test_every_kind_of_standby_occurs_as_often_as_stated(homes: Homes) -> None:
    found = Counter(homes.home(number).standby for number in range(2_000))
    for kind, share in zip(Standby, homes.habits.standby, strict=True):
        assert found[kind] / 2_000 == pytest.approx(share, abs=0.05)


def test_habits_have_bounds() -> None:
    with pytest.raises(OmegaError) as caught:
        Habits(standby=(0.5, 0.1, 0.1))
    assert caught.value.field == "sum of standby"
    with pytest.raises(OmegaError) as caught:
        Habits(wake_minutes=0)
    assert caught.value.field == "wake_minutes"
