"""Pushes of privatised sketches: stored once, read back by device."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from itertools import groupby
from operator import itemgetter
from typing import LiteralString
from uuid import UUID

from omega_core import limits
from omega_store import release_reports
from omega_store.devices import SEEN_STEP
from omega_store.pool import Connection
from omega_store.release_reports import Report


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
    report: Report | None = None
    """How releases fared there; None = nothing to say."""

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


_Key = tuple[str, UUID]
# Devices are locked in order, so that writers cannot deadlock, and against each other, so that two
# of them cannot both find that a push is not stored yet. A device that is locked is not erased
# before the batch has committed; one that is erased is unknown. The trigger store_push_once leaves
# this transaction alone: it would do the same push by push.
_LOCK: LiteralString = (
    "SELECT device_id, region, revoked_at IS NOT NULL, leaving_for IS NOT NULL,"
    " coalesce(last_seen_at < %s, true), set_config('omega.stores_once', 'on', true)"
    " FROM devices WHERE device_id = ANY(%s) ORDER BY device_id FOR NO KEY UPDATE"
)
_MOVED: LiteralString = "SELECT device_id FROM moved_devices WHERE device_id = ANY(%s)"
_STORED: LiteralString = "SELECT device_id, request_id, count FROM stored_pushes(%s, %s)"
_COPY: LiteralString = (
    "COPY pushes (device_id, request_id, model_version, sketches, classes, count, sigma_hundredths,"
    " received_at) FROM STDIN (FORMAT binary)"
)
_TYPES = ("text", "uuid", "text", "bytea", "bytea", "int4", "int2", "timestamptz")
_TOUCH: LiteralString = "UPDATE devices SET last_seen_at = %s WHERE device_id = ANY(%s)"
_SCAN: LiteralString = (
    "SELECT p.device_id, d.region, coalesce(p.sigma_hundredths, 0), p.count, p.received_at,"
    " p.sketches, p.classes"
    " FROM pushes AS p JOIN devices AS d USING (device_id)"
    " WHERE p.model_version = %(model)s AND p.count > 0"
    " AND d.revoked_at IS NULL AND d.leaving_for IS NULL"
)
_OF: LiteralString = " AND p.device_id = ANY(%(ids)s)"
# A device counts where it was at the cut-off: what came here since was counted where it came from.
_UNTIL: LiteralString = " AND p.received_at <= %(until)s AND d.here_since <= %(until)s"
_ORDER: LiteralString = " ORDER BY p.device_id, p.received_at, p.request_id"


def store(conn: Connection, pushes: Sequence[Push], now: datetime) -> list[PushResult]:
    """Stores a batch; durable once the caller's transaction has committed.

    The batch travels as one binary COPY, straight into the partitions of its month. A (device_id,
    request_id) that is stored already, in whatever month, or stands twice in the batch, is stored
    once: the first of them wins, whatever the later ones hold. Of a push without sketches nothing
    is stored but that the device called.

    Args:
        conn: the transaction.
        pushes: validated.
        now: the present instant; becomes received_at and last_seen_at.

    Returns:
        A result a push, in their order.
    """
    found = _lock(conn, sorted({push.device_id for push in pushes}), now)
    reports = [(p.device_id, p.report) for p in pushes if p.report and p.device_id in found.regions]
    release_reports.count(conn, reports, now)
    keys = [(push.device_id, UUID(push.request_id)) for push in pushes]
    both = list(zip(keys, pushes, strict=True))
    held = _stored(conn, {key for key, push in both if push.count and key[0] in found.regions})
    fresh = []
    results = []
    for key, push in both:
        region = found.regions.get(push.device_id)
        if region is None:
            results.append(PushResult(found.refused[push.device_id], 0))
        elif push.count and key in held:
            results.append(PushResult(Outcome.DUPLICATE, held[key], region))
        else:
            results.append(PushResult(Outcome.STORED, push.count, region))
            if push.count:
                held[key] = push.count
                fresh.append((*key, push))
    if fresh:
        _copy(conn, fresh, now)
    if found.stale:
        conn.execute(_TOUCH, (now, found.stale))
    return results


@dataclass(frozen=True)
class _Found:
    """Devices of a batch."""

    regions: dict[str, str]
    """Of those that are welcome; they are locked."""
    refused: dict[str, Outcome]
    """The others."""
    stale: list[str]
    """Of the welcome ones, those whose call is to be noted."""


def _lock(conn: Connection, device_ids: list[str], now: datetime) -> _Found:
    found = _Found({}, dict.fromkeys(device_ids, Outcome.UNKNOWN_DEVICE), [])
    rows = conn.execute(_LOCK, (now - SEEN_STEP, device_ids)).fetchall()
    for device_id, region, revoked, leaving, long_ago, _ in rows:
        if leaving:
            found.refused[device_id] = Outcome.MOVED_DEVICE
        elif revoked:
            found.refused[device_id] = Outcome.REVOKED_DEVICE
        else:
            del found.refused[device_id]
            found.regions[device_id] = region
            if long_ago:
                found.stale.append(device_id)
    if len(rows) < len(device_ids):
        for (device_id,) in conn.execute(_MOVED, (list(found.refused),)):
            found.refused[device_id] = Outcome.MOVED_DEVICE
    return found


def _stored(conn: Connection, keys: Collection[_Key]) -> dict[_Key, int]:
    """Of these pushes, those that are stored, with their sketches."""
    if not keys:
        return {}
    device_ids, request_ids = zip(*keys, strict=True)
    rows = conn.execute(_STORED, (list(device_ids), list(request_ids)))
    return {(device_id, request_id): count for device_id, request_id, count in rows}


def _copy(conn: Connection, fresh: Sequence[tuple[str, UUID, Push]], now: datetime) -> None:
    with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for device_id, request_id, p in fresh:
            scale = p.sigma_hundredths or None
            row = (device_id, request_id, p.model_version, p.sketches, p.classes)
            copy.write_row((*row, p.count, scale, now))


def iterate(
    conn: Connection,
    model_version: str,
    *,
    device_ids: Sequence[str] | None = None,
    until: datetime | None = None,
    fetch: int = 1_000,
) -> Iterator[DeviceSketches]:
    """Every device's sketches under one encoder, by ascending device_id, its oldest push first.

    With `device_ids`, those of these devices only; with `until`, what was received up to then from
    devices that were in this shard by then.

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
        of, cut = (_OF if device_ids is not None else ""), (_UNTIL if until else "")
        ids = None if device_ids is None else list(device_ids)
        cursor.execute(
            _SCAN + of + cut + _ORDER, {"model": model_version, "ids": ids, "until": until}
        )
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
