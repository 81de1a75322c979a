"""A backup is put in place by hand: offline, checked first, and with a history of its own."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence import Contents, Database, Events, Meta, StoredContent, migrate
from omega_persistence.erasure import erase_household
from omega_persistence.migrate import Migration
from omega_persistence.restoring import Restored, restore

MakeEvent = Callable[..., ViewingEvent]
MakeTitle = Callable[..., StoredContent]
REQUEST = "3f2c1de4-0000-4000-8000-000000000003"


@pytest.fixture
def saved(database: Database, contents: Contents, make_event: MakeEvent, tmp_path: Path) -> Path:
    """A copy of the backup of five events; the closed database has seven."""
    assert contents.count() == 10
    for number in range(5):
        Events(database).record(make_event(number))
    database.backup()
    saved = tmp_path / "saved.db"
    shutil.copyfile(database.backup_path, saved)
    for number in range(5, 7):
        Events(database).record(make_event(number))
    database.close()
    return saved


def state(path: Path, clock: ManualClock) -> tuple[list[str], int, str]:
    database = Database.open(path, clock=clock)
    try:
        return database.recovery_notes, Events(database).count(), database.lineage
    finally:
        database.close()


def files_of(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def test_a_good_backup_replaces_the_database_and_keeps_it_aside(
    saved: Path, path: Path, clock: ManualClock
) -> None:
    _, events, lineage = state(path, clock)
    assert events == 7
    before = saved.read_bytes()
    restored = restore(saved, path, clock=clock)
    aside = "omega.db.replaced-20260301T201500.000000Z"
    assert restored == Restored("2026-03-01T20:15:00Z", 5, aside)
    assert saved.read_bytes() == before
    notes, events, new_lineage = state(path, clock)
    assert (notes, events) == ([], 5)
    assert new_lineage != lineage
    assert state(path.with_name(aside), clock)[1] == 7


def test_the_backup_that_lies_beside_the_database_can_be_restored(
    saved: Path, path: Path, clock: ManualClock
) -> None:
    assert saved.exists()
    backup = path.with_name("omega.db.backup")
    assert restore(backup, path, clock=clock).events == 5
    assert backup.exists()
    assert state(path, clock)[1] == 5


def test_it_is_restored_where_there_was_nothing(
    saved: Path, tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "new" / "omega.db"
    assert restore(saved, path, clock=clock).set_aside == ""
    assert state(path, clock)[:2] == ([], 5)


def test_a_damaged_database_and_its_log_are_replaced(
    saved: Path, path: Path, clock: ManualClock
) -> None:
    path.write_bytes(b"damaged")
    path.with_name("omega.db-wal").write_bytes(b"a log of another file")
    restore(saved, path, clock=clock)
    assert state(path, clock)[:2] == ([], 5)


@pytest.mark.parametrize("damage", ["cut short", "no database", "a row", "gone", "newer"])
def test_a_backup_that_is_damaged_or_newer_is_refused_and_nothing_changed(
    saved: Path, path: Path, clock: ManualClock, damage: str
) -> None:
    if damage == "cut short":
        saved.write_bytes(saved.read_bytes()[:30_000])
    elif damage == "no database":
        saved.write_bytes(b"words " * 1_000)
    elif damage == "a row":
        with closing(sqlite3.connect(saved)) as connection:
            connection.execute("UPDATE contents SET genres = '[' WHERE content_id = 'c3'")
            connection.commit()
    elif damage == "gone":
        saved.unlink()
    else:
        steps = migrate.shipped()
        newer = [*steps, Migration(len(steps) + 1, "CREATE TABLE shelves (name TEXT) STRICT;")]
        Database.open(saved, clock=clock, migrations=newer).close()
    before = files_of(path)
    with pytest.raises(OmegaError) as refused:
        restore(saved, path, clock=clock)
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, "backup")
    assert files_of(path) == before
    assert state(path, clock)[:2] == ([], 7)


def test_a_database_that_is_in_use_is_left_alone(
    saved: Path, path: Path, clock: ManualClock
) -> None:
    running = Database.open(path, clock=clock)
    with pytest.raises(OmegaError, match="owns") as refused:
        restore(saved, path, clock=clock)
    assert refused.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert Events(running).count() == 7
    running.close()


def test_a_backup_of_an_earlier_release_is_upgraded(
    tmp_path: Path, path: Path, clock: ManualClock
) -> None:
    old = tmp_path / "old.db"
    Database.open(old, clock=clock, migrations=migrate.shipped()[:1]).close()
    assert restore(old, path, clock=clock).events == 0
    database = Database.open(path, clock=clock)
    with database.read() as connection:
        assert migrate.version(connection) == len(migrate.shipped())
    database.close()


def test_an_erased_household_does_not_come_back(
    saved: Path, path: Path, clock: ManualClock
) -> None:
    database = Database.open(path, clock=clock)
    erase_household(database, REQUEST)
    database.close()
    with pytest.raises(OmegaError) as refused:
        restore(saved, path, clock=clock)
    assert refused.value.bound.startswith("taken after the erasure of 2026-03-01")
    assert state(path, clock)[1] == 0
    # The backup of afterwards is as good as any.
    assert restore(path.with_name("omega.db.backup"), path, clock=clock).events == 0


def test_what_was_set_aside_is_erased_with_the_household(
    saved: Path, path: Path, clock: ManualClock
) -> None:
    aside = restore(saved, path, clock=clock).set_aside
    database = Database.open(path, clock=clock)
    assert aside in erase_household(database, REQUEST).files
    assert not path.with_name(aside).exists()
    database.close()


def test_no_two_machines_have_one_identity(saved: Path, path: Path, clock: ManualClock) -> None:
    """A backup that goes to another TV leaves its identity behind; its own TV keeps it."""
    with closing(sqlite3.connect(saved)) as connection:
        facts = {"device_id": "tv-1", "auth_token": "t", "device_key": "k"}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
        connection.commit()
    elsewhere = path.parent.parent / "another" / "omega.db"
    restore(saved, elsewhere, clock=clock)
    database = Database.open(elsewhere, clock=clock)
    assert Meta(database).identity() is None
    assert Meta(database).device_key(lambda: "mine") == "mine"
    database.close()
    shutil.copyfile(saved, path)
    restore(saved, path, clock=clock)
    database = Database.open(path, clock=clock)
    identity = Meta(database).identity()
    assert identity is not None
    assert identity.device_id == "tv-1"
    database.close()
