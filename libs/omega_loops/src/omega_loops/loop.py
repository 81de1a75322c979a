"""The seven loops and their timescales."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Loop(StrEnum):
    """A timescale at which the TV learns; the value is the name under which it is stored."""

    REFLEXIVE = "reflexive"
    REACTIVE = "reactive"
    ADAPTIVE = "adaptive"
    DELIBERATIVE = "deliberative"
    EVOLUTIONARY = "evolutionary"
    TRANSFORMATIVE = "transformative"
    TRANSCENDENT = "transcendent"

    @property
    def period(self) -> timedelta:
        """A deadline loop's time from event to end of run; a periodic loop's time between runs."""
        return _PERIODS[self]

    @property
    def has_deadline(self) -> bool:
        """True: one run an event, within the period. False: one run a period."""
        return self in DEADLINE_LOOPS


DEADLINE_LOOPS = (Loop.REFLEXIVE, Loop.REACTIVE)
"""Run once after each event, shortest deadline first."""
PERIODIC_LOOPS = tuple(loop for loop in Loop if loop not in DEADLINE_LOOPS)
"""Run once a period, shortest period first: a longer one reads what a shorter one wrote."""
_PERIODS: Mapping[Loop, timedelta] = MappingProxyType(
    {
        Loop.REFLEXIVE: timedelta(milliseconds=100),
        Loop.REACTIVE: timedelta(seconds=5),
        Loop.ADAPTIVE: timedelta(minutes=30),
        Loop.DELIBERATIVE: timedelta(hours=24),
        Loop.EVOLUTIONARY: timedelta(days=7),
        Loop.TRANSFORMATIVE: timedelta(days=365),
        Loop.TRANSCENDENT: timedelta(days=3650),
    }
)
