"""What was acknowledged is there after the process was killed at any moment."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.viewing import ViewingEvent
from omega_persistence import Database, Events, TitleRecords

MakeEvent = Callable[..., ViewingEvent]
WRITER = Path(__file__).with_name("event_writer.py")
FOLDER = Path(__file__).with_name("fold_writer.py")
KILLS = 5


def test_every_event_that_was_acknowledged_survives_kills(path: Path, clock: ManualClock) -> None:
    acknowledged: set[str] = set()
    for start in range(KILLS):
        acknowledged |= write_until_killed(WRITER, path, f"s{start}-")
    database = Database.open(path, clock=clock)
    stored = {entry.event.event_id for entry in Events(database).all_events()}
    assert database.recovery_notes == []
    assert acknowledged <= stored
    # At most the event in flight at each kill was stored without its id being read.
    assert len(stored - acknowledged) <= KILLS
    database.close()


@pytest.mark.usefixtures("contents")
def test_every_event_is_counted_once_however_often_folding_is_killed(
    path: Path, clock: ManualClock, database: Database
) -> None:
    database.close()
    acknowledged: Counter[str] = Counter()
    for start in range(KILLS):
        printed = write_until_killed(FOLDER, path, f"s{start}-")
        acknowledged += Counter(f"c{int(name.partition('-')[2]) % 10}" for name in printed)
    again = Database.open(path, clock=clock)
    records = TitleRecords(again)
    counted = Counter(entry.event.content_id for entry in Events(again).all_events())
    counted.update({record.content_id: record.viewings for record in records.all_records()})
    assert again.recovery_notes == []
    assert records.viewings() > 0
    # At most the event in flight at each kill was stored without its id being read.
    assert acknowledged <= counted
    assert counted.total() - acknowledged.total() <= KILLS
    again.close()


@pytest.mark.usefixtures("contents")
def test_a_cut_at_any_statement_of_a_fold_leaves_each_event_once(
    path: Path, clock: ManualClock, database: Database, make_event: MakeEvent, tmp_path: Path
) -> None:
    events, records = Events(database), TitleRecords(database)
    events.record_all([make_event(number, title=number % 2) for number in range(5)])
    records.capacity(4, 5)
    images: list[Path] = []

    def keep_what_a_cut_would_leave(_statement: str) -> None:
        images.append(tmp_path / f"cut-{len(images)}")
        shutil.copytree(path.parent, images[-1])

    with database.read() as connection:
        connection.set_trace_callback(keep_what_a_cut_would_leave)
        assert records.fold(clock.now() + timedelta(days=1), 3) == 3
        connection.set_trace_callback(None)
        keep_what_a_cut_would_leave("")
    found = []
    for image in images:
        cut = Database.open(image / path.name, clock=clock)
        assert cut.recovery_notes == []
        found.append((Events(cut).count(), TitleRecords(cut).viewings()))
        cut.close()
    assert found == [(4, 1)] * (len(images) - 1) + [(1, 4)]


def write_until_killed(program: Path, path: Path, prefix: str) -> set[str]:
    """Ids that a writer printed before it was killed at a random moment."""
    seconds = random.uniform(0.05, 0.4)  # noqa: S311 - any moment will do
    with subprocess.Popen(
        [sys.executable, str(program), str(path), prefix], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        timer = threading.Timer(seconds, writer.send_signal, [signal.SIGKILL])
        timer.start()
        lines = [first, *writer.stdout]
        timer.join()
    assert writer.returncode == -signal.SIGKILL
    return {line.strip() for line in lines if line.endswith("\n")}
