"""What a loop does: jobs, and what they are told and asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from omega_loops.loop import Loop

E = TypeVar("E")


class YieldReason(StrEnum):
    """Why a job should stop at its next step."""

    STOPPING = "stopping"
    BUDGET = "budget"
    RECOMMENDATION = "recommendation"
    EVENT = "event"


@dataclass(frozen=True)
class Context:
    """What a job is told about its run."""

    loop: Loop
    """Which loop it is."""
    cycle: int
    """Report.cycle: with `loop`, the key by which a job knows work that it has done already."""
    due_at: datetime
    """Report.due_at."""
    now: datetime
    """The present instant; aware, in UTC."""
    deadline: float
    """When the budget ends, on the clock that the runner measures time with (seconds)."""
    coalesced: int
    """Report.coalesced."""
    resume: object
    """What the cycle's previous run left in Changes.resume; None at its beginning, after a failure
    and after a restart."""
    ask: Callable[[], YieldReason | None] = field(repr=False)
    """Answers yield_reason()."""

    def yield_reason(self) -> YieldReason | None:
        """Why to stop now; None = go on."""
        return self.ask()

    def should_yield(self) -> bool:
        """Whether to stop now and return what is done, with `finished=False`.

        Ask between steps and after at least one: a job that does nothing before it asks may never
        come to an end on a busy TV. Hold no lock and no transaction that a recommendation needs.
        """
        return self.ask() is not None


@dataclass(frozen=True)
class Changes:
    """What a run of a job did."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """What was changed -> how often, in this run alone."""
    finished: bool = True
    """False: steps are left, call again."""
    resume: object = None
    """Handed to the next run when not finished; kept in memory only."""

    def __post_init__(self) -> None:
        """Takes a copy of `counts` that nobody can alter."""
        object.__setattr__(self, "counts", MappingProxyType(dict(self.counts)))


CycleJob = Callable[[Context], Changes]
"""Job of a periodic loop. Called again for the same (loop, cycle) after a failure or a crash, it
must leave what one call would have left."""
EventJob = Callable[[E, Context], Changes]
"""Job of a deadline loop: the same, for one event."""
