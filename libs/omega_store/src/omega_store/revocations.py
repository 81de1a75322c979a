"""Devices that were shut out (devices.revoke), in an order that readers miss none by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from omega_store.certificates import MOST as MOST_SERIALS
from omega_store.pool import Connection
from omega_store.rows import only


@dataclass(frozen=True)
class Revocation:
    """A device that was shut out."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    serials: tuple[bytes, ...]
    """Of its certificates that have not ended, at most 64."""


@dataclass(frozen=True)
class Revocations:
    """A piece of the list."""

    found: tuple[Revocation, ...]
    """Oldest first."""
    cursor: int
    """Where the next piece begins."""
    more: bool
    """Whether there is one already."""


def since(conn: Connection, cursor: int, now: datetime, most: int = 1_000) -> Revocations:
    """What was revoked after `cursor`; call it in a transaction that sees one instant.

    A cursor beyond the newest, as after a restored backup, begins anew.
    """
    newest: int = only(conn.execute("SELECT coalesce(max(cursor), 0) FROM revocations").fetchone())[
        0
    ]
    begin = cursor if cursor <= newest else 0
    rows = conn.execute(
        "SELECT r.cursor, r.device_id, ARRAY("
        "  SELECT serial FROM certificates AS c WHERE c.device_id = r.device_id"
        "  AND c.expires_at > %s ORDER BY serial LIMIT %s)"
        " FROM revocations AS r WHERE r.cursor > %s ORDER BY r.cursor LIMIT %s",
        (now, MOST_SERIALS, begin, most),
    ).fetchall()
    found = tuple(Revocation(device_id, tuple(serials)) for _, device_id, serials in rows)
    last: int = rows[-1][0] if rows else newest
    return Revocations(found, last, more=last < newest)
