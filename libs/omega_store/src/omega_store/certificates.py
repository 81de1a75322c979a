"""Certificates of devices that have not ended, so that revoking a device names them all."""

from __future__ import annotations

from datetime import datetime

from omega_core.errors import ErrorCode, OmegaError
from omega_store.pool import Connection

MOST = 64
"""Certificates of one device at a time."""


def note(conn: Connection, serial: bytes, device_id: str, ends: datetime, now: datetime) -> None:
    """Notes a certificate, for the device's row is held by this transaction; ended ones go.

    Raises:
        OmegaError: RATE_LIMITED with field `device` when it has MOST that have not ended.
    """
    conn.execute(
        "DELETE FROM certificates WHERE device_id = %s AND expires_at <= %s", (device_id, now)
    )
    row = conn.execute(
        "SELECT count(*), min(expires_at) FROM certificates WHERE device_id = %s", (device_id,)
    ).fetchone()
    if row is not None and row[0] >= MOST:
        wait = (row[1] - now).total_seconds()
        raise OmegaError(ErrorCode.RATE_LIMITED, field="device", retry_after=wait)
    conn.execute(
        "INSERT INTO certificates (serial, device_id, expires_at) VALUES (%s, %s, %s)",
        (serial, device_id, ends),
    )
