"""Identities of TVs, and their end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql
from psycopg.rows import class_row

from omega_core.errors import ErrorCode, OmegaError
from omega_store import erasures
from omega_store.locks import lock_revocations
from omega_store.pool import Connection

SEEN_STEP = timedelta(minutes=1)
"""last_seen_at is exact to this step, so that a busy device costs no write a call."""

_COLUMNS = sql.SQL(
    "device_id, platform, app_version, registered_at, last_seen_at, revoked_at, region, key_sha256,"
    " leaving_for"
)
_SELECT = sql.SQL("SELECT {} FROM devices WHERE device_id = %s").format(_COLUMNS)
_REQUESTED = sql.SQL("SELECT {} FROM devices WHERE request_id = %s").format(_COLUMNS)
# The update returns the row that is there, in the one statement that looks for it: between two,
# the row could be erased.
_REGISTER = sql.SQL(
    "INSERT INTO devices"
    " (device_id, request_id, platform, app_version, registered_at, here_since, region,"
    "  key_sha256) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (request_id) DO UPDATE SET region = EXCLUDED.region,"
    "  key_sha256 = coalesce(devices.key_sha256, EXCLUDED.key_sha256)"
    "  WHERE devices.key_sha256 IS NULL OR devices.key_sha256 = EXCLUDED.key_sha256"
    " RETURNING {}"
).format(_COLUMNS)


@dataclass(frozen=True)
class Device:
    """One registered TV."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    platform: str
    """As registered, at most 64 characters."""
    app_version: str
    """As registered, at most 64 characters."""
    registered_at: datetime
    """When the identity was made."""
    last_seen_at: datetime | None
    """When it last pushed or pulled, exact to SEEN_STEP; None = never."""
    revoked_at: datetime | None
    """When it was shut out; None = it is welcome."""
    region: str
    """As it stated last, at most 16 characters; empty = not stated."""
    key_sha256: bytes | None
    """SHA-256 of its key's SubjectPublicKeyInfo, 32 bytes; None = it has shown none yet."""
    leaving_for: str | None = None
    """Shard that it is on its way to; None = it stays."""


@dataclass(frozen=True)
class DeviceFigures:
    """A device in a listing."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    platform: str
    """As registered."""
    registered_at: datetime
    """When the identity was made."""
    last_seen_at: datetime | None
    """None = never."""
    sketches: int
    """Sketches stored for it."""


def register(
    conn: Connection,
    *,
    device_id: str,
    request_id: str,
    platform: str,
    app_version: str,
    now: datetime,
    region: str = "",
    key_sha256: bytes | None = None,
    proof: str = "dpop",
) -> Device:
    """Stores a new identity, or returns the one that this request_id (a UUID) made earlier.

    Of an earlier one the region is replaced, and the key noted if it had none. The answer has the
    `device_id` that is given here, unless the request_id made another one earlier.

    Raises:
        OmegaError: ENROLMENT_REFUSED with field `proof` when it is known under another key.
    """
    values = (device_id, request_id, platform, app_version, now, now, region, key_sha256)
    with conn.cursor(row_factory=class_row(Device)) as cursor:
        cursor.execute(_REGISTER, values)
        device = cursor.fetchone()
    if device is None:
        raise OmegaError(ErrorCode.ENROLMENT_REFUSED, field=proof, detail="another key")
    return device


def requested(conn: Connection, request_id: str) -> Device | None:
    """The device that a request_id (a UUID) made; None = it made none."""
    with conn.cursor(row_factory=class_row(Device)) as cursor:
        cursor.execute(_REQUESTED, (request_id,))
        return cursor.fetchone()


def get(conn: Connection, device_id: str) -> Device | None:
    """A device, revoked or not."""
    with conn.cursor(row_factory=class_row(Device)) as cursor:
        cursor.execute(_SELECT, (device_id,))
        return cursor.fetchone()


def touch(conn: Connection, device_id: str, now: datetime) -> Device | None:
    """Notes that a device called, and returns it; None when it is unknown or revoked."""
    device = get(conn, device_id)
    if device is None or device.revoked_at is not None:
        return None
    if device.last_seen_at is None or device.last_seen_at < now - SEEN_STEP:
        conn.execute("UPDATE devices SET last_seen_at = %s WHERE device_id = %s", (now, device_id))
    return device


def revoke(conn: Connection, device_id: str, now: datetime) -> datetime | None:
    """Shuts a device out: no push, no pull, no part in rounds.

    Returns:
        When it was, at this call or an earlier one; None when the device is unknown.
    """
    # Numbers are given under a lock that falls after the commit: a reader that sees one sees all
    # below it, too.
    lock_revocations(conn)
    row = conn.execute(
        "UPDATE devices SET revoked_at = coalesce(revoked_at, %s) WHERE device_id = %s"
        " RETURNING revoked_at",
        (now, device_id),
    ).fetchone()
    if row is None:
        return None
    conn.execute(
        "INSERT INTO revocations (device_id) SELECT %(id)s"
        " WHERE NOT EXISTS (SELECT FROM revocations WHERE device_id = %(id)s)",
        {"id": device_id},
    )
    revoked_at: datetime = row[0]
    return revoked_at


def erase(conn: Connection, device_id: str) -> int:
    """Deletes a device, revoked or not, with all that is kept under its id.

    Its pushes go with it by a trigger, too, whoever deletes it; entries of the audit log that name
    it name it as audit.gone() does from then on.

    Returns:
        Pushes that were deleted; 0 when nothing was left of the device.
    """
    # A push that is being stored holds the device: it is waited for and then deleted, too.
    conn.execute("SELECT FROM devices WHERE device_id = %s FOR UPDATE", (device_id,))
    pushes = conn.execute("DELETE FROM pushes WHERE device_id = %s", (device_id,)).rowcount
    conn.execute("DELETE FROM devices WHERE device_id = %s", (device_id,))
    if pushes:
        erasures.note(conn)
    return pushes


def last_seen(conn: Connection, most: int) -> list[DeviceFigures]:
    """The `most` devices that called last, the latest first, those that never did at the end."""
    with conn.cursor(row_factory=class_row(DeviceFigures)) as cursor:
        cursor.execute(
            "SELECT device_id, platform, registered_at, last_seen_at, coalesce(("
            "  SELECT sum(count) FROM pushes WHERE pushes.device_id = devices.device_id"
            " ), 0) AS sketches FROM devices"
            " ORDER BY last_seen_at DESC NULLS LAST, device_id LIMIT %s",
            (most,),
        )
        return cursor.fetchall()


def number(conn: Connection) -> int:
    """Devices that are here, revoked or not, on their way or not."""
    row = conn.execute("SELECT count(*) FROM devices").fetchone()
    return row[0] if row else 0
