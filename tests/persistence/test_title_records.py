"""Events leave for records of their titles: moved, never copied, and nothing of them is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core.clock import ManualClock
from omega_core.profile import Profile
from omega_core.records import fold_event, merge
from omega_core.viewing import TitleRecord, Verdict, ViewingContext, ViewingEvent
from omega_persistence import Database, Events, Profiles, TitleRecords

MakeEvent = Callable[..., ViewingEvent]
pytestmark = pytest.mark.usefixtures("contents")
DAY = timedelta(days=1)
Key = tuple[str, str]


@pytest.fixture
def events(database: Database) -> Events:
    Profiles(database).put(Profile("kid", "Kid"))
    return Events(database)


@pytest.fixture
def records(database: Database) -> TitleRecords:
    return TitleRecords(database)


def by_key(records: Iterable[TitleRecord]) -> dict[Key, TitleRecord]:
    found: dict[Key, TitleRecord] = {}
    for record in records:
        key = (record.profile_id, record.content_id)
        found[key] = merge(found[key], record) if key in found else record
    return found


def history(events: Events, records: TitleRecords) -> dict[Key, TitleRecord]:
    """Records and events together, as ranking reads them."""
    kept = [fold_event(None, entry.event, entry.seq) for entry in events.all_events()]
    return by_key([*records.all_records(), *kept])


STEP = st.one_of(
    st.tuples(st.just("watch"), st.integers(0, 4), st.integers(0, 9)),
    st.tuples(st.just("fold"), st.integers(0, 5), st.integers(0, 4)),
    st.tuples(st.just("capacity"), st.integers(0, 5), st.integers(0, 6)),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, max_size=30))
def test_a_history_is_the_same_however_much_of_it_is_folded(
    database: Database,
    clock: ManualClock,
    events: Events,
    records: TitleRecords,
    make_event: MakeEvent,
    steps: list[tuple[str, int, int]],
) -> None:
    """One database sees all examples, so that records of many folds are merged."""
    before = history(events, records)
    seen = events.count() + records.viewings()
    for step, a, b in steps:
        if step == "watch":
            seen += 1
            event = make_event(
                seen,
                title=a,
                watched=b / 9,
                occurred_at=clock.now() - b * DAY,
                profile_id=("", "kid")[b % 2],
                verdict=Verdict((a + b) % 3),
                context=ViewingContext(a, mood=b % 5),
            )
            events.record(event)
            stored = events.get(event.event_id)
            assert stored is not None
            key = (event.profile_id, event.content_id)
            before[key] = fold_event(before.get(key), event, stored.seq)
            clock.advance(DAY)
        elif step == "fold":
            old = [e for e in events.all_events() if e.recorded_at < clock.now() - a * DAY]
            assert records.fold(clock.now() - a * DAY, b) == min(len(old), b)
        else:
            surplus = max(events.count() - a, 0)
            assert records.capacity(a, b) == min(surplus, b)
        assert history(events, records) == before
        assert events.count() + records.viewings() == seen
    with database.read() as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_fold_takes_what_arrived_first_whenever_it_happened(
    clock: ManualClock, events: Events, records: TitleRecords, make_event: MakeEvent
) -> None:
    for number in range(6):
        events.record(make_event(100 - number, title=number))
        clock.advance(DAY)
    assert records.fold(clock.now() - 3 * DAY, 2) == 2
    assert [e.event.content_id for e in events.since(0, 10)] == ["c2", "c3", "c4", "c5"]
    assert records.fold(clock.now() - 3 * DAY, 2) == 1
    assert records.fold(clock.now() - 3 * DAY, 2) == 0
    assert [e.event.content_id for e in events.since(0, 10)] == ["c3", "c4", "c5"]
    assert [record.content_id for record in records.all_records()] == ["c0", "c1", "c2"]


def test_a_full_table_gives_up_what_arrived_first(
    clock: ManualClock, events: Events, records: TitleRecords, make_event: MakeEvent
) -> None:
    for number in range(6):
        events.record(make_event(100 - number, title=number))
        # A clock that is set back does not change the order of arrival.
        clock.advance(-DAY)
    assert [records.capacity(2, 3) for _ in range(3)] == [3, 1, 0]
    assert [e.event.content_id for e in events.since(0, 10)] == ["c4", "c5"]


def test_what_is_still_to_be_learnt_from_stays(
    clock: ManualClock, events: Events, records: TitleRecords, make_event: MakeEvent
) -> None:
    events.record_all([make_event(number) for number in range(6)])
    clock.advance(DAY)
    mark = events.since(0, 3)[-1].seq
    assert records.fold(clock.now(), 2, learnt_to=mark) == 2
    assert records.capacity(0, 9, learnt_to=mark) == 1
    assert records.fold(clock.now(), 9, learnt_to=mark) == 0
    assert [e.event.event_id for e in events.since(0, 10)] == ["e3", "e4", "e5"]


def test_an_id_is_known_until_its_event_is_folded(
    clock: ManualClock, events: Events, records: TitleRecords, make_event: MakeEvent
) -> None:
    events.record(make_event(1))
    clock.advance(30 * DAY)
    assert not events.record(make_event(1))
    records.fold(clock.now(), 10)
    assert events.record(make_event(1))
    assert (events.count(), records.viewings()) == (1, 1)


def test_records_are_read_by_profile(
    events: Events, records: TitleRecords, make_event: MakeEvent
) -> None:
    for number in range(6):
        events.record(make_event(number, title=number % 3, profile_id=("", "kid")[number % 2]))
    records.capacity(0, 10)
    assert [r.content_id for r in records.all_records("kid")] == ["c0", "c1", "c2"]
    assert {r.profile_id for r in records.all_records("kid")} == {"kid"}
    assert len(records.all_records()) == 6
    assert records.all_records("cat") == []
