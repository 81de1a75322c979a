"""Sums that shards and regions made last, between rounds: in the home shard's database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from psycopg.rows import class_row

from omega_store.pool import Connection

OF_REGION = ""
"""In place of a shard's name: of all shards of the region."""


@dataclass(frozen=True)
class CurrentSums:
    """What some devices come to."""

    region: str
    """Of the shards; empty = one for all."""
    shard: str
    """Its name; OF_REGION = all of the region."""
    made_at: datetime
    """When; of a region, when the oldest of its shards' was."""
    basis: str
    """Names the refresh and all that the sums rest on: those of two do not add up."""
    devices: int
    """Distinct devices."""
    sketches: int
    """Distinct sketches behind them."""
    body: bytes = field(repr=False)
    """The worker's own."""


def put(conn: Connection, sums: CurrentSums) -> None:
    """Replaces those of a shard or region."""
    conn.execute(
        "INSERT INTO current_sums (region, shard, made_at, basis, devices, sketches, body)"
        " VALUES (%s, %s, %s, %s, %s, %s, %b) ON CONFLICT (region, shard) DO UPDATE"
        " SET (made_at, basis, devices, sketches, body)"
        " = ROW(EXCLUDED.made_at, EXCLUDED.basis, EXCLUDED.devices, EXCLUDED.sketches,"
        " EXCLUDED.body)",
        (
            sums.region,
            sums.shard,
            sums.made_at,
            sums.basis,
            sums.devices,
            sums.sketches,
            sums.body,
        ),
    )


def of_shards(conn: Connection, region: str) -> list[CurrentSums]:
    """Those of the shards of a region, by name."""
    return _read(conn, region, of_region=False)


def of_region(conn: Connection, region: str) -> CurrentSums | None:
    """That of a region; None = there is none yet."""
    return next(iter(_read(conn, region, of_region=True)), None)


def _read(conn: Connection, region: str, *, of_region: bool) -> list[CurrentSums]:
    with conn.cursor(row_factory=class_row(CurrentSums), binary=True) as cursor:
        cursor.execute(
            "SELECT region, shard, made_at, basis, devices, sketches, body FROM current_sums"
            " WHERE region = %s AND (shard = '') = %s ORDER BY shard",
            (region, of_region),
        )
        return cursor.fetchall()
