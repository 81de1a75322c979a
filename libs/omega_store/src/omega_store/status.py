"""Figures of a shard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from omega_store.pool import Connection
from omega_store.rows import only

ACTIVE = timedelta(hours=24)
"""A device is active when it called within this time."""


@dataclass(frozen=True)
class ShardFigures:
    """Counted at the call."""

    total_devices: int
    """Registered, not revoked."""
    active_devices: int
    """Of those, the ones that called within ACTIVE."""
    pushes: int
    """Pushes stored."""
    sketches: int
    """Sketches stored."""
    contents: int
    """Titles stored."""
    catalogue_version: int
    """0 = none."""
    state_version: int
    """0 = none."""
    last_push_at: datetime | None
    """None = never."""


def figures(conn: Connection, now: datetime) -> ShardFigures:
    """Counts the shard in one statement. Reads every device and push: for people, not for loops."""
    with conn.cursor(row_factory=class_row(ShardFigures)) as cursor:
        cursor.execute(
            "SELECT d.*, p.*,"
            " (SELECT count(*) FROM contents) AS contents,"
            " (SELECT coalesce(max(version), 0) FROM resources WHERE kind = 1)"
            "  AS catalogue_version,"
            " (SELECT coalesce(max(version), 0) FROM states) AS state_version"
            " FROM (SELECT count(*) AS total_devices,"
            "  count(*) FILTER (WHERE last_seen_at >= %s) AS active_devices"
            "  FROM devices WHERE revoked_at IS NULL) AS d,"
            " (SELECT count(*) AS pushes, coalesce(sum(count), 0) AS sketches,"
            "  max(received_at) AS last_push_at FROM pushes) AS p",
            (now - ACTIVE,),
        )
        return only(cursor.fetchone())
