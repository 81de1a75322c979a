"""Sole ownership of a database, and how its last owner left it."""

from __future__ import annotations

import fcntl
import os
from enum import StrEnum
from pathlib import Path

from omega_persistence.failures import unavailable


class Left(StrEnum):
    """How the last owner left the database."""

    NEVER = ""
    """There was none, or it had stored nothing yet."""
    OPEN = "open"
    """It was killed or lost power: a write-ahead log must lie beside the database."""
    CLOSING = "closing"
    """It was killed while closing: the log may lie there or not."""
    CLOSED = "closed"
    """In order: there is no log."""


class Owner:
    """An exclusive flock on `<database>.lock`, held until `release`.

    The lock file stays: removing it would let two processes lock two files of one name.
    """

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise unavailable(f"another process owns {database}; stop it first") from None
        except OSError:
            os.close(self._descriptor)
            raise
        word = os.pread(self._descriptor, 16, 0).decode("ascii", "replace").strip()
        # An unknown word says only that somebody was here.
        self.found = Left(word) if word in set(Left) else Left.CLOSING

    def mark(self, state: Left) -> None:
        """Notes durably how the database is left from now on."""
        os.pwrite(self._descriptor, f"{state:<15}\n".encode("ascii"), 0)
        os.fsync(self._descriptor)

    def release(self) -> None:
        """Lets the next owner in."""
        os.close(self._descriptor)
