"""Devices that were erased since a round last saw the shard: how many, never which.

What was published before still rests on them; the next round withdraws it.
"""

from __future__ import annotations

from collections.abc import Sequence

from omega_store.pool import Connection


def note(conn: Connection) -> None:
    """Notes that a device with pushes was erased; devices.erase() does it."""
    conn.execute("INSERT INTO erasures DEFAULT VALUES")


def noted(conn: Connection) -> list[int]:
    """Names of the notes; read them in the snapshot that reads the pushes."""
    rows = conn.execute("SELECT erasure_id FROM erasures ORDER BY erasure_id").fetchall()
    return [erasure_id for (erasure_id,) in rows]


def settle(conn: Connection, seen: Sequence[int]) -> None:
    """Deletes the notes that a round saw; those of later erasures stay for the next."""
    conn.execute("DELETE FROM erasures WHERE erasure_id = ANY(%s)", (list(seen),))
