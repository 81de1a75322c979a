"""How far viewings have been learnt: stored together with what they taught, so never twice."""

from __future__ import annotations

import sqlite3

from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import keys


def read(connection: sqlite3.Connection, key: str) -> int:
    """Seq of the last viewing that was learnt; 0 = none."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return 0 if row is None else int(row[0])


def advance(connection: sqlite3.Connection, key: str, seq: int) -> None:
    """Moves the watermark, inside the transaction that stores what was learnt.

    Raises:
        OmegaError: INTERNAL when viewings up to `seq` are learnt already.
    """
    held = read(connection, key)
    if seq <= held:
        raise OmegaError(ErrorCode.INTERNAL, detail=f"{key}: {seq} is learnt, up to {held}")
    connection.execute(keys.SET, (key, str(seq)))
