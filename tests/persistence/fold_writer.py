"""Run as a program: stores events for ever, folds them all the while, and prints each id.

Arguments: database, prefix of the ids. An id is printed once its event is durable; event n of a
run is of title c(n modulo 10).
"""

from __future__ import annotations

import itertools
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omega_core.clock import SystemClock
from omega_core.viewing import ViewingEvent
from omega_persistence import Database, Events, TitleRecords


def main() -> None:
    path, prefix = Path(sys.argv[1]), sys.argv[2]
    database = Database.open(path, clock=SystemClock())
    events, records = Events(database), TitleRecords(database)
    for number in itertools.count():
        now = datetime.now(UTC)
        event = ViewingEvent(f"{prefix}{number}", f"c{number % 10}", 0.9, 0.9, now)
        events.record(event)
        sys.stdout.write(f"{event.event_id}\n")
        sys.stdout.flush()
        if number % 4 == 3:
            records.fold(now + timedelta(days=1), 3)
            records.capacity(2, 3)


main()
