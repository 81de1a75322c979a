"""A disk without room refuses clearly and costs nothing that was acknowledged."""

from __future__ import annotations

import itertools
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence import (
    Contents,
    Database,
    Events,
    Recommendations,
    StoredContent,
    TitleRecords,
    personal,
)
from omega_persistence.capacity import enforce, storage_bytes
from omega_persistence.erasure import erase_household
from omega_persistence.restoring import restore
from omega_testing.household_traces import plant, stock

NO_ROOM = {ErrorCode.STORAGE_FULL, ErrorCode.STORAGE_UNAVAILABLE}
REQUEST = "3f2c1de4-0000-4000-8000-000000000004"
WRITER = Path(__file__).with_name("event_writer.py")
MakeEvent = Callable[..., ViewingEvent]
MakeTitle = Callable[..., StoredContent]


def limit_pages(database: Database, extra: int) -> None:
    with database.read() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + extra}")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes, as on a disk without room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def empty_log(database: Database) -> None:
    with database.read() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def fill(events: Events, make_event: MakeEvent) -> list[str]:
    """Stores events until there is no room; returns the acknowledged ids."""
    stored: list[str] = []

    def go_on() -> None:
        for number in itertools.count():
            events.record(make_event(number))
            stored.append(f"e{number}")

    with pytest.raises(OmegaError) as refused:
        go_on()
    assert refused.value.code is ErrorCode.STORAGE_FULL
    return stored


@pytest.mark.usefixtures("contents")
def test_a_full_disk_keeps_what_it_acknowledged_and_goes_on_when_there_is_room(
    database: Database, path: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    events = Events(database)
    limit_pages(database, 3)
    stored = fill(events, make_event)
    assert stored
    assert [entry.event.event_id for entry in events.all_events()] == stored
    assert events.record(make_event(0)) is False  # a repeated event needs no room
    limit_pages(database, 1_000)
    assert events.record(make_event(1_000))
    database.close()
    again = Database.open(path, clock=clock)
    assert (again.recovery_notes, Events(again).count()) == ([], len(stored) + 1)
    again.close()


def test_an_upsert_without_room_stores_none_of_its_titles(
    database: Database, contents: Contents, make_title: MakeTitle
) -> None:
    limit_pages(database, 4)
    before = list(contents.all_rows())
    changed = [make_title(number, title="Changed") for number in range(200)]
    with pytest.raises(OmegaError) as refused:
        contents.upsert(changed)
    assert refused.value.code is ErrorCode.STORAGE_FULL
    assert list(contents.all_rows()) == before


@pytest.mark.usefixtures("contents")
def test_lists_that_wait_do_not_stand_in_the_way_of_an_event_for_ever(
    database: Database, make_event: MakeEvent, clock: ManualClock
) -> None:
    served = Recommendations(database)
    limit_pages(database, 2)
    for number in range(500):
        served.log_recommendation(f"r{number}", clock.now(), [f"c{i}" for i in range(100)])
    events = Events(database)
    with pytest.raises(OmegaError):
        events.record(make_event(1))
    assert events.record(make_event(1))
    assert served.get("r0") is None


def test_a_file_that_may_not_grow_refuses_and_keeps_what_it_acknowledged(
    path: Path, clock: ManualClock
) -> None:
    largest = 500_000
    writer = subprocess.run(
        [sys.executable, str(WRITER), str(path), "e", str(largest)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=50,
    )
    *stored, code = writer.stdout.split()
    assert (writer.returncode, code) == (3, ErrorCode.STORAGE_UNAVAILABLE)
    assert stored
    database = Database.open(path, clock=clock)
    assert database.recovery_notes == []
    assert {entry.event.event_id for entry in Events(database).all_events()} == set(stored)
    database.close()


def test_a_backup_without_room_leaves_the_last_one(
    database: Database, contents: Contents, make_title: MakeTitle
) -> None:
    database.backup()
    before = database.backup_path.read_bytes()
    contents.upsert([make_title(number) for number in range(10, 200)])
    with largest_file(100_000), pytest.raises(OmegaError) as refused:
        database.backup()
    assert refused.value.code in NO_ROOM
    assert database.backup_path.read_bytes() == before
    assert not list(database.path.parent.glob("*.new*"))
    database.backup()
    assert database.backup_path.stat().st_size > len(before)


def test_an_erasure_that_cannot_delete_leaves_the_household_and_its_backup_to_come(
    database: Database, path: Path, clock: ManualClock
) -> None:
    stock(database)
    plant(database)
    database.backup()
    with database.read() as connection:
        before = personal.count(connection)
    with largest_file(100_000), pytest.raises(OmegaError) as refused:
        erase_household(database, REQUEST)
    assert refused.value.code in NO_ROOM
    with database.read() as connection:
        assert personal.count(connection) == before
    database.backup()
    database.close()
    path.write_bytes(b"damaged")
    again = Database.open(path, clock=clock)
    with again.read() as connection:
        assert personal.count(connection) == before
    again.close()


@pytest.mark.usefixtures("contents")
def test_an_erasure_that_deleted_nothing_gives_the_household_its_backup_back(
    database: Database, make_event: MakeEvent
) -> None:
    assert Events(database).record(make_event(1))
    database.backup()
    rooms = iter([False])

    def rider(_connection: sqlite3.Connection) -> None:
        if not next(rooms, True):
            raise OmegaError(ErrorCode.STORAGE_FULL)

    database.before_commit(rider)
    with pytest.raises(OmegaError):
        erase_household(database, REQUEST)
    assert Events(database).count() == 1
    assert database.backup_path.exists()
    assert erase_household(database, REQUEST).rows == 1


@pytest.mark.parametrize("by", ["the next call", "the next start"])
def test_an_erasure_without_room_for_the_new_file_is_finished_when_there_is(
    database: Database,
    path: Path,
    clock: ManualClock,
    contents: Contents,
    by: str,
    make_title: MakeTitle,
    make_event: MakeEvent,
) -> None:
    contents.upsert([make_title(number) for number in range(600)])
    assert Events(database).record(make_event(123_456_789))
    database.backup()
    empty_log(database)
    with largest_file(400_000):
        with pytest.raises(OmegaError) as refused:
            erase_household(database, REQUEST)
        assert refused.value.code in NO_ROOM
        assert Events(database).count() == 0
        database.close()
        # Nothing is served before it is finished.
        with pytest.raises(OmegaError):
            Database.open(path, clock=clock)
    again = Database.open(path, clock=clock)
    assert again.recovery_notes == []
    if by == "the next call":
        assert erase_household(again, REQUEST).rows == 1
    assert contents_of(path).count(b"e123456789") == 0
    assert Contents(again).count() == 600
    assert again.backup_path.exists()
    again.close()


def contents_of(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.usefixtures("contents")
def test_room_is_made_on_a_full_disk_and_nothing_acknowledged_is_lost(
    database: Database, clock: ManualClock, make_event: MakeEvent
) -> None:
    events = Events(database)
    limit_pages(database, 6)
    stored = fill(events, make_event)
    clock.advance(timedelta(hours=1))
    empty_log(database)
    freed = enforce(database, storage_bytes(database) - 8_192, clock.now(), 500)
    assert freed.rows["events"]
    assert events.record(make_event(100_000))
    assert events.count() + TitleRecords(database).viewings() == len(stored) + 1


@pytest.mark.usefixtures("contents")
def test_without_room_even_for_making_room_nothing_is_lost(
    database: Database, clock: ManualClock, make_event: MakeEvent
) -> None:
    events = Events(database)
    for number in range(200):
        events.record(make_event(number))
    clock.advance(timedelta(hours=1))
    with largest_file(4_096), pytest.raises(OmegaError) as refused:
        enforce(database, 1, clock.now(), 500)
    assert refused.value.code in NO_ROOM
    assert events.count() + TitleRecords(database).viewings() == 200
    assert events.record(make_event(1_000))


@pytest.mark.usefixtures("contents")
def test_a_restore_without_room_leaves_the_database(
    database: Database, path: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    database.backup()
    assert Events(database).record(make_event(1))
    database.close()
    before = contents_of(path)
    with largest_file(50_000), pytest.raises(OmegaError) as refused:
        restore(path.with_name("omega.db.backup"), path, clock=clock)
    assert refused.value.code in NO_ROOM
    assert contents_of(path) == before


@pytest.mark.usefixtures("contents")
def test_a_file_is_written_anew_or_stays(database: Database, make_event: MakeEvent) -> None:
    assert Events(database).record(make_event(1))
    with largest_file(50_000), pytest.raises(OmegaError) as refused:
        database.rewrite()
    assert refused.value.code in NO_ROOM
    assert Events(database).record(make_event(2))
    database.rewrite()
    assert Events(database).count() == 2
