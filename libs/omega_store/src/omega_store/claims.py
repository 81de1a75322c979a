"""One-time claims: what a TV shows to register where the operator asks for one."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from omega_store.pool import Connection

_BYTES = 32


def create(conn: Connection, count: int, valid_for: timedelta, now: datetime) -> list[str]:
    """Makes `count` claims of 43 characters each; only their hashes are kept.

    Claims that have ended are deleted on the way.
    """
    conn.execute("DELETE FROM claims WHERE expires_at <= %s", (now,))
    made = [secrets.token_urlsafe(_BYTES) for _ in range(count)]
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO claims (sha256, expires_at) VALUES (%s, %s)",
            [(_hash(claim), now + valid_for) for claim in made],
        )
    return made


def spend(conn: Connection, claim: str, device_id: str, now: datetime) -> bool:
    """Spends a claim for a device; False when there is none, it has ended or was spent before."""
    done = conn.execute(
        "UPDATE claims SET spent_at = %s, spent_by = %s"
        " WHERE sha256 = %s AND spent_at IS NULL AND expires_at > %s",
        (now, device_id, _hash(claim), now),
    )
    return done.rowcount == 1


def _hash(claim: str) -> bytes:
    # As many random bits as a key: a plain hash cannot be searched.
    return hashlib.sha256(claim.encode()).digest()
