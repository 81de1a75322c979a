"""What is missing is counted also behind a clean cut of the log, and since an erasure."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.viewing import ViewingEvent
from omega_persistence import Database, Events
from omega_persistence.erasure import erase_household
from omega_persistence.wal import read_log

_HEADER, _FRAME = 32, 24 + 4_096


@pytest.fixture
def killed(
    database: Database, path: Path, make_event: Callable[..., ViewingEvent], tmp_path: Path
) -> Path:
    """The files of a database whose process died after ten events."""
    events = Events(database)
    for number in range(10):
        events.record(make_event(number))
    directory = tmp_path / "killed"
    directory.mkdir()
    for file in path.parent.iterdir():
        if file.name.startswith(path.name) and not file.name.endswith("-shm"):
            shutil.copy(file, directory / file.name)
    return directory / path.name


@pytest.mark.usefixtures("contents")
@pytest.mark.parametrize("kept", [0, 3, 9])
def test_events_behind_a_clean_cut_are_counted_as_missing(
    killed: Path, kept: int, clock: ManualClock
) -> None:
    log = killed.with_name(killed.name + "-wal")
    ends = (0, *read_log(log).commits)
    with log.open("r+b") as file:
        file.truncate(_HEADER + ends[-1 - (10 - kept)] * _FRAME)
    opened = Database.open(killed, clock=clock)
    assert Events(opened).count() == kept
    (note,) = opened.recovery_notes
    assert "cut short" in note
    assert f"up to {10 - kept:,} viewing events" in note
    opened.close()
    again = Database.open(killed, clock=clock)
    assert again.recovery_notes == []
    again.close()


@pytest.mark.usefixtures("contents")
def test_a_whole_log_is_taken_up_without_a_word(killed: Path, clock: ManualClock) -> None:
    opened = Database.open(killed, clock=clock)
    assert (Events(opened).count(), opened.recovery_notes) == (10, [])
    opened.close()


@pytest.mark.usefixtures("contents")
def test_after_an_erasure_its_backup_counts_what_came_since(
    database: Database, path: Path, clock: ManualClock, make_event: Callable[..., ViewingEvent]
) -> None:
    """The backup that an erasure makes begins a count of its own."""
    events = Events(database)
    for number in range(30):
        events.record(make_event(number))
    erase_household(database, "3f2c1de4-0000-4000-8000-000000000009")
    for number in range(30, 37):
        events.record(make_event(number))
    directory = path.parent.with_name("killed")
    shutil.copytree(path.parent, directory)
    killed = directory / path.name
    killed.with_name(killed.name + "-wal").unlink()
    killed.write_bytes(killed.read_bytes()[:8_192])
    opened = Database.open(killed, clock=clock)
    assert Events(opened).count() == 0
    assert "up to 7 viewing events" in opened.recovery_notes[1]
    opened.close()
