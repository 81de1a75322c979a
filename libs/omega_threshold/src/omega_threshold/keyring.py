"""A server's keys, one an epoch: drawn by chance when first asked for, deleted when it closes.

No key follows from another. So once an epoch is closed, nobody can try guesses on its reports any
more, not even with all that the server still holds.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from pathlib import Path

from omega_core.closing import Closing
from omega_core.errors import ErrorCode, OmegaError
from omega_threshold.epochs import Schedule
from omega_threshold.files import private_database
from omega_threshold.oprf import SecretKey

_SCHEMA = """
CREATE TABLE IF NOT EXISTS seeds (epoch INTEGER PRIMARY KEY, seed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS closed (
    one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL
);
INSERT OR IGNORE INTO closed VALUES (1, -1);
"""


class KeyRing(Closing):
    """The keys of one purpose, in a file. Threads may share it.

    Args:
        path: of the file, made where there is none. Whoever reads it can evaluate for its epochs.
        purpose: what the keys are for; two purposes never have the same key.
        schedule: of the epochs.
    """

    def __init__(self, path: Path, purpose: str, schedule: Schedule) -> None:
        self.schedule = schedule
        self._purpose = purpose.encode()
        self._lock = threading.Lock()
        self._conn = private_database(path, _SCHEMA)
        self._keys: dict[int, SecretKey] = {}
        (self._closed,) = self._conn.execute("SELECT epoch FROM closed").fetchone()

    def key(self, epoch: int, now: datetime) -> SecretKey:
        """The key of an epoch that is open.

        Raises:
            OmegaError: EPOCH_CLOSED epoch; also for one that was closed before a clock went back.
        """
        self.schedule.check_open(epoch, now)
        self.close_epochs(now)
        with self._lock:
            if epoch not in self._keys:
                self._keys[epoch] = self._stored(epoch)
            return self._keys[epoch]

    def public_keys(self, now: datetime) -> dict[int, bytes]:
        """Epoch -> public key of those that are open.

        Raises:
            OmegaError: EPOCH_CLOSED epoch where a clock went back.
        """
        return {epoch: self.key(epoch, now).public for epoch in self.schedule.open(now)}

    def close_epochs(self, now: datetime) -> None:
        """Deletes the keys of epochs that have closed, for good; key() does so too."""
        last = min(self.schedule.open(now), default=0) - 1
        with self._lock:
            if last > self._closed:
                self._conn.execute("BEGIN IMMEDIATE")
                with self._conn:  # both or neither: a mark without the deletion would keep a key
                    self._conn.execute("UPDATE closed SET epoch = max(epoch, ?)", (last,))
                    self._conn.execute("DELETE FROM seeds WHERE epoch <= ?", (last,))
                self._keys = {epoch: key for epoch, key in self._keys.items() if epoch > last}
                self._closed = last

    def _stored(self, epoch: int) -> SecretKey:
        # Two processes on one file agree: the first row stays, and what one closed is closed.
        self._conn.execute(
            "INSERT OR IGNORE INTO seeds SELECT ?, ? WHERE ? > (SELECT epoch FROM closed)",
            (epoch, os.urandom(32), epoch),
        )
        row = self._conn.execute("SELECT seed FROM seeds WHERE epoch = ?", (epoch,)).fetchone()
        if row is None:
            raise OmegaError(ErrorCode.EPOCH_CLOSED, field="epoch", bound="one that was not closed")
        return SecretKey.derived(row[0], self._purpose)

    def close(self) -> None:
        """Closes the file."""
        self._conn.close()
