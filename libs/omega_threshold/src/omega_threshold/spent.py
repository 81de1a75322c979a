"""Which tokens were spent: a file that outlives a crash, so that none is spent twice.

For who takes reports without a database. A fleet of this project notes them in its Postgres, with
the reports, in one statement.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from omega_core.closing import Closing
from omega_core.errors import ErrorCode, OmegaError
from omega_threshold.files import private_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spent (
    epoch INTEGER NOT NULL, nonce BLOB NOT NULL, spent_on BLOB NOT NULL,
    PRIMARY KEY (epoch, nonce)
) WITHOUT ROWID;
"""


class SpentTokens(Closing):
    """Numbers of tokens that were spent, in a file. Threads and processes may share it.

    Args:
        path: of the file, made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._conn = private_database(path, _SCHEMA)

    def spend(self, epoch: int, nonce: bytes, spent_on: bytes) -> bool:
        """Notes that a token was spent; true the first time, false when it was on the same thing.

        On the disk before it returns. Of what it was spent on, only the SHA-256 is kept.

        Raises:
            OmegaError: TOKEN_REFUSED token where it was spent on something else.
        """
        digest = hashlib.sha256(spent_on).digest()
        with self._lock:
            added = self._conn.execute(
                "INSERT OR IGNORE INTO spent VALUES (?, ?, ?)", (epoch, nonce, digest)
            ).rowcount
            row = self._conn.execute(
                "SELECT spent_on FROM spent WHERE epoch = ? AND nonce = ?", (epoch, nonce)
            ).fetchone()
        if row != (digest,):
            raise OmegaError(ErrorCode.TOKEN_REFUSED, field="token")
        return added == 1

    def forget(self, epoch: int) -> int:
        """Drops the tokens of a closed epoch and of those before; how many there were.

        Only after its key is gone: until then they are what keeps a token from counting twice.
        """
        with self._lock:
            return self._conn.execute("DELETE FROM spent WHERE epoch <= ?", (epoch,)).rowcount

    def close(self) -> None:
        """Closes the file."""
        self._conn.close()
