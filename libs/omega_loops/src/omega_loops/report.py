"""What a run says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from omega_loops.loop import Loop


class Outcome(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    """The cycle is complete."""
    OVER_BUDGET = "over_budget"
    """Stopped at a step because its time was up, or because it wanted no more for now; resumed at
    the next tick."""
    YIELDED = "yielded"
    """Stopped at a step to let something more urgent go first; resumed as soon as that is done."""
    FAILED = "failed"
    """Raised, or its result could not be kept; tried again after a wait."""
    ABANDONED = "abandoned"
    """Raised once too often for this event; not tried again."""
    ANCHORED = "anchored"
    """Nothing ran: the loop's first period began."""
    REBASED = "rebased"
    """Nothing ran: the clock went back behind the last cycle, and the schedule followed it."""


@dataclass(frozen=True)
class Report:
    """A cycle up to the end of one of its runs."""

    loop: Loop
    """Which loop."""
    cycle: int
    """Periodic: number of the cycle since the TV's first start, from 1. It stays the same until the
    cycle is complete, over failures and restarts. Deadline: number of the event since start."""
    due_at: datetime
    """Periodic: the instant of the schedule that this cycle answers. Deadline: when the event came.
    Aware, in UTC."""
    started_at: datetime
    """When the cycle's first run began; aware, in UTC."""
    outcome: Outcome
    """How the last run ended."""
    changes: Mapping[str, int] = field(default_factory=dict)
    """What was changed -> how often, over all runs of the cycle."""
    coalesced: int = 0
    """Earlier due instants that passed without a run and that this cycle answers too."""
    runs: int = 0
    """Times that the job was called for this cycle."""
    over_budget: int = 0
    """Runs that took longer than their budget."""
    yields: int = 0
    """Runs that ended early for something more urgent."""
    failures: int = 0
    """Runs that raised or whose result could not be kept."""
    seconds: float = 0.0
    """Time worked, over all runs."""
    lateness: float = 0.0
    """Seconds. Deadline: from event to the end of the last run. Periodic: from due_at to
    started_at, time switched off included."""
    error: str = ""
    """Type of what the last run raised; the log has the rest."""

    def __post_init__(self) -> None:
        """Takes a copy of `changes` that nobody can alter."""
        object.__setattr__(self, "changes", MappingProxyType(dict(self.changes)))
