"""An erasure that is killed is finished by the next start, or was never begun."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_persistence import Contents, Database, Events, personal
from omega_persistence.erasure import Erased, Step, erase_household
from omega_testing.household_traces import TITLES, Planted, plant, stock

ERASER = Path(__file__).with_name("eraser.py")
REQUEST = "3f2c1de4-0000-4000-8000-000000000002"
EVENTS = 600
LINE_KILLS = 8


@pytest.fixture
def planted(path: Path, clock: ManualClock) -> Planted:
    """A household with a backup, closed."""
    database = Database.open(path, clock=clock)
    stock(database)
    household = plant(database)
    database.backup()
    database.close()
    shutil.copyfile(path, path.with_name("omega.db.damaged-20260101T000000.000000Z"))
    return household


def erase(path: Path, where: str, request_id: str = REQUEST) -> int:
    """Runs an erasure that dies at a place; returns the lines that ran, 0 when it died."""
    done = subprocess.run(
        [sys.executable, str(ERASER), str(path), request_id, where],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == (0 if done.stdout else -signal.SIGKILL)
    return int(done.stdout or 0)


def opened(path: Path, clock: ManualClock) -> Iterator[Database]:
    database = Database.open(path, clock=clock)
    assert database.recovery_notes == []
    assert Contents(database).count() == TITLES
    yield database
    database.close()


def answer(path: Path, clock: ManualClock, planted: Planted) -> Erased | None:
    """The erasure's answer where it was done; None where nothing was erased at all."""
    for database in opened(path, clock):
        if Events(database).count():
            with database.read() as connection:
                assert set(personal.count(connection)) == set(personal.PERSONAL)
            return None
        assert planted.found(path.parent) == {}
        erased = erase_household(database, REQUEST)
        assert Events(database).count() == 0
        assert database.backup_path.exists()
    return erased


@pytest.mark.parametrize("step", list(Step))
def test_a_kill_at_each_step_leaves_all_or_nothing(
    path: Path, clock: ManualClock, planted: Planted, step: Step
) -> None:
    assert erase(path, step.value) == 0
    erased = answer(path, clock, planted)
    if step is Step.COPIES_REMOVED:
        assert erased is None
        assert erase(path, "-")
        erased = answer(path, clock, planted)
    assert erased is not None
    assert erased.rows > EVENTS
    assert "omega.db.damaged-20260101T000000.000000Z" in erased.files or (
        step is Step.COPIES_REMOVED
    )


@pytest.mark.parametrize("step", [Step.COPIES_REMOVED, Step.REWRITTEN, Step.BACKED_UP])
def test_a_start_that_is_killed_while_it_finishes_is_finished_by_the_next(
    path: Path, clock: ManualClock, planted: Planted, step: Step
) -> None:
    assert erase(path, Step.ROWS_DELETED) == 0
    assert erase(path, step, request_id="-") == 0
    assert answer(path, clock, planted) is not None


def test_kills_at_any_line_leave_all_or_nothing(
    path: Path, clock: ManualClock, planted: Planted, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    shutil.copytree(path.parent, before)
    lines = erase(path, "line:0")
    assert lines > 100
    for _ in range(LINE_KILLS):
        shutil.rmtree(path.parent)
        shutil.copytree(before, path.parent)
        line = random.randint(1, lines)  # noqa: S311 - any line will do
        assert erase(path, f"line:{line}") == 0
        answer(path, clock, planted)
