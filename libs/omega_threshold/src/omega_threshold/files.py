"""SQLite files for what must outlive a crash, and must not outlive its deletion."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


def private_database(path: Path, schema: str) -> sqlite3.Connection:
    """A database that only its owner may read, in autocommit; what is committed is on the disk.

    Deleted rows are overwritten, and there is no log that still holds them. A file system or a
    flash chip may keep old blocks all the same.

    Args:
        path: of the file; made where there is none, in a folder that is there.
        schema: statements that may run at every start.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    conn.execute("PRAGMA journal_mode = DELETE")
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("PRAGMA secure_delete = ON")
    conn.execute("PRAGMA busy_timeout = 5000")
    conn.executescript(schema)
    return conn
