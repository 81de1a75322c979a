"""Damage is found at the next start, the backup put in its place, and the loss stated."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence import Contents, Database, Events, Meta, StoredContent, mark

MakeEvent = Callable[..., ViewingEvent]
MakeTitle = Callable[..., StoredContent]
BACKED_UP, LATER = 30, 7


@pytest.fixture
def household(path: Path, clock: ManualClock, make_title: MakeTitle, make_event: MakeEvent) -> Path:
    """A closed database with a backup of 30 events and 7 more since; its directory."""
    database = Database.open(path, clock=clock)
    Contents(database).upsert([make_title(number) for number in range(40)])
    events = Events(database)
    for number in range(BACKED_UP):
        events.record(make_event(number, title=number))
    database.backup()
    clock.advance(timedelta(hours=1))
    for number in range(LATER):
        events.record(make_event(BACKED_UP + number))
    database.close()
    return path.parent


@contextmanager
def opened(path: Path, clock: ManualClock) -> Iterator[tuple[Database, int]]:
    """The database and its number of events."""
    database = Database.open(path, clock=clock)
    try:
        yield database, Events(database).count()
    finally:
        database.close()


@contextmanager
def copied(household: Path) -> Iterator[Path]:
    """A copy to damage: function-scoped fixtures are shared between examples."""
    copy = household.with_name("copy")
    shutil.copytree(household, copy)
    try:
        yield copy / "omega.db"
    finally:
        shutil.rmtree(copy)


SHARED = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SHARED
@given(share=st.floats(0, 0.9999))
def test_a_truncated_database_is_found_and_the_backup_restored(
    household: Path, clock: ManualClock, share: float
) -> None:
    with copied(household) as path:
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.truncate(int(size * share))
        with opened(path, clock) as (database, events):
            assert events == BACKED_UP
            damaged, restored = database.recovery_notes
        assert "damaged" in damaged
        assert "2026-03-01T20:15:00Z" in restored
        assert f"{BACKED_UP} viewing events" in restored
        assert f"missing: up to {LATER} viewing events, in {LATER} transactions" in restored
        assert len(list(path.parent.glob("omega.db.damaged-*"))) == 1
        with opened(path, clock) as (database, events):
            assert (database.recovery_notes, events) == ([], BACKED_UP)


@SHARED
@given(data=st.data())
def test_flipped_bytes_are_found_or_leave_a_database_that_works(
    household: Path, clock: ManualClock, data: st.DataObject, make_event: MakeEvent
) -> None:
    with copied(household) as path:
        content = bytearray(path.read_bytes())
        places = st.integers(0, len(content) - 1) | st.integers(0, 8_191)
        for place in data.draw(st.lists(places, min_size=1, max_size=20)):
            content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with opened(path, clock) as (database, events):
            assert events == (BACKED_UP if database.recovery_notes else BACKED_UP + LATER)
            assert len(Events(database).all_events()) == events
            assert Events(database).record(make_event(1_000))
            database.backup()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\0" * 50_000, "not a database"),
        (b"SQLite format 3\0", "header"),
        (b"#!/bin/sh\n" * 900, "not a database"),
    ],
)
def test_a_file_that_is_no_database_is_replaced_by_the_backup(
    household: Path, path: Path, clock: ManualClock, content: bytes, reason: str
) -> None:
    path.write_bytes(content)
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP
        assert reason in database.recovery_notes[0]
    (aside,) = household.glob("omega.db.damaged-*")
    assert aside.read_bytes() == content


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE contents SET genres = '[' WHERE content_id = 'c7'",
        "UPDATE contents SET providers = '[[1]]' WHERE content_id = 'c7'",
        "UPDATE contents SET kind = 77 WHERE content_id = 'c7'",
        "UPDATE contents SET title = CAST(x'41ff42' AS TEXT) WHERE content_id = 'c7'",
        "UPDATE contents SET embedding = zeroblob(768) WHERE content_id = 'c7'",
        "UPDATE contents SET embedding = CAST(x'007e' || zeroblob(766) AS BLOB)",
        "UPDATE meta SET value = 'x' WHERE key = 'schema_version'",
        "UPDATE meta SET value = 'yesterday' WHERE key = 'opened_at'",
        "DELETE FROM meta WHERE key = 'lineage'",
        "PRAGMA user_version = 77",
        "PRAGMA application_id = 77",
        "DROP INDEX events_by_time",
        "ALTER TABLE contents RENAME COLUMN title TO tjtle",
    ],
)
@pytest.mark.usefixtures("household")
def test_what_was_never_written_is_damage(path: Path, clock: ManualClock, damage: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(damage)
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP
        assert len(database.recovery_notes) == 2


@pytest.mark.usefixtures("household")
def test_what_is_missing_after_a_kill_is_counted_to_the_last_event(
    path: Path, clock: ManualClock, make_event: MakeEvent, make_title: MakeTitle
) -> None:
    def work(running: Database) -> None:
        record(running, map(make_event, range(100, 105)))
        Contents(running).upsert([make_title(number) for number in range(40, 43)])

    clock.advance(timedelta(minutes=30))
    kill(path, clock, work)
    path.write_bytes(path.read_bytes()[:9_000])
    path.with_name("omega.db-wal").unlink()
    clock.advance(timedelta(days=1))
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP
        assert database.recovery_notes[1].endswith(
            "What was stored after that instant, until 2026-03-01T21:45:00Z, is missing: "
            "up to 12 viewing events, up to 3 titles, in 13 transactions."
        )


@pytest.mark.usefixtures("household")
def test_a_power_cut_is_said_to_have_taken_what_was_not_counted(
    path: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    kill(path, clock, lambda running: record(running, [make_event(100)]))
    path.write_bytes(b"")
    rewrite_mark(path, boot="another start of the machine")
    with opened(path, clock) as (database, _):
        assert (
            "up to 8 viewing events, in 8 transactions; not counted is"
            in (database.recovery_notes[1])
        )


@pytest.mark.usefixtures("household")
def test_a_mark_of_another_history_counts_nothing(path: Path, clock: ManualClock) -> None:
    path.write_bytes(b"")
    rewrite_mark(path, lineage="of another database")
    with opened(path, clock) as (database, _):
        assert "until 2026-03-01T21:15:00Z, is missing; how many" in database.recovery_notes[1]


@pytest.mark.usefixtures("household")
@pytest.mark.parametrize("content", [b"", b"00000000 {}", b"\xff" * 3_000])
def test_a_mark_that_cannot_be_read_counts_nothing(
    path: Path, clock: ManualClock, content: bytes
) -> None:
    path.write_bytes(b"")
    path.with_name("omega.db.mark").write_bytes(content)
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP
        assert "is not known" in database.recovery_notes[1]


def test_nothing_is_missing_when_nothing_was_written_since_the_backup(
    path: Path, clock: ManualClock, make_title: MakeTitle
) -> None:
    with opened(path, clock) as (database, _):
        Contents(database).upsert([make_title(1)])
        database.backup()
    path.write_bytes(b"")
    with opened(path, clock) as (database, _):
        assert "Nothing had been stored after that instant." in database.recovery_notes[1]
        assert Contents(database).count() == 1


def rewrite_mark(path: Path, **changes: str) -> None:
    file = path.with_name("omega.db.mark")
    count = mark._parse(file.read_bytes())
    assert count is not None
    file.write_bytes(mark._packed(replace(count, **changes)))  # type: ignore[arg-type]  # texts only


@pytest.mark.usefixtures("household")
def test_a_header_that_asks_for_billions_of_pages_is_found_at_once(
    path: Path, clock: ManualClock
) -> None:
    content = bytearray(path.read_bytes())
    content[28:32] = b"\xff" * 4
    path.write_bytes(content)
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP
        assert "4,294,967," in database.recovery_notes[0]


@pytest.mark.usefixtures("household")
def test_a_database_that_is_gone_is_restored(path: Path, clock: ManualClock) -> None:
    path.unlink()
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP
        assert "gone" in database.recovery_notes[0]


@pytest.mark.usefixtures("household")
def test_a_restored_database_begins_a_new_lineage(path: Path, clock: ManualClock) -> None:
    with opened(path, clock) as (database, _):
        before = database.lineage
    path.write_bytes(b"")
    with opened(path, clock) as (database, _):
        assert database.lineage != before


def test_without_a_backup_it_starts_empty_and_says_so(
    household: Path, path: Path, clock: ManualClock
) -> None:
    (household / "omega.db.backup").unlink()
    path.write_bytes(path.read_bytes()[:5_000])
    with opened(path, clock) as (database, events):
        assert events == 0
        assert "no backup" in database.recovery_notes[1]
        assert f"up to {BACKED_UP + LATER} viewing events" in database.recovery_notes[1]


def test_a_damaged_backup_is_not_restored(household: Path, path: Path, clock: ManualClock) -> None:
    backup = household / "omega.db.backup"
    backup.write_bytes(backup.read_bytes()[:20_000])
    path.write_bytes(b"")
    with opened(path, clock) as (database, events):
        assert events == 0
        assert "backup is damaged too" in database.recovery_notes[1]


def test_damaged_files_do_not_pile_up(household: Path, path: Path, clock: ManualClock) -> None:
    for _ in range(4):
        clock.advance(timedelta(minutes=1))
        path.write_bytes(b"damaged")
        with opened(path, clock) as (_, events):
            assert events == BACKED_UP
    assert len(list(household.glob("omega.db.damaged-*"))) == 2


def kill(path: Path, clock: ManualClock, work: Callable[[Database], object]) -> None:
    """Leaves files as they are in the middle of a run."""
    database = Database.open(path, clock=clock)
    work(database)
    snapshot = path.parent.with_name("killed")
    shutil.copytree(path.parent, snapshot)
    database.close()
    shutil.rmtree(path.parent)
    snapshot.rename(path.parent)


@SHARED
@given(share=st.floats(0, 0.9999))
def test_a_database_truncated_after_a_kill_is_restored_unless_its_log_fills_the_gap(
    household: Path, clock: ManualClock, share: float, make_event: MakeEvent
) -> None:
    with copied(household) as path:
        kill(path, clock, lambda running: Events(running).record(make_event(1_000)))
        with path.open("r+b") as file:
            file.truncate(int(path.stat().st_size * share))
        with opened(path, clock) as (database, events):
            assert events == (BACKED_UP if database.recovery_notes else BACKED_UP + LATER + 1)
            assert len(list(Contents(database).all_rows())) == 40


@pytest.mark.usefixtures("household")
def test_a_log_that_is_gone_after_a_kill_is_stated(
    path: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    with opened(path, clock) as (database, _):
        lineage = database.lineage
    kill(path, clock, lambda running: Events(running).record(make_event(1_000)))
    path.with_name("omega.db-wal").unlink()
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP + LATER
        (note,) = database.recovery_notes
        assert "write-ahead log is gone" in note
        assert database.lineage != lineage


@pytest.mark.usefixtures("household")
@pytest.mark.parametrize("place", [5, 17, 60, 8_000], ids=["header", "salt", "frame", "middle"])
def test_a_log_damaged_after_a_kill_is_stated(
    path: Path, clock: ManualClock, make_event: MakeEvent, place: int
) -> None:
    kill(path, clock, lambda running: record(running, map(make_event, range(100, 120))))
    log = path.with_name("omega.db-wal")
    content = bytearray(log.read_bytes())
    content[place] ^= 1
    log.write_bytes(content)
    with opened(path, clock) as (database, events):
        assert BACKED_UP + LATER <= events < BACKED_UP + LATER + 20
        assert "write-ahead log" in database.recovery_notes[0]
        assert "missing" in database.recovery_notes[0]


@pytest.mark.usefixtures("household")
def test_a_last_transaction_that_was_not_wholly_written_is_an_ordinary_kill(
    path: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    mark, told = path.with_name("omega.db.mark"), []

    def work(running: Database) -> None:
        record(running, map(make_event, range(100, 119)))
        told.append(mark.read_bytes())
        record(running, [make_event(119)])

    kill(path, clock, work)
    log = path.with_name("omega.db-wal")
    log.write_bytes(log.read_bytes()[:-10] + bytes(10))
    # The mark is written behind the transaction: of this one it could not tell yet.
    mark.write_bytes(told[0])
    with opened(path, clock) as (database, events):
        assert (database.recovery_notes, events) == ([], BACKED_UP + LATER + 19)


@pytest.mark.usefixtures("household")
def test_a_last_transaction_that_was_acknowledged_and_is_damaged_is_told(
    path: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    kill(path, clock, lambda running: record(running, map(make_event, range(100, 120))))
    log = path.with_name("omega.db-wal")
    log.write_bytes(log.read_bytes()[:-10] + bytes(10))
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP + LATER + 19
        (note,) = database.recovery_notes
        assert "up to 1 viewing events" in note


def record(database: Database, events: Iterable[ViewingEvent]) -> None:
    for event in events:
        assert Events(database).record(event)


def test_a_row_that_lost_its_last_bytes_is_found(
    household: Path, path: Path, clock: ManualClock
) -> None:
    with opened(path, clock) as (database, _):
        Meta(database).set("a long row, last in the file", "x" * 50_000)
    path.write_bytes(path.read_bytes()[:-3_000])
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP
        assert "cut short" in database.recovery_notes[0]
    assert list(household.glob("omega.db.damaged-*"))


@pytest.mark.usefixtures("household")
def test_a_backup_that_is_ahead_of_a_database_without_its_log_is_restored(
    path: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    def work(running: Database) -> None:
        Events(running).record(make_event(1_000))
        running.backup()

    kill(path, clock, work)
    path.with_name("omega.db-wal").unlink()
    with opened(path, clock) as (database, events):
        assert events == BACKED_UP + LATER + 1
        assert "write-ahead log is gone" in database.recovery_notes[0]


@pytest.mark.usefixtures("household")
def test_a_log_that_is_there_after_a_kill_is_read_without_a_word(
    path: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    def work(running: Database) -> None:
        record(running, [make_event(1_000)])
        Meta(running).set("new pages, which are in the log only", "x" * 50_000)

    kill(path, clock, work)
    with opened(path, clock) as (database, events):
        assert (events, database.recovery_notes) == (BACKED_UP + LATER + 1, [])


@pytest.mark.usefixtures("household")
def test_a_start_in_the_second_of_the_last_one_leaves_a_log_too(
    path: Path, clock: ManualClock
) -> None:
    with opened(path, clock):
        pass
    kill(path, clock, lambda _running: None)
    with opened(path, clock) as (database, events):
        assert (events, database.recovery_notes) == (BACKED_UP + LATER, [])


def test_a_database_of_another_program_is_refused_and_left_alone(
    path: Path, clock: ManualClock
) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE notes (text)")
        other.commit()
    before = path.read_bytes()
    with pytest.raises(OmegaError, match="another program") as refused:
        Database.open(path, clock=clock)
    assert refused.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert path.read_bytes() == before
