"""Figures of a shard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

from psycopg.rows import class_row

from omega_store import counts
from omega_store.counts import DeviceCounts
from omega_store.pool import Connection
from omega_store.resources import ResourceKind
from omega_store.rows import only

ACTIVE = timedelta(hours=24)
"""A device is active when it called within this time."""
MOST_REGIONS = 1_000
"""Regions of a listing."""


@dataclass(frozen=True)
class ShardFigures:
    """What is read by counting: every device and push."""

    active_devices: int
    """Of the welcome ones, those that called within ACTIVE."""
    pushes: int
    """Pushes stored."""
    sketches: int
    """Sketches stored."""
    last_push_at: datetime | None
    """None = never."""


@dataclass(frozen=True)
class RegionFigures:
    """Welcome devices of a region."""

    region: str
    """As they state it; empty = not stated."""
    devices: int
    """How many."""
    active_devices: int
    """Of them, those that called within ACTIVE."""


@dataclass(frozen=True)
class ShardHeads:
    """What is read at once, however large the shard is."""

    devices: DeviceCounts
    """Exact."""
    contents: int
    """Titles stored."""
    catalogue_version: int
    """0 = none."""
    factors_version: int
    """0 = none."""
    codebook_version: int
    """0 = none."""
    state_version: int
    """0 = none."""
    directory_version: int
    """0 = none."""
    database_bytes: int
    """On disk."""


@dataclass(frozen=True)
class Collective:
    """What the shard gives out."""

    state_version: int
    """Of the newest state; 0 = none."""
    patterns: int
    """Global patterns of it."""
    trends: int
    """Trends in force, over all regions."""


_FIGURES: LiteralString = (
    "SELECT (SELECT count(*) FROM devices WHERE last_seen_at >= %s"
    "  AND revoked_at IS NULL AND leaving_for IS NULL) AS active_devices, p.* FROM ("
    "  SELECT count(*) AS pushes, coalesce(sum(count), 0)::bigint AS sketches,"
    "  max(received_at) AS last_push_at FROM pushes) AS p"
)
_REGIONS: LiteralString = (
    "SELECT region, count(*) AS devices, count(*) FILTER (WHERE last_seen_at >= %s)"
    " AS active_devices FROM devices WHERE revoked_at IS NULL AND leaving_for IS NULL"
    " GROUP BY region ORDER BY devices DESC, region LIMIT %s"
)
_HEADS: LiteralString = (
    "SELECT (SELECT count(*) FROM contents) AS contents,"
    " coalesce(max(version) FILTER (WHERE kind = %s), 0) AS catalogue_version,"
    " coalesce(max(version) FILTER (WHERE kind = %s), 0) AS factors_version,"
    " coalesce(max(version) FILTER (WHERE kind = %s), 0) AS codebook_version,"
    " (SELECT coalesce(max(version), 0) FROM states) AS state_version,"
    " (SELECT coalesce(max(version), 0) FROM directories) AS directory_version,"
    " pg_database_size(current_database()) AS database_bytes FROM resources"
)
_COLLECTIVE: LiteralString = (
    "SELECT (SELECT coalesce(max(version), 0) FROM states) AS state_version,"
    " (SELECT count(*) FROM global_patterns WHERE removed_version IS NULL) AS patterns,"
    " (SELECT count(*) FROM trends) AS trends"
)
_KINDS = (ResourceKind.CATALOGUE, ResourceKind.FACTORS, ResourceKind.CODEBOOK)


def figures(conn: Connection, now: datetime) -> ShardFigures:
    """Counts the shard: for people, not for loops."""
    with conn.cursor(row_factory=class_row(ShardFigures)) as cursor:
        cursor.execute(_FIGURES, (now - ACTIVE,))
        return only(cursor.fetchone())


def regions(conn: Connection, now: datetime) -> list[RegionFigures]:
    """Counts devices by region, those with most first, at most MOST_REGIONS."""
    with conn.cursor(row_factory=class_row(RegionFigures)) as cursor:
        cursor.execute(_REGIONS, (now - ACTIVE, MOST_REGIONS))
        return cursor.fetchall()


def heads(conn: Connection) -> ShardHeads:
    """Reads what is kept."""
    found = conn.execute(_HEADS, _KINDS).fetchone()
    return ShardHeads(counts.devices(conn), *only(found))


def collective(conn: Connection) -> Collective:
    """Counts what is given out: some dozens of rows."""
    with conn.cursor(row_factory=class_row(Collective)) as cursor:
        cursor.execute(_COLLECTIVE)
        return only(cursor.fetchone())
