"""One cycle or one event on its way: runs of its job, and what they add up to."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from omega_loops.job import Changes, Context, CycleJob, YieldReason
from omega_loops.loop import Loop
from omega_loops.report import Outcome, Report

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stretch:
    """What a single run may do."""

    now: datetime
    """Wall time, aware."""
    budget: float
    """Seconds."""
    monotonic: Callable[[], float]
    """Measures them."""
    urgent: Callable[[float], YieldReason | None]
    """Why work with this deadline (monotonic seconds) must make way; None = it need not."""


@dataclass(eq=False)
class Task:
    """Work that may take several runs."""

    loop: Loop
    cycle: int
    due_at: datetime
    job: CycleJob
    coalesced: int = 0
    deadline: float = float("inf")
    """Monotonic seconds; infinite for a periodic loop."""
    attempts: int | None = None
    """Failures after which it is given up; None = never."""
    _started_at: datetime | None = None
    _changes: Counter[str] = field(default_factory=Counter)
    _runs: int = 0
    _over_budget: int = 0
    _yields: int = 0
    _failures: int = 0
    _seconds: float = 0.0
    _resume: object = None

    def run(self, stretch: Stretch) -> tuple[Report, bool]:
        """Calls the job once; returns the report so far and whether this run broke its budget."""
        if self._started_at is None:
            self._started_at = stretch.now
        begun = stretch.monotonic()
        end = begun + stretch.budget
        told: YieldReason | None = None

        def ask() -> YieldReason | None:
            nonlocal told
            over = YieldReason.BUDGET if stretch.monotonic() >= end else None
            told = stretch.urgent(self.deadline) or over
            return told

        error = ""
        try:
            changes = self.job(self._context(stretch, end, ask))
        except Exception as raised:  # noqa: BLE001 - whatever a job raises, others go on
            error = type(raised).__name__
            _log.warning("%s cycle %d failed", self.loop, self.cycle, exc_info=True)
            changes = Changes(finished=False)
        ended = stretch.monotonic()
        over_budget = ended > end or told is YieldReason.BUDGET
        self._runs += 1
        self._over_budget += over_budget
        self._seconds += ended - begun
        self._changes.update(changes.counts)
        self._resume = None if changes.finished else changes.resume
        if error:
            return self.failed(error, ended), over_budget
        return self._report(self._outcome(changes, told), ended), over_budget

    def failed(self, error: str, ended: float) -> Report:
        """Counts a failure, of the job or of keeping its result; begins anew next time."""
        self._failures += 1
        given_up = self.attempts is not None and self._failures >= self.attempts
        return self._report(Outcome.ABANDONED if given_up else Outcome.FAILED, ended, error)

    def _outcome(self, changes: Changes, told: YieldReason | None) -> Outcome:
        if changes.finished:
            return Outcome.FINISHED
        if told in {None, YieldReason.BUDGET}:
            return Outcome.OVER_BUDGET
        self._yields += 1
        return Outcome.YIELDED

    def _context(
        self, stretch: Stretch, deadline: float, ask: Callable[[], YieldReason | None]
    ) -> Context:
        return Context(
            loop=self.loop,
            cycle=self.cycle,
            due_at=self.due_at,
            now=stretch.now,
            deadline=deadline,
            coalesced=self.coalesced,
            resume=self._resume,
            ask=ask,
        )

    def _report(self, outcome: Outcome, ended: float, error: str = "") -> Report:
        started = self._started_at or self.due_at
        if self.loop.has_deadline:
            lateness = ended - self.deadline + self.loop.period.total_seconds()
        else:
            lateness = max((started - self.due_at).total_seconds(), 0.0)
        return Report(
            loop=self.loop,
            cycle=self.cycle,
            due_at=self.due_at,
            started_at=started,
            outcome=outcome,
            changes=self._changes,
            coalesced=self.coalesced,
            runs=self._runs,
            over_budget=self._over_budget,
            yields=self._yields,
            failures=self._failures,
            seconds=self._seconds,
            lateness=lateness,
            error=error,
        )
