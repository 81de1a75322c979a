"""Databases of every earlier release open in this one; those of later releases are refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_persistence import Database, Meta, migrate
from omega_persistence.migrate import Migration

SHIPPED = migrate.shipped()
NEXT = Migration(
    len(SHIPPED) + 1,
    """
    CREATE TABLE shelves (name TEXT PRIMARY KEY) STRICT;
    CREATE TRIGGER shelves_are_final BEFORE UPDATE ON shelves
    BEGIN
        SELECT RAISE(ABORT, 'a shelf; it stays');
    END;
    INSERT INTO shelves VALUES ('a;b');
    """,
)


def written_by_release(path: Path, clock: ManualClock, release: int) -> None:
    """A database as the release with that many migrations left it."""
    database = Database.open(path, clock=clock, migrations=SHIPPED[:release])
    Meta(database).set("written_by", str(release))
    database.close()


@pytest.mark.parametrize("release", range(1, len(SHIPPED) + 1))
def test_a_database_of_every_earlier_release_opens(
    path: Path, clock: ManualClock, release: int
) -> None:
    written_by_release(path, clock, release)
    database = Database.open(path, clock=clock)
    assert database.recovery_notes == []
    assert Meta(database).get("written_by") == str(release)
    with database.read() as connection:
        assert migrate.version(connection) == len(SHIPPED)
        assert migrate.shape(connection) == migrate.expected_shape(SHIPPED)
    database.close()


def test_a_step_to_come_keeps_what_is_there(path: Path, clock: ManualClock) -> None:
    written_by_release(path, clock, len(SHIPPED))
    database = Database.open(path, clock=clock, migrations=[*SHIPPED, NEXT])
    assert Meta(database).get("written_by") == str(len(SHIPPED))
    with database.read() as connection:
        assert connection.execute("SELECT name FROM shelves").fetchall() == [("a;b",)]
    lineage = database.lineage
    database.close()
    again = Database.open(path, clock=clock, migrations=[*SHIPPED, NEXT])
    assert (again.recovery_notes, again.lineage) == ([], lineage)
    again.close()


def test_a_newer_database_is_refused_and_left_alone(path: Path, clock: ManualClock) -> None:
    Database.open(path, clock=clock, migrations=[*SHIPPED, NEXT]).close()
    before = path.read_bytes()
    with pytest.raises(OmegaError, match="newer release"):
        Database.open(path, clock=clock)
    assert path.read_bytes() == before
    Database.open(path, clock=clock, migrations=[*SHIPPED, NEXT]).close()


def test_a_step_that_fails_leaves_the_release_before(path: Path, clock: ManualClock) -> None:
    broken = Migration(NEXT.number, "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1);")
    written_by_release(path, clock, len(SHIPPED))
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        Database.open(path, clock=clock, migrations=[*SHIPPED, broken])
    database = Database.open(path, clock=clock)
    assert (database.recovery_notes, Meta(database).get("written_by")) == ([], str(len(SHIPPED)))
    database.close()


def test_a_backup_of_an_earlier_release_is_restored_and_upgraded(
    path: Path, clock: ManualClock
) -> None:
    database = Database.open(path, clock=clock)
    Meta(database).set("written_by", "old")
    database.backup()
    database.close()
    path.write_bytes(b"damaged")
    again = Database.open(path, clock=clock, migrations=[*SHIPPED, NEXT])
    assert len(again.recovery_notes) == 2
    assert Meta(again).get("written_by") == "old"
    with again.read() as connection:
        assert migrate.version(connection) == NEXT.number
    again.close()


def test_migrations_are_numbered_without_gaps() -> None:
    assert [step.number for step in SHIPPED] == list(range(1, len(SHIPPED) + 1))
