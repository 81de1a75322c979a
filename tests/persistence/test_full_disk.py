"""A disk without room refuses clearly and costs nothing that was acknowledged."""

from __future__ import annotations

import itertools
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence import Contents, Database, Events, Recommendations, StoredContent

WRITER = Path(__file__).with_name("event_writer.py")
MakeEvent = Callable[..., ViewingEvent]
MakeTitle = Callable[..., StoredContent]


def limit_pages(database: Database, extra: int) -> None:
    with database.read() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + extra}")


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
    largest = 400_000
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
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OmegaError) as refused:
            database.backup()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.code in {ErrorCode.STORAGE_FULL, ErrorCode.STORAGE_UNAVAILABLE}
    assert database.backup_path.read_bytes() == before
    assert not list(database.path.parent.glob("*.new*"))
    database.backup()
    assert database.backup_path.stat().st_size > len(before)
