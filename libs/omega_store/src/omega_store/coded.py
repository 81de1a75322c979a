"""States as they are coded under a codebook; what was stored first holds for every TV."""

from __future__ import annotations

from omega_store.pool import Connection
from omega_store.rows import only


def get(conn: Connection, version: int, codebook_id: int) -> bytes | None:
    """The body of a version under a codebook; None where it was not coded or is not kept."""
    row = conn.execute(
        "SELECT body FROM coded_states WHERE (version, codebook_id) = (%s, %s)",
        (version, codebook_id),
        binary=True,
    ).fetchone()
    return bytes(row[0]) if row else None


def latest_before(conn: Connection, version: int, codebook_id: int) -> bytes | None:
    """The body of the newest version below `version` that is coded under a codebook."""
    row = conn.execute(
        "SELECT body FROM coded_states WHERE version < %s AND codebook_id = %s"
        " ORDER BY version DESC LIMIT 1",
        (version, codebook_id),
        binary=True,
    ).fetchone()
    return bytes(row[0]) if row else None


def put(conn: Connection, version: int, codebook_id: int, body: bytes) -> bytes:
    """Stores a body unless there is one; returns the one that holds. Call it in a transaction.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE, STORAGE_FULL.
    """
    conn.execute(
        "INSERT INTO coded_states (version, codebook_id, body) VALUES (%s, %s, %b)"
        " ON CONFLICT DO NOTHING",
        (version, codebook_id, body),
    )
    return only(get(conn, version, codebook_id))
