"""How many elements are evaluated in an epoch, over restarts and by all processes on one file."""

from __future__ import annotations

import threading
from pathlib import Path

from omega_core.closing import Closing
from omega_core.errors import ErrorCode, OmegaError
from omega_threshold.files import private_database

BLOCK = 1_000
"""How many are taken from the file at a time. A crash loses what is left of a block."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS evaluated (epoch INTEGER PRIMARY KEY, taken INTEGER NOT NULL);
"""


class Budget(Closing):
    """Counts down what an epoch may still have. Threads and processes may share it.

    Args:
        path: of the file, made where there is none.
        most: elements an epoch, at least BLOCK.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._conn = private_database(path, _SCHEMA)
        self._left: dict[int, int] = {}

    def take(self, epoch: int, count: int) -> None:
        """Takes `count` evaluations, at most BLOCK; what is taken is never given again.

        Raises:
            OmegaError: RATE_LIMITED epoch when not so many are left.
        """
        with self._lock:
            if self._left.get(epoch, 0) < count:
                self._left[epoch] = self._left.get(epoch, 0) + self._block(epoch)
            if self._left[epoch] < count:
                raise OmegaError(ErrorCode.RATE_LIMITED, field="epoch")
            self._left[epoch] -= count

    def _block(self, epoch: int) -> int:
        """How many more this process may use; on the disk before it returns."""
        self._conn.execute("BEGIN IMMEDIATE")
        with self._conn:
            self._conn.execute("INSERT OR IGNORE INTO evaluated VALUES (?, 0)", (epoch,))
            (taken,) = self._conn.execute(
                "SELECT taken FROM evaluated WHERE epoch = ?", (epoch,)
            ).fetchone()
            granted = int(min(BLOCK, max(0, self._most - taken)))
            self._conn.execute(
                "UPDATE evaluated SET taken = taken + ? WHERE epoch = ?", (granted, epoch)
            )
        return granted

    def close(self) -> None:
        """Closes the file."""
        self._conn.close()
