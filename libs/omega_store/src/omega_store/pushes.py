"""Pushes of privatised sketches: stored once, read back by device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from itertools import groupby
from operator import itemgetter
from typing import LiteralString
from uuid import UUID

from omega_core import limits
from omega_store.devices import SEEN_STEP
from omega_store.pool import Connection


class Outcome(IntEnum):
    """What became of a push; values as in omega.constellation.v1.PushOutcome."""

    STORED = 1
    DUPLICATE = 2
    UNKNOWN_DEVICE = 3
    REVOKED_DEVICE = 4
    MOVED_DEVICE = 5


@dataclass(frozen=True)
class Push:
    """One push of one device, validated."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    request_id: str
    """A UUID; with device_id the idempotency key."""
    model_version: str
    """Encoder of the sketches, 1 to 64 characters."""
    sketches: bytes
    """48 bytes a sketch, at most 20 sketches; none = the device only says that it is there."""
    classes: bytes
    """A byte a sketch."""
    sigma_hundredths: int = 0
    """Noise scale of its sketches in hundredths, 50 to 6,400; 0 = not stated."""

    @property
    def count(self) -> int:
        """Number of sketches."""
        return len(self.sketches) // limits.SKETCH_BYTES


@dataclass(frozen=True)
class PushResult:
    """What became of one push."""

    outcome: Outcome
    """Stored now, stored earlier, or refused."""
    sketches: int
    """Sketches that the stored push holds; 0 when refused."""
    region: str = ""
    """Of the device; empty = not stated, or not known."""


@dataclass(frozen=True)
class DeviceSketches:
    """Sketches of one device under one encoder and one noise scale."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    sketches: bytes
    """48 bytes a sketch; the oldest push first."""
    classes: bytes
    """A byte a sketch, in the same order."""
    sigma_hundredths: int = 0
    """Their noise scale in hundredths; 0 = not stated."""
    region: str = ""
    """Of the device; empty = not stated."""
    arrivals: tuple[tuple[int, datetime], ...] = ()
    """Sketches of each push and when it was received, in the same order."""


_STAGE: LiteralString = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS staged_pushes ("
    ' position integer, device_id text COLLATE "C", request_id uuid, model_version text,'
    " sketches bytea, classes bytea, count integer, sigma_hundredths smallint)"
    " ON COMMIT DELETE ROWS"
)
_COPY: LiteralString = (
    "COPY staged_pushes (position, device_id, request_id, model_version, sketches, classes, count,"
    " sigma_hundredths) FROM STDIN (FORMAT binary)"
)
# Devices are locked in order and before pushes, pushes in order: two writers cannot deadlock. A
# device that is locked is not erased before the batch has committed; one that is erased is unknown.
_TOUCH: LiteralString = (
    "UPDATE devices SET last_seen_at = %s FROM ("
    "  SELECT device_id FROM devices WHERE device_id IN (SELECT device_id FROM staged_pushes)"
    "  AND revoked_at IS NULL AND leaving_for IS NULL AND coalesce(last_seen_at < %s, true)"
    "  ORDER BY device_id FOR NO KEY UPDATE"
    ") AS stale WHERE devices.device_id = stale.device_id"
)
_KNOWN: LiteralString = (
    "SELECT device_id, region, revoked_at IS NOT NULL, leaving_for IS NOT NULL FROM devices"
    " WHERE device_id IN (SELECT device_id FROM staged_pushes) ORDER BY device_id FOR KEY SHARE"
)
_MOVED: LiteralString = "SELECT device_id FROM moved_devices WHERE device_id = ANY(%s)"
_INSERT: LiteralString = (
    "INSERT INTO pushes"
    " (device_id, request_id, model_version, sketches, classes, count, sigma_hundredths,"
    " received_at)"
    " SELECT DISTINCT ON (s.device_id, s.request_id)"
    "  s.device_id, s.request_id, s.model_version, s.sketches, s.classes, s.count,"
    "  s.sigma_hundredths, %s"
    " FROM staged_pushes AS s JOIN devices AS d USING (device_id)"
    " WHERE s.count > 0 AND d.device_id = ANY(%s)"
    " ORDER BY s.device_id, s.request_id, s.position"
    " ON CONFLICT DO NOTHING RETURNING device_id, request_id"
)
_STORED: LiteralString = (
    "SELECT p.device_id, p.request_id, p.count FROM pushes AS p"
    " JOIN staged_pushes AS s USING (device_id, request_id)"
)
_SCAN: LiteralString = (
    "SELECT p.device_id, d.region, coalesce(p.sigma_hundredths, 0), p.count, p.received_at,"
    " p.sketches, p.classes"
    " FROM pushes AS p JOIN devices AS d USING (device_id)"
    " WHERE p.model_version = %s AND p.count > 0"
    " AND d.revoked_at IS NULL AND d.leaving_for IS NULL"
)
_OF: LiteralString = " AND p.device_id = ANY(%s)"
_ORDER: LiteralString = " ORDER BY p.device_id, p.received_at, p.request_id"


def store(conn: Connection, pushes: Sequence[Push], now: datetime) -> list[PushResult]:
    """Stores a batch; durable once the caller's transaction has committed.

    The batch travels as one binary COPY into a table of this connection and from there, in one
    statement, into the inbox. A (device_id, request_id) that is stored already, or stands twice in
    the batch, is stored once: the first of them wins, whatever the later ones hold. Of a push
    without sketches nothing is stored but that the device called.

    Args:
        conn: the transaction.
        pushes: validated.
        now: the present instant; becomes received_at and last_seen_at.

    Returns:
        A result a push, in their order.
    """
    conn.execute(_STAGE)
    with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(["int4", "text", "uuid", "text", "bytea", "bytea", "int4", "int2"])
        for position, p in enumerate(pushes):
            device = (p.device_id, UUID(p.request_id), p.model_version)
            scale = p.sigma_hundredths or None
            copy.write_row((position, *device, p.sketches, p.classes, p.count, scale))
    conn.execute(_TOUCH, (now, now - SEEN_STEP))
    regions, outcomes = _known(conn, {p.device_id for p in pushes})
    fresh = set(conn.execute(_INSERT, (now, list(regions))).fetchall())
    earlier: dict[tuple[str, UUID], int] = {}
    if len(fresh) < sum(bool(p.count) for p in pushes):
        earlier = {(d, r): count for d, r, count in conn.execute(_STORED)}
    results = []
    for push in pushes:
        key = (push.device_id, UUID(push.request_id))
        region = regions.get(push.device_id, "")
        if push.device_id in outcomes:
            results.append(PushResult(outcomes[push.device_id], 0))
        elif not push.count:
            results.append(PushResult(Outcome.STORED, 0, region))
        elif key in fresh:
            fresh.discard(key)
            results.append(PushResult(Outcome.STORED, push.count, region))
        else:
            results.append(PushResult(Outcome.DUPLICATE, earlier.get(key, 0), region))
    return results


def _known(conn: Connection, device_ids: set[str]) -> tuple[dict[str, str], dict[str, Outcome]]:
    """Regions of the staged devices that are welcome, and what becomes of the others' pushes."""
    regions, outcomes = dict[str, str](), dict[str, Outcome]()
    for device_id, region, shut_out, leaving in conn.execute(_KNOWN):
        if leaving:
            outcomes[device_id] = Outcome.MOVED_DEVICE
        elif shut_out:
            outcomes[device_id] = Outcome.REVOKED_DEVICE
        else:
            regions[device_id] = region
    if strangers := device_ids - regions.keys() - outcomes.keys():
        outcomes |= dict.fromkeys(strangers, Outcome.UNKNOWN_DEVICE)
        for (device_id,) in conn.execute(_MOVED, (list(strangers),)):
            outcomes[device_id] = Outcome.MOVED_DEVICE
    return regions, outcomes


def iterate(
    conn: Connection,
    model_version: str,
    *,
    device_ids: Sequence[str] | None = None,
    fetch: int = 1_000,
) -> Iterator[DeviceSketches]:
    """Every device's sketches under one encoder, by ascending device_id, its oldest push first.

    With `device_ids`, those of these devices only.

    A device whose pushes differ in noise scale comes in several pieces beside each other.
    Devices that are revoked or on their way to another shard are left out.

    Streams through a server-side cursor, so memory holds `fetch` pushes at a time. Call it in
    Store.snapshot(): the transaction fixes what is seen, and no time limit of it runs while the
    caller works on a device.
    """
    conn.execute("SET LOCAL statement_timeout = 0")
    conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    with conn.cursor(name="sketches", binary=True) as cursor:
        cursor.itersize = fetch
        if device_ids is None:
            cursor.execute(_SCAN + _ORDER, (model_version,))
        else:
            cursor.execute(_SCAN + _OF + _ORDER, (model_version, list(device_ids)))
        for (device_id, region, scale), rows in groupby(cursor, key=itemgetter(0, 1, 2)):
            pushed = [row[3:] for row in rows]
            yield DeviceSketches(
                device_id,
                b"".join(sketches for _, _, sketches, _ in pushed),
                b"".join(classes for _, _, _, classes in pushed),
                scale,
                region,
                tuple((count, at) for count, at, _, _ in pushed),
            )
