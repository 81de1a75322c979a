"""Where the instants of periodic loops are kept: a port, so that this library stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from omega_loops.report import Report


class Progress(Protocol):
    """How far a periodic loop has come, as a store gives it back."""

    @property
    def at(self) -> datetime:
        """`Completed.at`."""
        ...

    @property
    def cycle(self) -> int:
        """`Completed.cycle`."""
        ...


@dataclass(frozen=True)
class Completed:
    """How far a periodic loop has come."""

    at: datetime
    """Due instant of the last completed cycle, aware, in UTC; the next is due a period later."""
    cycle: int
    """Its number, from 1; 0 when none has run yet."""


class DueTimes(Protocol):
    """Durable state of the periodic loops, by name."""

    def load(self) -> Mapping[str, Progress]:
        """What was last given to complete(), by loop name; a loop never completed is absent."""
        ...

    def complete(self, name: str, at: datetime, report: Report) -> None:
        """Keeps `at` and `report.cycle` under `name`, durably once it returns, or raises.

        Not each call tells of work done: `report.outcome` is ANCHORED when a loop's first period
        begins and REBASED when its schedule was moved because the clock went backwards.
        """
        ...
