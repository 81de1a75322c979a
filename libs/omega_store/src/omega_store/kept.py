"""What rounds keep between refreshes: what sketches are decoded with, and what came of each device.

Bodies are the federation worker's own. Everything here is written in the transaction that publishes
a round, so that it always fits what is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from omega_store.pool import Connection


@dataclass(frozen=True)
class StoredDecoder:
    """What the last refresh decoded with."""

    basis: str
    """Names all that it rests on beside the fleet, 1 to 128 characters."""
    refreshed_at: datetime
    """When that refresh read the shard."""
    body: bytes = field(repr=False)
    """The worker's own."""


@dataclass(frozen=True)
class KeptRow:
    """What is kept of one device."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    pushes: int
    """Pushes with sketches that it rests on, at least 1."""
    body: bytes = field(repr=False)
    """The worker's own."""


@dataclass(frozen=True)
class HeldRow:
    """A kept row as it is read."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    region: str
    """Of the device now; empty = not stated."""
    body: bytes = field(repr=False)
    """The worker's own."""


@dataclass(frozen=True)
class Keeping:
    """What a round leaves for those after it."""

    decoder: StoredDecoder | None
    """Of a refresh: nothing of the time before is kept then. None = it was a step."""
    rows: Iterable[KeptRow]
    """Of devices that were decoded, each at most once; read once."""
    stale: bool = False
    """Whether nothing is to go on from here: the next round is a refresh."""


# Devices are locked in order, as everywhere. One that was erased meanwhile leaves nothing behind.
_STAGE: LiteralString = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS staged_kept_rows ("
    ' device_id text COLLATE "C", pushes integer, body bytea) ON COMMIT DELETE ROWS'
)
_COPY: LiteralString = "COPY staged_kept_rows (device_id, pushes, body) FROM STDIN (FORMAT binary)"
_STORE: LiteralString = (
    "WITH known AS MATERIALIZED ("
    "  SELECT device_id FROM devices WHERE device_id IN (SELECT device_id FROM staged_kept_rows)"
    "  ORDER BY device_id FOR KEY SHARE"
    ") INSERT INTO kept_rows (device_id, pushes, body)"
    " SELECT s.device_id, s.pushes, s.body FROM staged_kept_rows AS s JOIN known USING (device_id)"
    " ON CONFLICT (device_id) DO UPDATE SET pushes = EXCLUDED.pushes, body = EXCLUDED.body"
)
# A push never changes and goes only with its device, so their number tells whether any came.
_CHANGED: LiteralString = (
    "SELECT p.device_id FROM ("
    "  SELECT device_id, count(*) AS pushes FROM pushes"
    "  WHERE model_version = %(model)s AND count > 0"
    "  AND received_at <= coalesce(%(until)s, 'infinity'::timestamptz) GROUP BY device_id"
    ") AS p JOIN devices AS d USING (device_id) LEFT JOIN kept_rows AS k USING (device_id)"
    " WHERE d.revoked_at IS NULL AND d.leaving_for IS NULL"
    " AND d.here_since <= coalesce(%(until)s, 'infinity'::timestamptz)"
    " AND p.pushes IS DISTINCT FROM k.pushes ORDER BY p.device_id"
)
_SCAN: LiteralString = (
    "SELECT k.device_id, d.region, k.body FROM kept_rows AS k JOIN devices AS d USING (device_id)"
    " WHERE d.revoked_at IS NULL AND d.leaving_for IS NULL ORDER BY k.device_id"
)


def decoder(conn: Connection) -> StoredDecoder | None:
    """What the last refresh decoded with; None = there was none, or it was withdrawn."""
    with conn.cursor(row_factory=class_row(StoredDecoder), binary=True) as cursor:
        cursor.execute("SELECT basis, refreshed_at, body FROM decoders")
        return cursor.fetchone()


def changed(conn: Connection, model_version: str, until: datetime | None = None) -> list[str]:
    """Devices whose sketches under an encoder are not those that their kept row rests on.

    Ascending, revoked ones left out; with `until`, of what was received up to then from devices
    that were in this shard by then. One statement over all pushes: it counts, and reads no sketch.
    """
    rows = conn.execute(_CHANGED, {"model": model_version, "until": until}).fetchall()
    return [device_id for (device_id,) in rows]


def iterate(conn: Connection, *, fetch: int = 1_000) -> Iterator[HeldRow]:
    """Every kept row of devices that are welcome, by ascending device_id; as pushes.iterate()."""
    conn.execute("SET LOCAL statement_timeout = 0")
    conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    with conn.cursor(name="kept_rows", row_factory=class_row(HeldRow), binary=True) as cursor:
        cursor.itersize = fetch
        cursor.execute(_SCAN)
        yield from cursor


def store(conn: Connection, keeping: Keeping) -> None:
    """Replaces what a round decoded; publish_round() does it."""
    if keeping.stale:
        forget(conn)
        return
    if keeping.decoder is not None:
        forget(conn)
        conn.execute(
            "INSERT INTO decoders (basis, refreshed_at, body) VALUES (%s, %s, %b)",
            (keeping.decoder.basis, keeping.decoder.refreshed_at, keeping.decoder.body),
        )
    conn.execute(_STAGE)
    with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(["text", "int4", "bytea"])
        for row in keeping.rows:
            copy.write_row((row.device_id, row.pushes, row.body))
    conn.execute(_STORE)


def forget(conn: Connection) -> None:
    """Keeps nothing: the next round is a refresh."""
    conn.execute("DELETE FROM kept_rows")
    conn.execute("DELETE FROM decoders")
