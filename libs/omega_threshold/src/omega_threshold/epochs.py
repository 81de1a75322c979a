"""Epochs: how long a key serves, and so for how long a guess can be tried on sealed reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError

_START = datetime(1970, 1, 1, tzinfo=UTC)
MAX_EPOCH = 2**32 - 1
"""Last epoch."""


@dataclass(frozen=True)
class Schedule:
    """When epochs begin and close; the same for TVs and servers, so it is a constant of a fleet."""

    days: int = 28
    """Length of an epoch, 1 to 366 days. Reports add up within one only."""
    grace_hours: int = 48
    """How long after its end an epoch is still served, 0 to 720 hours: for what is under way."""

    def __post_init__(self) -> None:
        validate.integer("days", self.days, 1, 366)
        validate.integer("grace_hours", self.grace_hours, 0, 720)

    def at(self, now: datetime) -> int:
        """The epoch of an instant after 1970, counted from there."""
        return (now - _START) // timedelta(days=self.days)

    def ends(self, epoch: int) -> datetime:
        """When the next one begins."""
        return _START + timedelta(days=self.days) * (epoch + 1)

    def closes(self, epoch: int) -> datetime:
        """When nothing of it is served any more."""
        return self.ends(epoch) + timedelta(hours=self.grace_hours)

    def open(self, now: datetime) -> range:
        """The epochs that are served: the one of `now`, and those before that have grace left."""
        current = self.at(now)
        served = (now - timedelta(hours=self.grace_hours) - _START) // timedelta(days=self.days)
        return range(max(0, served), current + 1)

    def check_open(self, epoch: int, now: datetime) -> None:
        """Passes for an epoch that is served.

        Raises:
            OmegaError: EPOCH_CLOSED epoch.
        """
        served = self.open(now)
        if epoch not in served:
            bound = f"one that is open: {served.start} to {served.stop - 1}"
            raise OmegaError(ErrorCode.EPOCH_CLOSED, field="epoch", bound=bound)
