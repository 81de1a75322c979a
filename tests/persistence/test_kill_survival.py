"""What was acknowledged is there after the process was killed at any moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from omega_core.clock import ManualClock
from omega_persistence import Database, Events

WRITER = Path(__file__).with_name("event_writer.py")
KILLS = 5


def test_every_event_that_was_acknowledged_survives_kills(path: Path, clock: ManualClock) -> None:
    acknowledged: set[str] = set()
    for start in range(KILLS):
        acknowledged |= write_until_killed(path, f"s{start}-", random.uniform(0.05, 0.4))  # noqa: S311 - any moment will do
    database = Database.open(path, clock=clock)
    stored = {entry.event.event_id for entry in Events(database).all_events()}
    assert database.recovery_notes == []
    assert acknowledged <= stored
    # At most the event in flight at each kill was stored without its id being read.
    assert len(stored - acknowledged) <= KILLS
    database.close()


def write_until_killed(path: Path, prefix: str, seconds: float) -> set[str]:
    with subprocess.Popen(
        [sys.executable, str(WRITER), str(path), prefix], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        timer = threading.Timer(seconds, writer.send_signal, [signal.SIGKILL])
        timer.start()
        lines = [first, *writer.stdout]
        timer.join()
    assert writer.returncode == -signal.SIGKILL
    return {line.strip() for line in lines if line.endswith("\n")}
