"""A backup shows one instant, whole, while writers go on."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence import Contents, Database, Events, StoredContent, backups

MakeEvent = Callable[..., ViewingEvent]
MakeTitle = Callable[..., StoredContent]


def counted(backup: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        titles = connection.execute("SELECT count(*) FROM contents").fetchone()[0]
        events = connection.execute("SELECT count(*) FROM events").fetchone()[0]
        return titles, events


def test_a_backup_is_one_file_that_stands_alone(
    database: Database, contents: Contents, path: Path, tmp_path: Path
) -> None:
    assert contents.count() == 10
    database.backup()
    names = {file.name for file in path.parent.iterdir()}
    beside = ("-wal", "-shm", ".lock", ".mark", ".backup")
    assert names == {"omega.db", *("omega.db" + suffix for suffix in beside)}
    alone = tmp_path / "alone.db"
    database.backup_path.rename(alone)
    assert counted(alone) == (10, 0)
    assert alone.read_bytes()[18:20] == b"\x01\x01"  # SQLite's mark of a file without a log


def test_backups_taken_while_events_arrive_are_whole(
    database: Database, contents: Contents, make_event: MakeEvent, make_title: MakeTitle
) -> None:
    contents.upsert([make_title(number) for number in range(300)])
    events, stop = Events(database), threading.Event()
    stored = 0

    def write() -> None:
        nonlocal stored
        while not stop.is_set():
            events.record(make_event(stored))
            stored += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(4):
            least = stored
            database.backup()
            titles, saved = counted(database.backup_path)
            assert titles == 300
            assert least <= saved <= stored + 1
    finally:
        stop.set()
        writer.join()
    assert events.count() == stored


def test_a_backup_can_lie_elsewhere(tmp_path: Path, clock: ManualClock) -> None:
    elsewhere = tmp_path / "other" / "copy.db"
    path = tmp_path / "tv" / "omega.db"
    database = Database.open(path, backup_path=elsewhere, clock=clock)
    lineage = database.lineage
    database.backup()
    database.close()
    path.unlink()
    again = Database.open(path, backup_path=elsewhere, clock=clock)
    assert "was restored" in again.recovery_notes[1]
    assert again.lineage != lineage
    again.close()


def test_the_newest_backup_is_the_one_restored(
    database: Database, path: Path, clock: ManualClock, make_title: MakeTitle
) -> None:
    database.backup()
    clock.advance(timedelta(days=1))
    Contents(database).upsert([make_title(1)])
    database.backup()
    database.close()
    path.write_bytes(b"")
    again = Database.open(path, clock=clock)
    assert Contents(again).count() == 1
    assert "2026-03-02T20:15:00Z" in again.recovery_notes[1]
    again.close()


def test_a_database_that_rotted_while_open_does_not_replace_its_backup(
    database: Database, contents: Contents
) -> None:
    database.backup()
    before = database.backup_path.read_bytes()
    assert contents.count() == 10
    with database.transaction() as connection:
        connection.execute("UPDATE contents SET genres = '[' WHERE content_id = 'c3'")
    with pytest.raises(OmegaError, match="contents cannot be read"):
        database.backup()
    assert database.backup_path.read_bytes() == before


def test_what_has_not_changed_is_not_copied_again(
    database: Database, contents: Contents, make_event: MakeEvent, clock: ManualClock
) -> None:
    assert database.backup()
    before = database.backup_path.stat()
    clock.advance(timedelta(hours=1))
    assert not database.backup()
    after = database.backup_path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert Events(database).record(make_event(1))
    assert database.backup()
    assert counted(database.backup_path) == (contents.count(), 1)
    assert not Events(database).record(make_event(1))
    assert not database.backup()


@pytest.mark.parametrize("damage", ["gone", "cut short", "rotten", "a row"])
@pytest.mark.usefixtures("contents")
def test_a_copy_that_is_no_longer_whole_is_made_again(database: Database, damage: str) -> None:
    database.backup()
    backup = database.backup_path
    whole = backup.read_bytes()
    if damage == "gone":
        backup.unlink()
    elif damage == "cut short":
        backup.write_bytes(whole[: len(whole) // 2])
    elif damage == "rotten":
        backup.write_bytes(whole[:8_192] + b"\xff" * 4_096 + whole[12_288:])
    else:
        with closing(sqlite3.connect(backup)) as connection:
            connection.execute("UPDATE contents SET genres = '[' WHERE content_id = 'c3'")
            connection.commit()
    assert database.backup()
    assert counted(backup) == (10, 0)


def test_a_restart_copies_once(database: Database, path: Path, clock: ManualClock) -> None:
    database.backup()
    database.close()
    again = Database.open(path, clock=clock)
    assert again.backup()
    assert not again.backup()
    again.close()


def test_a_backup_inside_a_transaction_is_a_mistake(database: Database) -> None:
    with database.transaction(), pytest.raises(RuntimeError, match="still open"):
        database.backup()
    with database.transaction(), pytest.raises(RuntimeError, match="still open"):
        database.rewrite()
    assert database.backup()


def test_writers_do_not_wait_for_a_copy(
    database: Database, contents: Contents, make_event: MakeEvent
) -> None:
    """A copy begins with the state at its call, whatever is stored before it is read."""
    source = backups.begin_snapshot(database.path)
    assert Events(database).record(make_event(1))
    with closing(source):
        backups.write(source, database.backup_path, "2026-03-01T20:15:00Z", 1)
    assert counted(database.backup_path) == (contents.count(), 0)


def test_a_file_written_anew_holds_the_same_rows_and_goes_on(
    database: Database, contents: Contents, make_event: MakeEvent, path: Path, clock: ManualClock
) -> None:
    events = Events(database)
    for number in range(50):
        events.record(make_event(number, title=number % 10))
    before = (list(contents.all_rows()), events.all_events(), database.lineage)
    database.rewrite()
    assert (list(contents.all_rows()), events.all_events(), database.lineage) == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert events.record(make_event(1_000))
    assert events.since(50, 10)[0].seq == 51
    database.close()
    again = Database.open(path, clock=clock)
    assert (again.recovery_notes, Events(again).count()) == ([], 51)
    again.close()
