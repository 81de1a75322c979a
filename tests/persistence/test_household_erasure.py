"""An erasure leaves no byte of the household in any file, and looks before it says so."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_core.viewing import ViewingEvent
from omega_persistence import (
    Contents,
    Database,
    Events,
    Meta,
    Profiles,
    Recommendations,
    migrate,
    personal,
)
from omega_persistence.erasure import erase_household, last_erasure
from omega_persistence.erasures import Erasures
from omega_testing.household_traces import TITLES, Planted, plant, stock

MakeEvent = Callable[..., ViewingEvent]
REQUEST = "3f2c1de4-0000-4000-8000-000000000001"
ASIDE = "omega.db.damaged-20260101T000000.000000Z"


@pytest.fixture
def planted(database: Database) -> Planted:
    """A household with a backup, a damaged copy with its log, and the leavings of a kill."""
    stock(database)
    household = plant(database)
    database.backup()
    directory = database.path.parent
    shutil.copyfile(database.path, directory / ASIDE)
    shutil.copyfile(directory / "omega.db-wal", directory / f"{ASIDE}-wal")
    shutil.copyfile(database.backup_path, directory / "omega.db.backup.new")
    return household


def test_every_table_is_declared_to_be_of_the_household_or_not(database: Database) -> None:
    with database.read() as connection:
        shape = migrate.shape(connection)
    tables = {name for kind, name in shape if kind == "table"}
    assert set(personal.PERSONAL) | personal.IMPERSONAL == tables
    assert not set(personal.PERSONAL) & personal.IMPERSONAL


def test_the_planted_household_fills_each_of_its_tables(
    database: Database, planted: Planted
) -> None:
    with database.read() as connection:
        assert set(personal.count(connection)) == set(personal.PERSONAL)
    found = planted.found(database.path.parent)
    assert min(found["omega.db-wal"], found["omega.db.backup"]) > 5_000
    assert len(planted.blobs) > 400
    assert {"omega.db.backup.new", f"{ASIDE}-wal"} <= set(found)


def test_no_file_holds_a_byte_of_an_erased_household(
    database: Database, planted: Planted, path: Path, clock: ManualClock
) -> None:
    with database.read() as connection:
        rows = sum(personal.count(connection).values())
    lineage = database.lineage
    erased = erase_household(database, REQUEST)
    assert planted.found(path.parent) == {}
    assert (erased.rows, erased.remaining) == (rows - 6, 0)  # the identity moved
    assert set(erased.files) == {
        "omega.db",
        "omega.db-wal",
        "omega.db.backup",
        "omega.db.backup.new",
        ASIDE,
        f"{ASIDE}-wal",
    }
    assert last_erasure(database) == clock.now()
    assert database.lineage != lineage
    database.close()
    assert planted.found(path.parent) == {}
    assert {file.name for file in path.parent.iterdir()} == {
        "omega.db",
        "omega.db.backup",
        "omega.db.lock",
        "omega.db.mark",
    }
    again = Database.open(path, clock=clock)
    assert (again.recovery_notes, Contents(again).count()) == ([], TITLES)
    again.close()
    assert planted.found(path.parent) == {}


@pytest.mark.usefixtures("planted")
def test_what_the_fleet_and_the_catalogue_told_stays(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO global_patterns VALUES (7, zeroblob(768), 0.5, 4, 0.1)")
        connection.execute(
            "UPDATE global_patterns SET embedding = (SELECT embedding FROM contents)"
        )
        connection.execute("INSERT INTO meta VALUES ('state_version', '12')")
        connection.execute(
            "INSERT INTO memories (tier, profile_id, key, strength, importance, confidence, "
            "access_count, created_at, accessed_at, content_id, text, metadata, model_version) "
            "VALUES (5, '', 'pattern-7', 0.9, 0.5, 0.5, 40, 1, 2, '', 'Westerns', '{}', 'm1')"
        )
    revision = Contents(database).current_rev()
    titles = list(Contents(database).all_rows())
    erase_household(database, REQUEST)
    with database.read() as connection:
        assert connection.execute("SELECT pattern_id FROM global_patterns").fetchall() == [(7,)]
        # What the fleet taught stays; how often the household called it does not.
        assert connection.execute(
            "SELECT text, access_count, strength, accessed_at FROM memories"
        ).fetchall() == [("Westerns", 0, 0.5, 1)]
    assert Meta(database).get("state_version") == "12"
    assert (Contents(database).current_rev(), list(Contents(database).all_rows())) == (
        revision,
        titles,
    )


@pytest.mark.usefixtures("planted")
def test_numbers_of_rows_start_again(database: Database, make_event: MakeEvent) -> None:
    erase_household(database, REQUEST)
    events = Events(database)
    assert events.record(make_event(1))
    (entry,) = events.all_events()
    assert entry.seq == 1


@pytest.mark.usefixtures("planted")
def test_a_repeated_request_gets_its_answer_and_erases_nothing_new(
    database: Database, path: Path, clock: ManualClock, make_event: MakeEvent
) -> None:
    erased = erase_household(database, REQUEST)
    assert Events(database).record(make_event(1))
    assert erase_household(database, REQUEST) == erased
    database.close()
    again = Database.open(path, clock=clock)
    assert erase_household(again, REQUEST) == erased
    assert Events(again).count() == 1
    second = erase_household(again, str(uuid4()))
    assert (second.rows, Events(again).count()) == (1, 0)
    again.close()


def test_a_request_without_a_uuid_is_refused(database: Database) -> None:
    with pytest.raises(OmegaError) as refused:
        erase_household(database, "again")
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, "request_id")


@pytest.mark.usefixtures("planted")
def test_lists_that_wait_in_memory_are_erased_too(database: Database, clock: ManualClock) -> None:
    served = Recommendations(database)
    served.log_recommendation("served-to-the-household", clock.now(), ["c1"])
    erase_household(database, REQUEST)
    served.flush()
    assert served.get("served-to-the-household") is None


@pytest.mark.usefixtures("planted")
def test_bytes_of_rows_deleted_long_ago_are_erased(
    path: Path, clock: ManualClock, database: Database
) -> None:
    database.close()
    secret = b"deleted-without-overwriting"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("INSERT INTO meta VALUES ('gone', ?)", (secret.decode() * 400,))
        connection.execute("DELETE FROM meta WHERE key = 'gone'")
    assert secret in path.read_bytes()
    again = Database.open(path, clock=clock)
    erase_household(again, REQUEST)
    again.close()
    assert not [file for file in path.parent.iterdir() if secret in file.read_bytes()]


@pytest.mark.usefixtures("planted")
def test_a_file_that_still_holds_something_fails_the_erasure(
    database: Database, path: Path, make_event: MakeEvent
) -> None:
    Events(database).record(make_event(7))
    with database.read() as connection:
        (event_id,) = connection.execute("SELECT max(event_id) FROM events").fetchone()
    log = path.parent / "index" / "somebody.log"
    log.parent.mkdir()
    log.write_text(f"{'.' * 3_000_000}{event_id} was stored\n")
    with pytest.raises(OmegaError, match=r"1 strings in somebody\.log") as unproven:
        erase_household(database, REQUEST)
    assert unproven.value.code is ErrorCode.INTERNAL
    assert event_id not in str(unproven.value)


@pytest.mark.usefixtures("planted")
def test_words_that_the_catalogue_uses_too_do_not_fail_it(
    database: Database, path: Path, make_event: MakeEvent
) -> None:
    erase_household(database, str(uuid4()))
    Profiles(database).put(Profile("profile-1", "Title 31"))
    Profiles(database).put(Profile("children", "Children"))
    (path.parent / "tokens.txt").write_text("adults children")
    assert Events(database).record(make_event(1))
    assert erase_household(database, REQUEST).remaining == 0


def test_the_queued_token_is_the_one_thing_that_stays_until_the_fleet_has_forgotten(
    database: Database, planted: Planted, path: Path, clock: ManualClock
) -> None:
    token, key = planted.identity.auth_token.encode(), planted.identity.device_key.encode()
    erase_household(database, REQUEST)
    assert Meta(database).identity() is None
    assert Meta(database).get("register_request_id") is None
    holders = {file.name for file in path.parent.iterdir() if token in file.read_bytes()}
    assert holders <= {"omega.db", "omega.db-wal", "omega.db.backup"}
    assert holders
    queue = Erasures(database)
    (pending,) = queue.pending()
    assert (pending.identity, pending.queued_at) == (planted.identity, clock.now())
    assert queue.done(planted.identity.device_id)
    assert queue.pending() == []
    for file in path.parent.iterdir():
        data = file.read_bytes()
        assert token not in data
        assert key not in data
        assert planted.identity.device_id.encode() not in data


def test_others_wait_for_an_erasure_and_then_go_on(
    database: Database, planted: Planted, make_event: MakeEvent
) -> None:
    events, stop = Events(database), threading.Event()
    stored: list[str] = []

    def write() -> None:
        while not stop.is_set():
            event = make_event(len(stored))
            events.record(event)
            stored.append(event.event_id)

    def wait_for_more() -> None:
        enough = len(stored) + 3
        while len(stored) < enough:
            time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for_more()
        erase_household(database, REQUEST)
        wait_for_more()
    finally:
        stop.set()
        writer.join()
    assert planted.found(database.path.parent) == {}
    left = [entry.event.event_id for entry in events.all_events()]
    assert 3 <= len(left) <= len(stored) - 3
    assert left == stored[-len(left) :]
