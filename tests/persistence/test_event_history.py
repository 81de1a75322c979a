"""Events are stored once, in order, and never changed."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_core.viewing import (
    EventSource,
    PlaybackAction,
    Verdict,
    ViewingContext,
    ViewingEvent,
)
from omega_persistence import Database, Events, Interactions, Profiles, Recorded

MakeEvent = Callable[..., ViewingEvent]
pytestmark = pytest.mark.usefixtures("contents")


@pytest.fixture
def events(database: Database) -> Events:
    return Events(database)


@pytest.fixture
def profiles(database: Database) -> Profiles:
    return Profiles(database)


def test_an_event_comes_back_as_it_was(
    events: Events, profiles: Profiles, clock: ManualClock, make_event: MakeEvent
) -> None:
    profiles.put(Profile("kid", "Kid"))
    east = timezone(timedelta(hours=9))
    event = replace(
        make_event(1, title=3, watched=0.123456789),
        occurred_at=datetime(2026, 2, 3, 4, 5, 6, 789_012, tzinfo=east),
        session_id="s-1",
        recommendation_id="r-1",
        context=ViewingContext(3, 2, 4, 1, 2),
        action=PlaybackAction.STOP,
        watch_seconds=86_400,
        interaction_count=10_000,
        source=EventSource.AUTOPLAY,
        profile_id="kid",
        verdict=Verdict.DISLIKED,
    )
    assert events.record(event)
    stored = events.get("e1")
    assert stored is not None
    assert stored.event == event
    assert stored.event.occurred_at.tzinfo is UTC
    assert stored.recorded_at == clock.now()
    assert events.get("e2") is None


def test_a_repeated_id_changes_nothing_whatever_it_says(
    events: Events, make_event: MakeEvent
) -> None:
    assert events.record(make_event(1, watched=0.9))
    assert not events.record(make_event(1, watched=0.9))
    assert not events.record(make_event(1, title=5, watched=0.1))
    assert not events.record(make_event(1, title=99))
    (stored,) = events.all_events()
    assert (stored.event.content_id, stored.event.watch_percentage) == ("c0", 0.9)


@pytest.mark.parametrize("first", [PlaybackAction.COMPLETE, PlaybackAction.PAUSE])
@pytest.mark.parametrize("again", [PlaybackAction.COMPLETE, PlaybackAction.PAUSE])
def test_an_id_counts_once_over_viewings_and_moments(
    events: Events,
    database: Database,
    make_event: MakeEvent,
    first: PlaybackAction,
    again: PlaybackAction,
) -> None:
    assert events.record(make_event(1, action=first))
    assert not events.record(make_event(1, action=again))
    assert events.record_all([make_event(1, action=again)]) == [Recorded.DUPLICATE]
    assert events.record_all([make_event(1, action=again), make_event(2, action=again)]) == [
        Recorded.DUPLICATE,
        Recorded.NEW,
    ]
    ended = [action.ends_viewing for action in (first, again)]
    assert events.count() == sum(ended)
    assert Interactions(database).count() == 2 - sum(ended)


@pytest.mark.parametrize("action", list(PlaybackAction))
def test_what_ends_a_viewing_is_history_and_the_rest_is_not(
    events: Events, database: Database, make_event: MakeEvent, action: PlaybackAction
) -> None:
    assert events.record(make_event(1, action=action))
    assert [e.event.action for e in events.all_events()] == [action] * action.ends_viewing
    assert Interactions(database).count() == (not action.ends_viewing)


@pytest.mark.parametrize("action", [PlaybackAction.STOP, PlaybackAction.PLAY])
def test_an_unknown_profile_is_refused(
    events: Events, profiles: Profiles, make_event: MakeEvent, action: PlaybackAction
) -> None:
    event = make_event(1, action=action, profile_id="kid")
    with pytest.raises(OmegaError) as refused:
        events.record(event)
    assert (refused.value.code, refused.value.field) == (ErrorCode.UNKNOWN_PROFILE, "profile_id")
    profiles.put(Profile("kid", "Kid"))
    assert events.record(event)


def test_of_many_each_is_judged_by_itself(
    events: Events, database: Database, profiles: Profiles, make_event: MakeEvent
) -> None:
    profiles.put(Profile("kid", "Kid"))
    events.record(make_event(0))
    assert events.record_all(
        [
            make_event(0),
            make_event(1, profile_id="kid"),
            make_event(2, title=99),
            make_event(3, profile_id="cat"),
            make_event(4, action=PlaybackAction.PLAY),
            make_event(1),
        ]
    ) == [
        Recorded.DUPLICATE,
        Recorded.NEW,
        Recorded.UNKNOWN_CONTENT,
        Recorded.UNKNOWN_PROFILE,
        Recorded.NEW,
        Recorded.DUPLICATE,
    ]
    assert [e.event.event_id for e in events.all_events()] == ["e0", "e1"]
    assert Interactions(database).count() == 1
    assert events.record_all([]) == []


def test_many_are_stored_together_or_not_at_all(
    events: Events, database: Database, make_event: MakeEvent
) -> None:
    broken = make_event(2, watch_seconds=86_401)
    with pytest.raises(sqlite3.IntegrityError):
        events.record_all([make_event(1), broken])
    assert events.count() == 0
    commits = []
    database.before_commit(lambda _connection: commits.append(1))
    events.record_all([make_event(number) for number in range(20)])
    assert (events.count(), commits) == (20, [1])


def test_learning_goes_on_from_where_it_stopped(events: Events, make_event: MakeEvent) -> None:
    arrivals = random.sample(range(30), 30)
    events.record_all([make_event(number) for number in arrivals])
    mark, learnt = 0, []
    while step := events.since(mark, 7):
        learnt += [int(entry.event.event_id[1:]) for entry in step]
        mark = step[-1].seq
    assert learnt == arrivals
    events.record(make_event(30))
    assert [entry.event.event_id for entry in events.since(mark, 7)] == ["e30"]


@pytest.mark.parametrize("profile_id", ["", "kid", "cat"])
def test_the_last_viewing_of_each_title_is_that_of_the_whole_history(
    events: Events, profiles: Profiles, make_event: MakeEvent, profile_id: str
) -> None:
    profiles.put(Profile("kid", "Kid"))
    profiles.put(Profile("cat", "Cat"))
    assert events.last_by_title(profile_id) == {}
    events.record_all(
        [
            make_event(
                number,
                title=1 + number * 5 % 7,
                profile_id=("", "kid")[number // 3 % 2],
                occurred_at=make_event(number * 7 % 5).occurred_at,
            )
            for number in range(60)
        ]
    )
    history = [e for e in events.all_events() if profile_id in {"", e.event.profile_id}]
    assert events.all_events(profile_id) == history
    assert events.last_by_title(profile_id) == {e.content_rowid: e for e in history}


def test_an_unknown_title_is_refused(events: Events, make_event: MakeEvent) -> None:
    with pytest.raises(OmegaError) as refused:
        events.record(make_event(1, title=99))
    assert (refused.value.code, refused.value.field) == (ErrorCode.UNKNOWN_CONTENT, "content_id")
    assert events.count() == 0


def test_events_are_in_order_of_time_then_arrival(events: Events, make_event: MakeEvent) -> None:
    numbers = list(range(12))
    random.shuffle(numbers)
    for number in numbers:
        events.record(replace(make_event(number), occurred_at=make_event(number // 3).occurred_at))
    expected = sorted(numbers, key=lambda n: (n // 3, numbers.index(n)))
    order = [int(entry.event.event_id[1:]) for entry in events.all_events()]
    assert order == expected
    assert [int(e.event.event_id[1:]) for e in events.recent(5)] == expected[::-1][:5]
    assert events.count() == 12


def test_the_reward_is_kept_beside_the_event(
    events: Events, database: Database, make_event: MakeEvent
) -> None:
    events.record(make_event(1, watched=0.8))
    with database.read() as connection:
        assert connection.execute("SELECT reward FROM events").fetchone()[0] == pytest.approx(0.71)


def test_the_table_itself_refuses_to_change_an_event(
    events: Events, database: Database, make_event: MakeEvent
) -> None:
    events.record(make_event(1))
    with database.read() as connection, pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute("UPDATE events SET watch_percentage = 0")
