"""Where the TV stands in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from omega_core.errors import invalid


def zone_of(name: str) -> Callable[[], tzinfo]:
    """What tells the time zone of a name such as "Europe/Paris"; empty = the system's own.

    Raises:
        OmegaError: INVALID_FIELD timezone.
    """
    if not name:
        return _system
    try:
        found = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("timezone", "a zone of the IANA database, or empty") from None
    return lambda: found


def _system() -> tzinfo:
    return datetime.now(UTC).astimezone().tzinfo or UTC
