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
    """Spends a claim for a device, of this shard or another; the same device may spend it again.

    Returns:
        False when there is none, it has ended, or another device spent it.
    """
    spender = _hash(f"{claim} {device_id}")
    done = conn.execute(
        "UPDATE claims SET spent_at = coalesce(spent_at, %(now)s), spent_for = %(spender)s"
        " WHERE sha256 = %(claim)s AND expires_at > %(now)s"
        " AND (spent_at IS NULL OR spent_for = %(spender)s)",
        {"now": now, "spender": spender, "claim": _hash(claim)},
    )
    return done.rowcount == 1


def _hash(text: str) -> bytes:
    # As many random bits as a key: a plain hash cannot be searched.
    return hashlib.sha256(text.encode()).digest()
