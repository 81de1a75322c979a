"""When a TV fetches a newer version of what it holds: at its own time of the day."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from omega_brain.stores import Stores

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_APART = 1 / 2
"""Part of the period that lies between two versions at least, where one was taken out of turn."""
_NAMES = {1: "catalogue_taken_at", 2: "factors_taken_at", 3: "codebook_taken_at"}
"""Kind -> key of the table meta."""


def due(stores: Stores, kind: int, hours: float, now: datetime) -> bool:
    """Whether a newer version of a kind may be taken that is held already.

    Time is cut into periods of so many hours. In each, a TV has an instant of its own, by the hash
    of its device id: a version is taken at the first exchange after it, once, whatever the fleet
    publishes, so that a fleet's downloads are spread over the period evenly.

    Args:
        stores: know who this TV is, and when it took the last one.
        kind: value of omega.common.v1.ResourceKind.
        hours: length of a period; 0 = always.
        now: the instant.
    """
    taken, identity = taken_at(stores, kind), stores.meta.identity()
    if not hours or taken is None or identity is None:
        return True
    period = timedelta(hours=hours)
    if not timedelta(0) <= now - taken:
        return True  # The clock was set back: the next one would be put off for as long.
    own = last_instant(identity.device_id, period, now)
    return taken < own and now - taken >= period * _APART


def taken_at(stores: Stores, kind: int) -> datetime | None:
    """When the held version of a kind was put in force, in UTC; None = not known."""
    told = stores.meta.get(_NAMES[kind])
    return None if told is None else datetime.fromisoformat(told)


def last_instant(device_id: str, period: timedelta, now: datetime) -> datetime:
    """The last instant at or before `now` that is a TV's own in a period."""
    drawn = int.from_bytes(hashlib.sha256(device_id.encode()).digest()[:8], "big")
    offset = period * (drawn / 2**64)
    return now - (now - _EPOCH - offset) % period


def note_taken(stores: Stores, kind: int, now: datetime) -> None:
    """Notes that a version was put in force; call it in the transaction that does."""
    stores.meta.set(_NAMES[kind], now.isoformat())
