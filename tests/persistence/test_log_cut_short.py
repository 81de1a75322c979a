"""A log that lost its end between two transactions looks whole; what is missing is stated."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.viewing import ViewingEvent
from omega_persistence import Database, Events
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
