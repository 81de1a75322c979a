"""Events are stored once, in order, and never changed."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_persistence import Database, Events

MakeEvent = Callable[..., ViewingEvent]
pytestmark = pytest.mark.usefixtures("contents")


@pytest.fixture
def events(database: Database) -> Events:
    return Events(database)


def test_an_event_comes_back_as_it_was(events: Events, make_event: MakeEvent) -> None:
    east = timezone(timedelta(hours=9))
    event = replace(
        make_event(1, title=3, watched=0.123456789),
        occurred_at=datetime(2026, 2, 3, 4, 5, 6, 789_012, tzinfo=east),
        session_id="s-1",
        recommendation_id="r-1",
        context=ViewingContext(3, 2, 4),
    )
    assert events.record(event)
    stored = events.get("e1")
    assert stored is not None
    assert stored.event == event
    assert stored.event.occurred_at.tzinfo is UTC
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
