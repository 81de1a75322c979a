"""How many devices a shard has, without counting them: triggers keep the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import class_row

from omega_core.errors import ErrorCode, OmegaError
from omega_store.locks import lock_registrations
from omega_store.pool import Connection
from omega_store.rows import only

_CLOSE = 1_024
"""Registrations that may be under way at once; nearer to the limit than this they queue."""


@dataclass(frozen=True)
class DeviceCounts:
    """Devices by where they stand; each is counted once."""

    welcome: int
    """Neither revoked nor on their way to another shard."""
    revoked: int
    """Revoked, and not on their way."""
    leaving: int
    """On their way to another shard."""


def devices(conn: Connection) -> DeviceCounts:
    """The numbers, exact for what this transaction sees."""
    with conn.cursor(row_factory=class_row(DeviceCounts)) as cursor:
        cursor.execute(
            "SELECT coalesce(sum(welcome), 0)::bigint AS welcome,"
            " coalesce(sum(revoked), 0)::bigint AS revoked,"
            " coalesce(sum(leaving), 0)::bigint AS leaving FROM device_counts"
        )
        return only(cursor.fetchone())


def counted(conn: Connection) -> DeviceCounts:
    """The same by reading every device: what devices() is held to."""
    with conn.cursor(row_factory=class_row(DeviceCounts)) as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE leaving_for IS NULL AND revoked_at IS NULL) AS welcome,"
            " count(*) FILTER (WHERE leaving_for IS NULL AND revoked_at IS NOT NULL) AS revoked,"
            " count(*) FILTER (WHERE leaving_for IS NOT NULL) AS leaving FROM devices"
        )
        return only(cursor.fetchone())


def check_room(conn: Connection, most: int) -> None:
    """Holds the shard to at most `most` devices that are welcome; call it behind what adds some.

    Exact, whoever registers at the same time: close to the limit, they wait for each other.

    Raises:
        OmegaError: SHARD_FULL; let the transaction fail.
    """
    if devices(conn).welcome <= most - _CLOSE:
        return
    lock_registrations(conn)
    # A statement of its own, so that it sees what those have committed who held the lock before.
    if devices(conn).welcome > most:
        raise OmegaError(ErrorCode.SHARD_FULL, bound=f"{most:,}")


def room(conn: Connection, most: int) -> int:
    """How many devices the shard takes before it holds `most` that are welcome.

    Close to the limit, this waits for those who add some, and holds others up until the transaction
    ends.
    """
    welcome = devices(conn).welcome
    if welcome > most - _CLOSE:
        lock_registrations(conn)
        welcome = devices(conn).welcome
    return max(0, most - welcome)
