"""Devices as operators see them: nothing of what they pushed but how much it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from omega_store.pool import Connection


@dataclass(frozen=True)
class DeviceRecord:
    """One device."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    platform: str
    """As registered."""
    app_version: str
    """As registered."""
    region: str
    """As it stated last; empty = not stated."""
    registered_at: datetime
    """When the identity was made."""
    last_seen_at: datetime | None
    """None = never."""
    revoked_at: datetime | None
    """None = it is welcome."""
    has_key: bool
    """Whether it has shown a key."""
    pushes: int
    """Pushes stored for it."""
    sketches: int
    """Sketches stored for it."""


_SELECT: LiteralString = (
    "SELECT d.device_id, d.platform, d.app_version, d.region, d.registered_at, d.last_seen_at,"
    " d.revoked_at, d.key_sha256 IS NOT NULL AS has_key, p.pushes, p.sketches"
    " FROM ({}) AS d CROSS JOIN LATERAL ("
    "  SELECT count(*) AS pushes, coalesce(sum(count), 0)::bigint AS sketches FROM pushes"
    "  WHERE pushes.device_id = d.device_id) AS p ORDER BY d.device_id"
)
_ONE: LiteralString = _SELECT.format("SELECT * FROM devices WHERE device_id = %s")
# The conditions that are asked for alone: the planner finds the index that fits them.
_PAGE: LiteralString = _SELECT.format(
    "SELECT * FROM devices WHERE device_id > %(after)s{} ORDER BY device_id LIMIT %(most)s"
)
_REGION: LiteralString = " AND region = %(region)s"
_ACTIVE: LiteralString = " AND revoked_at IS NULL AND last_seen_at >= %(active_since)s"
_REVOKED: LiteralString = " AND revoked_at IS NOT NULL"


def one(conn: Connection, device_id: str) -> DeviceRecord | None:
    """A device; None when it is not here."""
    with conn.cursor(row_factory=class_row(DeviceRecord)) as cursor:
        cursor.execute(_ONE, (device_id,))
        return cursor.fetchone()


def page(
    conn: Connection,
    *,
    after: str = "",
    most: int,
    region: str = "",
    active_since: datetime | None = None,
    revoked: bool = False,
) -> list[DeviceRecord]:
    """The first `most` devices behind `after`, by ascending id.

    Args:
        conn: a connection.
        after: id of the last device of the page before; empty = from the beginning.
        most: length of the page.
        region: only of this one; empty = of all.
        active_since: only those that called since then and are welcome; None = all.
        revoked: only those that are revoked.
    """
    conditions: LiteralString = _REGION if region else ""
    if active_since:
        conditions += _ACTIVE
    if revoked:
        conditions += _REVOKED
    values = {"after": after, "most": most, "region": region, "active_since": active_since}
    with conn.cursor(row_factory=class_row(DeviceRecord)) as cursor:
        cursor.execute(_PAGE.format(conditions), values)
        return cursor.fetchall()
