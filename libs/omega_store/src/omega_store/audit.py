"""The log of what operators did. It only grows; a trigger sees to it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from omega_store.pool import Connection

MOST_CHARACTERS = 128
"""Longest actor and subject."""


@dataclass(frozen=True)
class Entry:
    """One deed of an operator."""

    entry_id: int
    """From 1."""
    at: datetime
    """When."""
    actor: str
    """Who, at most 128 characters; empty = not stated."""
    action: str
    """What: the method's name."""
    subject: str
    """To what, at most 128 characters; a device that is not here any more as gone() names it."""


def note(conn: Connection, actor: str, action: str, subject: str, now: datetime) -> None:
    """Notes a deed; call it in the transaction that does it.

    Args:
        conn: the transaction.
        actor: who, at most 128 characters; empty = not stated.
        action: the method's name, 1 to 64 characters.
        subject: to what, at most 128 characters.
        now: the present instant.
    """
    conn.execute(
        "INSERT INTO audit (at, actor, action, subject) VALUES (%s, %s, %s, %s)",
        (now, actor, action, subject),
    )


def gone(device_id: str) -> str:
    """How the log names a device that is not here any more: `device-` and 32 hexadecimal digits.

    When a device goes, entries that name it are changed to this. Whoever knows the id finds them;
    the log does not tell it.
    """
    return f"device-{hashlib.sha256(device_id.encode()).hexdigest()[:32]}"


def entries(conn: Connection, before: int, most: int) -> list[Entry]:
    """The newest `most` entries with an id below `before` (0 = of all), newest first."""
    with conn.cursor(row_factory=class_row(Entry)) as cursor:
        cursor.execute(
            "SELECT entry_id, at, actor, action, subject FROM audit"
            " WHERE %(before)s = 0 OR entry_id < %(before)s ORDER BY entry_id DESC LIMIT %(most)s",
            {"before": before, "most": most},
        )
        return cursor.fetchall()
