"""What the fleet knows a TV by."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime

from omega_persistence import keys
from omega_persistence.times import to_micros


@dataclass(frozen=True)
class Identity:
    """An identity that the fleet gave out."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    auth_token: str = field(repr=False)
    """Secret."""


def queue(connection: sqlite3.Connection, identity: Identity, now: datetime) -> None:
    """Has the fleet forget an identity, inside a transaction; once is enough."""
    connection.execute(
        "INSERT INTO erasures VALUES (?, ?, ?, 0) ON CONFLICT (device_id) DO NOTHING",
        (identity.device_id, identity.auth_token, to_micros(now)),
    )


def retire(connection: sqlite3.Connection, now: datetime) -> Identity | None:
    """Lays the present identity down, inside a transaction; its register request goes with it.

    The caller drops its sketches in the same transaction: noise is drawn for one identity.
    """
    facts = dict(
        connection.execute(
            "SELECT key, value FROM meta WHERE key IN (?, ?)", (keys.DEVICE_ID, keys.AUTH_TOKEN)
        ).fetchall()
    )
    connection.executemany(
        "DELETE FROM meta WHERE key = ?",
        [
            (keys.DEVICE_ID,),
            (keys.AUTH_TOKEN,),
            (keys.REGISTER_REQUEST_ID,),
            (keys.REGISTERED_REGION,),
            (keys.NOISE_ID,),
            (keys.PUSHES_MADE,),
        ],
    )
    if len(facts) < 2:  # noqa: PLR2004 - both of the above
        return None
    identity = Identity(facts[keys.DEVICE_ID], facts[keys.AUTH_TOKEN])
    queue(connection, identity, now)
    return identity
