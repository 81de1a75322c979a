"""A log that was emptied on purpose is not taken for one that was lost."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_persistence import Database
from omega_testing.household_traces import stock


@pytest.fixture
def open_database(path: Path, clock: ManualClock) -> Database:
    database = Database.open(path, clock=clock)
    stock(database)
    return database


def notes_after_kill(path: Path, clock: ManualClock, *, without_log: bool = False) -> list[str]:
    """What the next start finds of files as they lie there now."""
    copy = path.parent.with_name("copy")
    shutil.copytree(path.parent, copy)
    if without_log:
        (copy / f"{path.name}-wal").unlink()
    database = Database.open(copy / path.name, clock=clock)
    database.close()
    shutil.rmtree(copy)
    return database.recovery_notes


def test_a_kill_before_the_next_write_loses_nothing(
    open_database: Database, path: Path, clock: ManualClock
) -> None:
    open_database.empty_log()
    assert path.with_name(f"{path.name}-wal").stat().st_size == 0
    assert notes_after_kill(path, clock) == []
    open_database.close()


def test_a_log_that_is_lost_afterwards_is_missed(
    open_database: Database, path: Path, clock: ManualClock
) -> None:
    open_database.empty_log()
    with open_database.transaction() as connection:
        connection.execute("DELETE FROM contents")
    assert notes_after_kill(path, clock) == []
    (note,) = notes_after_kill(path, clock, without_log=True)
    assert note.startswith("The write-ahead log is gone")
    open_database.close()


def test_a_log_that_is_read_stays_and_is_missed(
    open_database: Database, path: Path, clock: ManualClock
) -> None:
    reader = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM meta").fetchone()
    open_database.empty_log()
    assert notes_after_kill(path, clock) == []
    (note,) = notes_after_kill(path, clock, without_log=True)
    assert note.startswith("The write-ahead log is gone")
    reader.close()
    open_database.close()
