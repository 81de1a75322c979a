"""What is due, and in which order: pure functions of the clocks and the state.

Wall time decides which cycle is due and survives a restart; monotonic time decides when something
that failed may be tried again, and no jump of the wall clock moves it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from omega_core.validate import EARLIEST
from omega_loops.loop import PERIODIC_LOOPS, Loop
from omega_loops.port import Completed


class Action(Enum):
    """What to do for a periodic loop."""

    ANCHOR = auto()
    REBASE = auto()
    RUN = auto()


@dataclass(frozen=True)
class Cycle:
    """A cycle of a periodic loop that is to run."""

    number: int
    """From 1, one more than the last completed."""
    due_at: datetime
    """Latest instant of the schedule that has passed."""
    coalesced: int
    """Earlier such instants since the last completed cycle."""


@dataclass(frozen=True)
class LoopState:
    """Where a periodic loop stands."""

    completed: Completed | None = None
    """What is stored; None = the loop was never seen."""
    begun: Cycle | None = None
    """A cycle with steps left; None = none, or it failed and will be planned anew."""
    not_before: float = 0.0
    """Monotonic seconds before which a loop that failed rests."""


@dataclass(frozen=True)
class Due:
    """Something to do now."""

    loop: Loop
    action: Action
    cycle: Cycle
    """For RUN the cycle; else the number kept and the instant that the schedule starts from."""


def due_of(loop: Loop, state: LoopState, now: datetime, monotonic: float) -> Due | None:
    """What is due for one periodic loop.

    The schedule is the instant of its anchor plus whole periods, so nothing drifts with the moment
    at which a TV happens to be on. A clock that goes back behind the last cycle would either repeat
    cycles or stop the loop for as long as the jump was; instead the schedule follows the clock, and
    the next cycle is due one period from now.

    Args:
        loop: a periodic loop.
        state: where it stands.
        now: wall time, aware. Before 2000 the clock is not set yet and nothing is due.
        monotonic: seconds.
    """
    if now < EARLIEST or monotonic < state.not_before:
        return None
    last = state.completed
    if last is None:
        return Due(loop, Action.ANCHOR, Cycle(0, now, 0))
    if now < last.at:
        return Due(loop, Action.REBASE, Cycle(last.cycle, now, 0))
    if state.begun is not None:
        return Due(loop, Action.RUN, state.begun)
    passed = (now - last.at) // loop.period
    if passed == 0:
        return None
    due_at = last.at + passed * loop.period
    return Due(loop, Action.RUN, Cycle(last.cycle + 1, due_at, passed - 1))


def next_due(
    states: Mapping[Loop, LoopState], now: datetime, monotonic: float, seen: Container[Loop]
) -> Due | None:
    """The first periodic loop with something due, shortest period first.

    Args:
        states: the loops that have a job.
        now: as in due_of().
        monotonic: as in due_of().
        seen: loops that had their turn in this tick.
    """
    for loop in PERIODIC_LOOPS:
        if loop in states and loop not in seen:
            due = due_of(loop, states[loop], now, monotonic)
            if due is not None:
                return due
    return None
