"""Run as a program: upgrades a database and kills itself when a statement is about to run.

Arguments: database, beginning of the statement.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from omega_persistence import migrate, recovery


def main() -> None:
    path, fatal = Path(sys.argv[1]), sys.argv[2]
    connection = recovery.connect(path)
    # So small a cache has SQLite write pages before the commit.
    connection.execute("PRAGMA cache_size = 1")

    def die_at(statement: str) -> None:
        lines = [line for line in statement.splitlines() if not line.startswith("--")]
        if " ".join(lines).strip().startswith(fatal):
            os.kill(os.getpid(), signal.SIGKILL)

    connection.set_trace_callback(die_at)
    migrate.migrate(connection, migrate.shipped())


main()
