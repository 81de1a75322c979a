"""Time as a port, so that tests can move it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The instant it was set to."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Moves it forward."""
        self._now += by


def day_of(instant: datetime) -> int:
    """The day that an aware instant is of, in days since 1970-01-01 UTC."""
    return (instant - _EPOCH) // timedelta(days=1)


def day_begins(day: int) -> datetime:
    """When a day begins, in UTC; the inverse of day_of."""
    return _EPOCH + timedelta(days=day)
