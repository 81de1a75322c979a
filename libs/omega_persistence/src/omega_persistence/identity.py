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
    """Of use together with the key alone."""
    device_key: str = field(default="", repr=False)
    """Secret: PEM of the key that the fleet knows it by; empty = of a release that had none."""
    request_id: str = field(default="", repr=False)
    """Secret: what it was registered with, so that its credentials can be renewed."""


@dataclass(frozen=True)
class Credentials:
    """What the fleet gave out with an identity, for a time."""

    certificates: tuple[bytes, ...]
    """X.509 chain, DER, its own first; empty = none."""
    since: datetime
    """When they were given out, in UTC."""
    until: datetime | None
    """When the first of token and certificate ends, in UTC; None = it was not told."""


_FACTS = (
    keys.DEVICE_ID,
    keys.AUTH_TOKEN,
    keys.REGISTER_REQUEST_ID,
    keys.REGISTERED_REGION,
    keys.CERTIFICATES,
    keys.CREDENTIALS_SINCE,
    keys.CREDENTIALS_UNTIL,
)


def queue(connection: sqlite3.Connection, identity: Identity, now: datetime) -> None:
    """Has the fleet forget an identity, inside a transaction; once is enough."""
    connection.execute(
        "INSERT INTO erasures (device_id, auth_token, queued_at, attempts, device_key, request_id) "
        "VALUES (?, ?, ?, 0, ?, ?) ON CONFLICT (device_id) DO NOTHING",
        (
            identity.device_id,
            identity.auth_token,
            to_micros(now),
            identity.device_key,
            identity.request_id,
        ),
    )


def retire(connection: sqlite3.Connection, now: datetime) -> Identity | None:
    """Lays the present identity down, inside a transaction; its key and register request with it.

    The caller drops its sketches in the same transaction: noise is drawn for one identity.
    """
    identity = read(connection)
    forget(connection)
    connection.executemany(
        "DELETE FROM meta WHERE key = ?", [(keys.NOISE_ID,), (keys.PUSHES_MADE,)]
    )
    if identity is not None:
        queue(connection, identity, now)
    return identity


def read(connection: sqlite3.Connection) -> Identity | None:
    """The present identity, or None."""
    facts = dict(
        connection.execute(
            "SELECT key, value FROM meta WHERE key IN (?, ?, ?, ?)",
            (keys.DEVICE_ID, keys.AUTH_TOKEN, keys.DEVICE_KEY, keys.REGISTER_REQUEST_ID),
        ).fetchall()
    )
    if keys.DEVICE_ID not in facts or keys.AUTH_TOKEN not in facts:
        return None
    return Identity(
        facts[keys.DEVICE_ID],
        facts[keys.AUTH_TOKEN],
        facts.get(keys.DEVICE_KEY, ""),
        facts.get(keys.REGISTER_REQUEST_ID, ""),
    )


def forget(connection: sqlite3.Connection, *, key_too: bool = True) -> None:
    """Forgets the present identity, inside a transaction: the next registration is a new TV's.

    Args:
        connection: to the database.
        key_too: False: the new TV is to have the same key.
    """
    connection.executemany("DELETE FROM meta WHERE key = ?", [(key,) for key in _FACTS])
    if key_too:
        connection.execute("DELETE FROM meta WHERE key = ?", (keys.DEVICE_KEY,))
