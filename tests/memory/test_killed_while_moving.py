"""A process that dies at any moment leaves each memory in one place."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

from omega_core.clock import ManualClock
from omega_core.memory import Tier
from omega_testing.remembering import open_memory

MOVER = Path(__file__).with_name("mover.py")
KILLS = 5


def test_kills_leave_every_memory_once_or_dropped_by_rule(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "omega.db"
    acknowledged: set[str] = set()
    for start in range(KILLS):
        acknowledged |= run_until_killed(path, f"s{start}-", random.uniform(0.05, 0.5))  # noqa: S311 - any moment will do
    tv = open_memory(path, clock)
    below = [m.metadata["session_id"] for m in tv.memory.named(Tier.SESSION, "", clock.now())]
    above = [entry.event.session_id for entry in tv.episodes.events.all_events()]
    assert len(below) + len(above) == len({*below, *above})
    # What nobody has any more was of too little importance, and only that.
    missing = acknowledged - {*below, *above}
    assert {int(key.partition("-")[2]) % 3 for key in missing} <= {2}
    # At most the memory in flight at each kill was stored without its key being read.
    assert len({*below, *above} - acknowledged) <= KILLS
    assert above
    tv.memory.consolidate(Tier.SESSION, Tier.EPISODIC, clock.now() + timedelta(days=1), 10**6)
    assert tv.memory.named(Tier.SESSION, "", clock.now()) == []
    ended = {entry.event.session_id for entry in tv.episodes.events.all_events()}
    assert {*above} | {key for key in below if int(key.partition("-")[2]) % 3 < 2} == ended
    tv.database.close()


def run_until_killed(path: Path, prefix: str, seconds: float) -> set[str]:
    with subprocess.Popen(
        [sys.executable, str(MOVER), str(path), prefix], stdout=subprocess.PIPE, text=True
    ) as mover:
        assert mover.stdout is not None
        first = [mover.stdout.readline() for _ in range(10)]
        timer = threading.Timer(seconds, mover.send_signal, [signal.SIGKILL])
        timer.start()
        lines = [*first, *mover.stdout]
        timer.join()
    assert mover.returncode == -signal.SIGKILL
    return {line.strip() for line in lines if line.endswith("\n")}
