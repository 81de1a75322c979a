"""A household takes back what it gave, also where its device is between two shards."""

from __future__ import annotations

from datetime import datetime

from omega_core.directory import Directory
from omega_store import Connection, devices, moves


def erase(conn: Connection, directory: Directory, device_id: str, now: datetime) -> int:
    """Erases a device, revoked or not, and whatever of it another shard may still send.

    Returns:
        Pushes that were deleted.
    """
    pushes = devices.erase(conn, device_id)
    if len(directory.shards) > 1:
        moves.bury(conn, device_id, now)
    return pushes
