"""The storage directory stays below its cap; what is worth least goes first."""

from __future__ import annotations

import hashlib
import itertools
import json
import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence import (
    Contents,
    Database,
    Events,
    ResourceKey,
    Resources,
    TitleRecords,
    migrate,
)
from omega_persistence.capacity import Freed, enforce, storage_bytes
from omega_testing.household_traces import TITLES, plant, stock

MakeEvent = Callable[..., ViewingEvent]
ASIDE = "omega.db.damaged-20260101T000000.000000Z"
ORDER = (
    "loop_reports",
    "interactions",
    "recommendations",
    "memories",
    "resources",
    "events",
    "title_records",
)


@pytest.fixture
def full(database: Database, path: Path) -> Database:
    """A household with rows in every table, a body, a backup and a damaged copy."""
    stock(database)
    plant(database)
    body = bytes(range(256)) * 400
    key = ResourceKey(1, 1, len(body), hashlib.sha256(body).digest(), "m1")
    Resources(database).store(key, body)
    path.with_name(ASIDE).write_bytes(bytes(50_000))
    database.backup()
    empty_log(database)
    return database


def empty_log(database: Database) -> None:
    with database.read() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def counts(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - names of the schema
            for table in ORDER
        }


def on_disk(database: Database) -> int:
    return sum(file.stat().st_size for file in database.path.parent.rglob("*") if file.is_file())


def enforced(database: Database, cap: int, clock: ManualClock, step: int = 50) -> Freed:
    """Calls again while there is more to free; the last answer."""
    for _ in range(1_000):
        freed = enforce(database, cap, clock.now(), step)
        assert sum(freed.rows.values()) <= step
        if not freed.more:
            return freed
    raise AssertionError("it never ends")


def test_below_its_cap_nothing_is_touched(full: Database, clock: ManualClock) -> None:
    before = counts(full)
    size = storage_bytes(full)
    freed = enforce(full, size, clock.now(), 1_000)
    assert (freed.rows, freed.files, freed.within, freed.more) == ({}, (), True, False)
    assert counts(full) == before


def test_a_copy_that_was_set_aside_goes_before_any_row(full: Database, clock: ManualClock) -> None:
    before = counts(full)
    freed = enforce(full, storage_bytes(full) - 10_000, clock.now(), 1_000)
    assert freed.files == (ASIDE,)
    assert (freed.rows, freed.within) == ({}, True)
    assert counts(full) == before


def test_tables_are_emptied_in_the_stated_order(full: Database, clock: ManualClock) -> None:
    seen = [counts(full)]
    while True:
        freed = enforce(full, 1, clock.now(), 90)
        seen.append(counts(full))
        assert sum(freed.rows.values()) <= 90
        if not freed.more:
            break
    assert not freed.within  # the catalogue stays
    assert Contents(full).count() == TITLES
    for earlier, later in itertools.pairwise(ORDER):
        for before, after in itertools.pairwise(seen):
            # A viewing that is folded adds to the records of titles.
            if after[later] < before[later]:
                assert after[earlier] == 0, (earlier, later)
    assert set(seen[-1].values()) == {0}
    with full.read() as connection:
        for table in ("profiles", "skills", "settings", "sketches"):
            query = f"SELECT count(*) FROM {table}"  # noqa: S608 - constants
            assert connection.execute(query).fetchone() == (TITLES,)


def test_freed_pages_leave_the_file_and_the_backup_counts_too(
    full: Database, clock: ManualClock
) -> None:
    cap = storage_bytes(full) * 2 // 3
    freed = enforce(full, cap, clock.now(), 10_000)
    assert freed.within
    assert freed.bytes_after == storage_bytes(full) <= cap
    full.backup()
    # Beside what is counted there is only what SQLite keeps in shared memory.
    assert on_disk(full) - full.path.with_name("omega.db-shm").stat().st_size <= cap


def test_no_more_goes_than_has_to(full: Database, clock: ManualClock) -> None:
    before = counts(full)
    cap = storage_bytes(full) - 50_000 - 3 * 4_096
    freed = enforced(full, cap, clock, step=20)
    assert freed.within
    after = counts(full)
    assert after["loop_reports"] < before["loop_reports"]
    assert {name: after[name] for name in ORDER[1:]} == {name: before[name] for name in ORDER[1:]}


def test_the_weakest_memories_and_the_oldest_rows_go_first(
    full: Database, clock: ManualClock
) -> None:
    with full.transaction() as connection:
        connection.execute("DELETE FROM loop_reports")
        connection.execute("DELETE FROM recommendations")
        connection.execute("UPDATE memories SET strength = 0.5 + memory_rowid % 7")
        connection.execute("UPDATE interactions SET recorded_at = 100 - seq")
    enforce(full, 1, clock.now(), 30)
    with full.read() as connection:
        newest = connection.execute("SELECT max(seq), count(*) FROM interactions").fetchone()
    assert newest == (TITLES - 30, TITLES - 30)  # the last one is the oldest here
    enforce(full, 1, clock.now(), 30 + 9)
    with full.read() as connection:
        left = connection.execute("SELECT min(strength), count(*) FROM memories").fetchone()
    assert left == (1.5, TITLES - 9)


def test_viewings_are_folded_and_not_lost(full: Database, clock: ManualClock) -> None:
    viewings = TitleRecords(full).viewings() + Events(full).count()
    with full.transaction() as connection:
        for table in ORDER[:5]:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
    freed = enforce(full, 1, clock.now(), 250)
    assert freed.rows == {"events": 250}
    assert TitleRecords(full).viewings() + Events(full).count() == viewings
    assert enforce(full, 1, clock.now(), 250, learnt_to=300).rows["events"] == 50


def test_records_of_liked_titles_go_last(full: Database, clock: ManualClock) -> None:
    with full.transaction() as connection:
        for table in ORDER[:6]:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
        connection.execute("UPDATE title_records SET last_at = content_rowid")
        connection.execute("UPDATE title_records SET successes = content_rowid <= 20")
    enforce(full, 1, clock.now(), 15)
    assert left(full) == {*range(1, 21), *range(36, TITLES + 1)}
    enforce(full, 1, clock.now(), 30)
    assert left(full) == set(range(6, 21))


def left(database: Database) -> set[int]:
    with database.read() as connection:
        return {row[0] for row in connection.execute("SELECT content_rowid FROM title_records")}


def test_an_unfinished_transfer_goes_whole(full: Database, clock: ManualClock) -> None:
    body = bytes(300_000)
    key = ResourceKey(2, 1, len(body), hashlib.sha256(body).digest(), "m1")
    for start in range(0, 200_000, 100_000):
        Resources(full).append(key, start, body[start : start + 100_000])
    with full.transaction() as connection:
        for table in ORDER[:4]:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
    with full.read() as connection:
        connection.executescript("PRAGMA incremental_vacuum")
    empty_log(full)
    (full.path.parent / ASIDE).unlink()
    freed = enforced(full, storage_bytes(full) - 2 * 150_000, clock)
    assert freed.within
    assert Resources(full).received(key) == 0
    with full.read() as connection:
        assert connection.execute("SELECT count(*) FROM resource_chunks").fetchone() == (0,)
    assert [held.kind for held in Resources(full).held()] == [1]


def test_a_file_that_keeps_its_free_pages_is_rewritten_once(path: Path, clock: ManualClock) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        migrate.migrate(connection, migrate.shipped()[:1])
        connection.execute(
            "INSERT INTO recommendations VALUES (1, 'r', 0, ?)", (json.dumps(["c" * 500_000]),)
        )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        database = Database.open(path, clock=clock)  # there is no room for it yet
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert database.recovery_notes == []
    with database.transaction() as connection:
        connection.execute("DELETE FROM recommendations")
    stock(database)
    freed = enforced(database, 2 * 400_000, clock)
    assert (freed.within, path.stat().st_size < 400_000) == (True, True)
    database.close()


def test_a_cap_or_step_out_of_bounds_is_refused(database: Database, clock: ManualClock) -> None:
    for cap, step, field in ((0, 1, "max_bytes"), (1, 0, "step_limit")):
        with pytest.raises(OmegaError) as refused:
            enforce(database, cap, clock.now(), step)
        assert refused.value.field == field


def test_events_arrive_while_room_is_made(
    full: Database, clock: ManualClock, make_event: MakeEvent
) -> None:
    for number in range(20):
        assert Events(full).record(make_event(number))
        enforce(full, 1, clock.now() - timedelta(days=365), 25)
    assert all(Events(full).get(f"e{number}") for number in range(20))
