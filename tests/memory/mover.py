"""Run as a program: stores memories and moves them up for ever.

Prints the key of each memory once it is durable. Arguments: database, prefix of the keys.
"""

from __future__ import annotations

import itertools
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omega_core.clock import ManualClock
from omega_core.memory import Memory, Tier
from omega_memory.tonight import VIEWING_PREFIX
from omega_testing.remembering import open_memory

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
VIEWING = {
    "kind": "viewing",
    "at": NOW.isoformat(),
    "watched": "0.9000",
    "engaged": "0.5000",
    "recommendation_id": "",
    "context": "0,0,0,0,0",
}


def main() -> None:
    path, prefix = Path(sys.argv[1]), sys.argv[2]
    tv = open_memory(path, ManualClock(NOW))
    for number in itertools.count():
        key = f"{prefix}{number}"
        memory = Memory(
            tier=Tier.SESSION,
            key=VIEWING_PREFIX + key,
            content_id="c0",
            text="m",
            # A third moves early, a third at the end of its time, a third is dropped then.
            importance=(0.9, 0.5, 0.2)[number % 3],
            created_at=NOW,
            accessed_at=NOW,
            metadata={**VIEWING, "session_id": key},
        )
        tv.memory.store(memory, NOW)
        sys.stdout.write(f"{key}\n")
        sys.stdout.flush()
        if number % 7 == 0:
            tv.memory.consolidate(Tier.SESSION, Tier.EPISODIC, NOW, 5)
        if number % 20 == 0:
            tv.memory.consolidate(Tier.SESSION, Tier.EPISODIC, NOW + timedelta(days=1), 5)


main()
