"""Run as a program: stores events for ever and prints the id of each once it is durable.

Arguments: database, prefix of the ids, and optionally the largest file in bytes the system allows.
Ends with 3 when storing fails, after printing the code of the error.
"""

from __future__ import annotations

import itertools
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from omega_core.clock import SystemClock
from omega_core.content import Content, ContentKind
from omega_core.errors import OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence import Contents, Database, Events, StoredContent


def main() -> None:
    path, prefix = Path(sys.argv[1]), sys.argv[2]
    database = Database.open(path, clock=SystemClock())
    vector = np.eye(384, dtype=np.float32)[0]
    title = Content("c0", "Title", ContentKind.MOVIE)
    Contents(database).upsert([StoredContent(content=title, embedding=vector, model_version="m")])
    events = Events(database)
    if len(sys.argv) > 3:
        largest = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    for number in itertools.count():
        event = ViewingEvent(f"{prefix}{number}", "c0", 0.9, 0.9, datetime.now(UTC))
        try:
            events.record(event)
        except OmegaError as error:
            sys.stdout.write(f"{error.code}\n")
            sys.exit(3)
        sys.stdout.write(f"{event.event_id}\n")
        sys.stdout.flush()


main()
