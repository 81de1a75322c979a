"""A household of release 0.1.0 loses nothing to the upgrade, nor to a power cut during it."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from omega_core.clock import ManualClock
from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.records import fold_event
from omega_core.vectors import pack_f16, pack_f32
from omega_core.viewing import PlaybackAction, ViewingContext, ViewingEvent
from omega_persistence import (
    Contents,
    Database,
    Events,
    GlobalPatterns,
    Meta,
    Recommendations,
    Resources,
    Sketches,
    TitleRecords,
    migrate,
    recovery,
)
from omega_persistence.times import from_micros

MakeEvent = Callable[..., ViewingEvent]
Rows = dict[str, list[tuple[object, ...]]]
SHIPPED = migrate.shipped()
RELEASED = {
    1: "5f5a1d2938461b02fbf0aa4d3d69a501f81ac609cf82749400f5bd8019f120ac",
    2: "5a6cf30c401e59df87057f2055a16d2134710d1fe1df78645ad4eb9a6731d62d",
}
"""SHA-256 of each migration that a release has shipped."""
UPGRADER = Path(__file__).with_name("upgrader.py")
MODEL = "encoder-1"
# 2025-11-03 20:15:00.000001 UTC and later; the third event arrived last and happened first.
OCCURRED = {"e1": 1_762_200_900_000_001, "e2": 1_762_300_900_000_000, "e9": 1_762_100_900_123_456}


def _half(axis: int) -> bytes:
    return pack_f16(np.eye(384, dtype=np.float32)[axis])


def _household(connection: sqlite3.Connection) -> None:
    """Rows in every table, written with SQL as 0.1.0 wrote them."""
    providers = json.dumps([["p", "Provider", 1]])
    connection.executemany(
        "INSERT INTO contents (content_id, ordinal, title, kind, genres, year, country, "
        "description, providers, model_version, embedding, rev) "
        "VALUES (?, ?, ?, 1, ?, 1959, 'PL', 'On a train.', ?, ?, ?, ?)",
        [
            ("c1", 7, "Pociąg", '["Drama", "Krimi"]', providers, MODEL, _half(1), 1),
            ("c2", None, "Night Train", "[]", "[]", MODEL, _half(2), 4),
            ("c3", 8, "Never watched", "[]", "[]", MODEL, _half(3), 3),
        ],
    )
    connection.executemany(
        "INSERT INTO events (seq, event_id, content_rowid, watch_percentage, engagement_score, "
        "reward, occurred_at, session_id, recommendation_id, time_of_day, day_type, audience) "
        "VALUES (?, ?, ?, ?, 0.5, ?, ?, 's', 'r1', 3, 2, 4)",
        [
            (1, "e1", 1, 0.9, 0.78, OCCURRED["e1"]),
            (2, "e2", 2, 0.1, 0.22, OCCURRED["e2"]),
            (9, "e9", 1, 1.0, 0.85, OCCURRED["e9"]),
        ],
    )
    connection.execute("INSERT INTO recommendations VALUES (5, 'r1', 1000000, '[\"c1\", \"c2\"]')")
    connection.executemany(
        "INSERT INTO sketches VALUES (?, ?, 'encoder-1', ?, 17, ?, ?, ?, 2000000)",
        [
            (1, _noise(1), b"a" * 48, 1, "request-1", 0),
            (2, _noise(2), b"b" * 48, 0, None, None),
            (3, _noise(3), b"c" * 48, 2, None, None),
        ],
    )
    connection.execute("INSERT INTO global_patterns VALUES (3, ?, 0.75, 4, 0.5)", (_half(4),))
    connection.execute(
        "INSERT INTO resources VALUES (2, 11, 4, ?, 'encoder-1', ?)",
        (hashlib.sha256(b"body").digest(), b"body"),
    )
    connection.execute(
        "INSERT INTO resource_transfers VALUES (1, 12, 9, ?, 'encoder-1', 3)", (bytes(32),)
    )
    connection.execute("INSERT INTO resource_chunks VALUES (1, 0, ?)", (b"abc",))
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)",
        [
            ("opened_at", "2025-11-05T20:00:00Z"),
            ("state_version", "41"),
            ("state_model_version", MODEL),
            ("device_id", "tv-" + "0" * 32),
            ("auth_token", "secret"),
            ("pushed_bytes", "1024"),
            ("last_sync_at", "2025-11-05T20:00:00+00:00"),
        ],
    )


def _noise(number: int) -> bytes:
    return pack_f32(np.random.default_rng(number).normal(size=384).astype(np.float32))


@pytest.fixture
def old(path: Path) -> Path:
    """The file of a household that has only ever had release 0.1.0."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        migrate.migrate(connection, SHIPPED[:1])
        _household(connection)
    return path


def rows_of_0_1_0(path: Path) -> Rows:
    """Every row of a file, as far as 0.1.0 knew columns; what each start writes left out."""
    first = migrate.expected_shape(SHIPPED[:1])
    tables = [name for kind, name in first if kind == "table"]
    with closing(sqlite3.connect(path)) as connection:
        rows = {}
        for table in tables:
            columns = ", ".join(f"[{column[0]}]" for column in first["table", table])
            query = f"SELECT {columns} FROM {table} ORDER BY 1, 2"  # noqa: S608 - names of the schema
            rows[table] = connection.execute(query).fetchall()
    assert all(rows.values())
    known = {"opened_at", "schema_version"}
    rows["meta"] = [row for row in rows["meta"] if row[0] not in known]
    return rows


def require_nothing_lost(path: Path, before: Rows) -> None:
    after = rows_of_0_1_0(path)
    # A later release may note more single facts than 0.1.0 did.
    assert set(before["meta"]) <= set(after.pop("meta"))
    assert after == {table: rows for table, rows in before.items() if table != "meta"}


@pytest.mark.parametrize("number", RELEASED)
def test_a_migration_that_was_released_is_never_changed(number: int) -> None:
    sql = SHIPPED[number - 1].sql
    assert hashlib.sha256(sql.encode()).hexdigest() == RELEASED[number]


def test_every_row_is_there_after_the_upgrade(old: Path, clock: ManualClock) -> None:
    before = rows_of_0_1_0(old)
    database = Database.open(old, clock=clock)
    assert database.recovery_notes == []
    with database.read() as connection:
        assert migrate.version(connection) == len(SHIPPED)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    require_nothing_lost(old, before)


def test_what_was_stored_is_read_as_it_was_meant(old: Path, clock: ManualClock) -> None:
    database = Database.open(old, clock=clock)
    by_time = Events(database).all_events()
    assert {e.event.event_id: e.event.occurred_at for e in by_time} == {
        event_id: from_micros(micros) for event_id, micros in OCCURRED.items()
    }
    assert [entry.event.event_id for entry in by_time] == ["e9", "e1", "e2"]
    assert [(entry.seq, entry.recorded_at == entry.event.occurred_at) for entry in by_time] == [
        (9, True),
        (1, True),
        (2, True),
    ]
    assert by_time[1].event == ViewingEvent(
        "e1", "c1", 0.9, 0.5, from_micros(OCCURRED["e1"]), "s", "r1", ViewingContext(3, 2, 4)
    )
    pociag = Contents(database).by_ids(["c1"])["c1"].content
    assert pociag == Content(
        "c1",
        "Pociąg",
        ContentKind.MOVIE,
        ("Drama", "Krimi"),
        1959,
        "PL",
        "On a train.",
        (Provider("p", "Provider", Availability.FLATRATE),),
    )
    served = Recommendations(database).get("r1")
    assert served is not None
    assert (served.content_ids, served.chain, served.profile_id) == (("c1", "c2"), (), "")
    assert Meta(database).traffic().pushed == 1024
    assert (GlobalPatterns(database).version(), GlobalPatterns(database).count()) == (41, 1)
    sketches = Sketches(database)
    assert (sketches.pending_count(), sketches.acknowledged_count()) == (1, 2)
    push = sketches.next_push(20, model_version=MODEL)
    assert push is not None
    assert (push.request_id, push.sketches) == ("request-1", b"a" * 48)
    assert push.sigma_hundredths == 0, "it comes again in the bytes of its first attempt"
    sketches.assume_sigma(550)
    assert sketches.next_push(20, model_version=MODEL) == push
    sketches.acknowledge(push.request_id)
    assert sketches.next_push(20, model_version=MODEL, due_by=clock.now()) is None
    assert sketches.reported() == {1, 2, 3}, "what waits may have left under another encoder"
    stored = Resources(database).get(2)
    assert stored is not None
    assert stored.body == b"body"
    database.close()


def test_nothing_is_embedded_or_indexed_again(old: Path, clock: ManualClock) -> None:
    with closing(sqlite3.connect(old)) as connection:
        query = "SELECT value FROM meta WHERE key = 'lineage'"
        (lineage,) = connection.execute(query).fetchone()
    database = Database.open(old, clock=clock)
    contents = Contents(database)
    assert contents.stale(MODEL, 10) == []
    assert (database.lineage, contents.current_rev(), contents.changed_since(4)) == (lineage, 4, [])
    database.close()


def test_the_household_goes_on_where_it_was(
    old: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    database = Database.open(old, clock=clock)
    events, records = Events(database), TitleRecords(database)
    assert not events.record(make_event(9, action=PlaybackAction.PLAY))
    assert events.record(make_event(10, title=1))
    learnable = events.since(0, 10)
    assert [entry.seq for entry in learnable] == [1, 2, 9, 10]
    with database.read() as connection, pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute("UPDATE events SET recorded_at = 0")
    assert records.fold(clock.now() - timedelta(days=30), 10) == 3
    assert [entry.seq for entry in events.since(0, 10)] == [10]
    of_c1 = fold_event(fold_event(None, learnable[0].event, 1), learnable[2].event, 9)
    assert records.all_records() == [of_c1, fold_event(None, learnable[1].event, 2)]
    database.close()


def test_a_cut_at_any_statement_leaves_the_old_release_or_the_new_one(
    old: Path, clock: ManualClock, tmp_path: Path
) -> None:
    before = rows_of_0_1_0(old)
    images: list[Path] = []

    def keep_what_a_cut_would_leave(_statement: str) -> None:
        images.append(tmp_path / f"cut-{len(images)}")
        shutil.copytree(old.parent, images[-1])

    with closing(recovery.connect(old)) as connection:
        # So small a cache has SQLite write pages before the commit.
        connection.execute("PRAGMA cache_size = 1")
        connection.set_trace_callback(keep_what_a_cut_would_leave)
        migrate.migrate(connection, SHIPPED)
        connection.set_trace_callback(None)
        keep_what_a_cut_would_leave("")
    assert len(images) > 30
    found = []
    for image in images:
        cut = image / old.name
        with closing(sqlite3.connect(cut)) as connection:
            found.append(migrate.version(connection))
        require_nothing_lost(cut, before)
    assert found == sorted(found), "one step after another"
    assert set(found) == set(range(1, len(SHIPPED) + 1))
    assert found[-2:] == [len(SHIPPED) - 1, len(SHIPPED)]
    for image in (*images[::12], *images[found.index(2) :]):
        cut = image / old.name
        database = Database.open(cut, clock=clock)
        assert database.recovery_notes == []
        database.close()
        require_nothing_lost(cut, before)


@pytest.mark.parametrize(
    ("statement", "reached"),
    [
        ("ALTER TABLE recommendations", 1),
        ("UPDATE events", 1),
        ("COMMIT", 1),
        ("ALTER TABLE sketches ADD COLUMN has_left", 2),
    ],
)
def test_a_process_killed_during_the_upgrade_is_followed_by_one_that_finishes_it(
    old: Path, clock: ManualClock, statement: str, reached: int
) -> None:
    before = rows_of_0_1_0(old)
    upgrader = subprocess.run(
        [sys.executable, str(UPGRADER), str(old), statement], check=False, timeout=30
    )
    assert upgrader.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(old)) as connection:
        assert migrate.version(connection) == reached
    require_nothing_lost(old, before)
    database = Database.open(old, clock=clock)
    assert database.recovery_notes == []
    database.close()
    require_nothing_lost(old, before)
