"""Profiles of a household are kept, bounded, and erased with all that is bound to them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_core.viewing import PlaybackAction, ViewingEvent
from omega_persistence import Database, Events, Profiles, Recommendations, TitleRecords
from omega_persistence.profiles import BOUND_TABLES
from omega_persistence.relearning import FORGOTTEN

MakeEvent = Callable[..., ViewingEvent]
Rows = dict[str, list[tuple[object, ...]]]
KID = Profile("kid", "Kid \N{BALLOON}", 12, ("Horror", "Film noir; \N{CLAPPER BOARD}"))
ANN = Profile("ann", "Ann")
WATCHED = {"profiles", "events", "interactions", "title_records", "recommendations"}
"""Bound tables that these tests fill as the product does; the rest is learnt."""
VALUES = {"INTEGER": "1", "REAL": "1", "TEXT": "'{}'", "BLOB": "zeroblob(1536)"}
"""A value of each type that the learnt tables take; most texts are names or JSON objects."""


@pytest.fixture
def profiles(database: Database) -> Profiles:
    return Profiles(database)


def test_a_profile_is_added_once_and_then_replaced(profiles: Profiles) -> None:
    assert profiles.put(KID)
    assert profiles.put(ANN)
    assert (profiles.get("kid"), profiles.all()) == (KID, [ANN, KID])
    older = replace(KID, max_age_rating=None, blocked_genres=(), name="Kid, now 18")
    assert not profiles.put(older)
    assert profiles.all() == [ANN, older]
    assert profiles.get("cat") is None


def test_a_household_has_16_profiles_at_most(profiles: Profiles) -> None:
    for number in range(16):
        assert profiles.put(Profile(f"p{number}", "P"))
    with pytest.raises(OmegaError, match="profile must be one of at most 16") as refused:
        profiles.put(KID)
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, "profile")
    assert not profiles.put(Profile("p3", "Another name"))
    profiles.delete("p3")
    assert profiles.put(KID)
    assert len(profiles.all()) == 16


def test_a_profile_out_of_bounds_is_not_stored(profiles: Profiles) -> None:
    with pytest.raises(OmegaError) as refused:
        profiles.put(Profile("", "The household is no profile"))
    assert refused.value.field == "profile.profile_id"
    assert profiles.all() == []


def test_a_profile_that_is_not_there_cannot_be_erased(profiles: Profiles) -> None:
    with pytest.raises(OmegaError) as refused:
        profiles.delete("kid")
    assert (refused.value.code, refused.value.field) == (ErrorCode.UNKNOWN_PROFILE, "profile_id")


def bound(database: Database) -> Iterator[str]:
    """Every table with a column profile_id, as the schema says."""
    with database.read() as connection:
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
        ).fetchall():
            columns = connection.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
            if ("profile_id",) in columns.fetchall():
                yield table


def rows_of(database: Database, profile_id: str) -> Rows:
    with database.read() as connection:
        return {
            table: connection.execute(
                f"SELECT * FROM {table} WHERE profile_id = ?",  # noqa: S608 - names of the schema
                (profile_id,),
            ).fetchall()
            for table in bound(database)
        }


def test_no_table_with_a_profile_is_forgotten(database: Database) -> None:
    assert sorted(bound(database)) == sorted(BOUND_TABLES)


@pytest.mark.usefixtures("contents")
def test_erasing_a_profile_takes_every_row_of_it_and_no_other(
    database: Database, profiles: Profiles, clock: ManualClock, make_event: MakeEvent
) -> None:
    served = Recommendations(database)
    events = Events(database)
    profiles.put(ANN)
    profiles.put(KID)
    watchers = ("", "kid", "ann") * 7
    for number, watcher in enumerate(watchers):
        events.record(make_event(number, title=number % 4, profile_id=watcher))
    TitleRecords(database).capacity(0, 100)
    for number, watcher in enumerate(watchers[:9], start=100):
        events.record(make_event(number, title=number % 4, profile_id=watcher))
    for number, watcher in enumerate(watchers[:3], start=200):
        served.log_recommendation(f"r{number}", clock.now(), ["c1"], profile_id=watcher)
        events.record(make_event(number, action=PlaybackAction.PLAY, profile_id=watcher))
        learn(database, watcher)
    served.log_recommendation("still waiting", clock.now(), ["c1"], profile_id="kid")
    before = {profile_id: rows_of(database, profile_id) for profile_id in ("", "kid", "ann")}
    assert {table for table, rows in before["kid"].items() if not rows} == set()

    assert profiles.delete("kid") == 7 + 3

    assert {table: rows for table, rows in rows_of(database, "kid").items() if rows} == {}
    kept = {table: [] if table in FORGOTTEN else rows for table, rows in before[""].items()}
    assert rows_of(database, "") == kept
    assert rows_of(database, "ann") == before["ann"]
    assert served.get("still waiting") is None
    assert profiles.all() == [ANN]


@pytest.mark.usefixtures("contents")
def test_no_file_holds_a_byte_of_a_profile_that_was_erased(
    database: Database, profiles: Profiles, path: Path, make_event: MakeEvent
) -> None:
    profiles.put(Profile("unmistakable-kid", "Unmistakable"))
    profiles.put(ANN)
    events = Events(database)
    for number in range(40):
        watcher = ("unmistakable-kid", "ann")[number % 2]
        session = f"{watcher}-evening"
        events.record(make_event(number, profile_id=watcher, session_id=session))
    database.backup()
    assert len(holding(path, b"unmistakable-kid")) > 1

    profiles.delete("unmistakable-kid")

    assert holding(path, b"unmistakable") == []
    assert holding(path, b"Unmistakable") == []
    assert path.with_name("omega.db.backup") in holding(path, b"ann-evening")
    assert events.count() == 20


def test_the_files_are_cleaned_after_a_death_between_rows_and_files(
    database: Database, profiles: Profiles, path: Path, clock: ManualClock, tmp_path: Path
) -> None:
    profiles.put(Profile("unmistakable-kid", "Unmistakable"))
    database.backup()
    images: list[Path] = []

    def keep_what_a_cut_would_leave(statement: str) -> None:
        if not statement.startswith("DELETE"):
            images.append(tmp_path / f"cut-{len(images)}")
            shutil.copytree(path.parent, images[-1])

    with database.read() as connection:
        connection.set_trace_callback(keep_what_a_cut_would_leave)
    profiles.delete("unmistakable-kid")
    keep_what_a_cut_would_leave("COMMIT")
    found = []
    for image in images:
        cut = Database.open(image / path.name, clock=clock)
        assert cut.recovery_notes == []
        assert bool(holding(cut.path, b"nmistakable")) == bool(Profiles(cut).all())
        found.append(len(Profiles(cut).all()))
        cut.close()
    assert found == sorted(found, reverse=True)
    # Some cuts fell between the rows and the files.
    assert found.count(0) > 2


def holding(path: Path, text: bytes) -> list[Path]:
    """Files beside the database that hold a text."""
    return [file for file in sorted(path.parent.iterdir()) if text in file.read_bytes()]


def learn(database: Database, profile_id: str) -> None:
    """A row of everything that is learnt."""
    with database.transaction() as connection:
        learnt = set(bound(database)) - WATCHED
        # Others refer to it.
        for table in sorted(learnt, key=lambda table: table != "skills"):
            connection.execute(filling(connection, table), {"profile_id": profile_id})


def filling(connection: sqlite3.Connection, table: str) -> str:
    """A statement that puts one row into a table, whatever columns it needs."""
    columns = connection.execute(
        "SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE [notnull] OR pk", (table,)
    ).fetchall()
    keys = sum(1 for _, _, pk in columns if pk)
    values = {name: VALUES[kind] for name, kind, pk in columns if not pk or keys > 1}
    values["profile_id"] = ":profile_id"
    particular = {"skill_id": "(SELECT max(skill_id) FROM skills)", "causes": "'[]'"}
    values.update({name: value for name, value in particular.items() if name in values})
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"  # noqa: S608 - names of the schema
