"""Moments of viewings under way are kept for a day, apart from the history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from omega_core.clock import ManualClock
from omega_core.profile import Profile
from omega_core.viewing import PlaybackAction, ViewingEvent
from omega_persistence import Database, Events, Interactions, Profiles

MakeEvent = Callable[..., ViewingEvent]
pytestmark = pytest.mark.usefixtures("contents")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def moments(database: Database) -> Interactions:
    return Interactions(database)


@pytest.fixture
def stored(
    database: Database, clock: ManualClock, moments: Interactions, make_event: MakeEvent
) -> Interactions:
    """Ten moments, a minute apart from 20:15; those of odd number are the kid's."""
    Profiles(database).put(Profile("kid", "Kid"))
    for number in range(10):
        profile = "kid" if number % 2 else ""
        Events(database).record(make_event(number, action=PlaybackAction.PAUSE, profile_id=profile))
        clock.advance(MINUTE)
    return moments


def ids(moments: Interactions, profile_id: str, clock: ManualClock, minutes: int) -> list[str]:
    since = clock.now() - minutes * MINUTE
    return [entry.event.event_id for entry in moments.recent(profile_id, since)]


def test_a_moment_comes_back_as_far_as_a_session_needs_it(
    database: Database, clock: ManualClock, moments: Interactions, make_event: MakeEvent
) -> None:
    event = make_event(1, title=3, action=PlaybackAction.REWIND, watched=0.4, session_id="s")
    Events(database).record(event)
    (entry,) = moments.recent("", clock.now())
    assert entry.event == make_event(
        1,
        title=3,
        action=PlaybackAction.REWIND,
        watched=0.4,
        session_id="s",
        engagement_score=0.4,
    )
    assert entry.recorded_at == clock.now()


def test_recent_moments_are_those_that_arrived_since(
    stored: Interactions, clock: ManualClock
) -> None:
    assert ids(stored, "", clock, 3) == ["e7", "e8", "e9"]
    assert ids(stored, "kid", clock, 5) == ["e5", "e7", "e9"]
    assert ids(stored, "", clock, 0) == []
    assert ids(stored, "nobody", clock, 60) == []


def test_a_sweep_goes_in_steps_and_takes_what_is_too_old(
    stored: Interactions, clock: ManualClock
) -> None:
    before = clock.now() - 3 * MINUTE
    assert stored.sweep(before, 4) == 4
    assert ids(stored, "", clock, 60) == ["e4", "e5", "e6", "e7", "e8", "e9"]
    assert [stored.sweep(before, 4) for _ in range(2)] == [3, 0]
    assert ids(stored, "", clock, 60) == ["e7", "e8", "e9"]
