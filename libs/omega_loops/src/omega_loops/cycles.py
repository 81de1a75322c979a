"""The periodic loops: what is stored, what is under way, and how one is completed."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import datetime

from omega_loops.config import LoopConfig
from omega_loops.job import CycleJob
from omega_loops.loop import PERIODIC_LOOPS, Loop
from omega_loops.port import Completed, DueTimes
from omega_loops.report import Outcome, Report
from omega_loops.scheduler import Action, Cycle, Due, LoopState, next_due
from omega_loops.task import Stretch, Task

_log = logging.getLogger(__name__)


class Cycles:
    """State of the periodic loops that have a job. One thread at a time."""

    def __init__(
        self, due_times: DueTimes, jobs: Mapping[Loop, CycleJob], config: LoopConfig
    ) -> None:
        stored = {name: Completed(at.at, at.cycle) for name, at in due_times.load().items()}
        self._due_times = due_times
        self._jobs = jobs
        self._config = config
        self._states = {
            loop: LoopState(stored.get(loop.value)) for loop in PERIODIC_LOOPS if loop in jobs
        }
        self._tasks: dict[Loop, Task] = {}
        self._failures: dict[Loop, int] = {}

    def next(self, now: datetime, monotonic: float, seen: Container[Loop]) -> Due | None:
        """As next_due()."""
        return next_due(self._states, now, monotonic, seen)

    def act(self, due: Due, stretch: Stretch) -> tuple[Report, bool]:
        """Does what is due; returns the report and whether the run broke its budget."""
        if due.action is not Action.RUN:
            return self._move(due, stretch), False
        task = self._task(due)
        report, over_budget = task.run(stretch)
        if report.outcome is Outcome.FINISHED:
            report = self._complete(task, report, stretch)
        elif report.outcome is Outcome.FAILED:
            self._rest(due.loop, stretch)
        else:
            self._states[due.loop] = replace(self._states[due.loop], begun=due.cycle)
        return report, over_budget

    def _task(self, due: Due) -> Task:
        """The task under way, with its sums; a cycle planned anew answers more due instants."""
        cycle = due.cycle
        task = self._tasks.get(due.loop)
        if task is None:
            task = Task(due.loop, cycle.number, cycle.due_at, self._jobs[due.loop])
            self._tasks[due.loop] = task
        task.due_at, task.coalesced = cycle.due_at, cycle.coalesced
        return task

    def _complete(self, task: Task, report: Report, stretch: Stretch) -> Report:
        error = self._keep(report)
        if error:
            self._rest(task.loop, stretch)
            return task.failed(error, stretch.monotonic())
        del self._tasks[task.loop]
        return report

    def _move(self, due: Due, stretch: Stretch) -> Report:
        """Begins the schedule, or makes it follow the clock; a cycle under way follows too."""
        begun = self._states[due.loop].begun
        outcome = Outcome.ANCHORED if due.action is Action.ANCHOR else Outcome.REBASED
        at = due.cycle.due_at
        report = Report(due.loop, due.cycle.number, at, stretch.now, outcome)
        error = self._keep(report)
        if error:
            self._rest(due.loop, stretch)
            return replace(report, outcome=Outcome.FAILED, failures=1, error=error)
        if begun is not None:
            moved = Cycle(begun.number, at, begun.coalesced)
            self._states[due.loop] = replace(self._states[due.loop], begun=moved)
        return report

    def _keep(self, report: Report) -> str:
        """Stores how far the loop has come; returns the type of what went wrong, if anything."""
        try:
            self._due_times.complete(report.loop.value, report.due_at, report)
        except Exception as raised:  # noqa: BLE001 - storage may be back at the next try
            _log.warning("%s cycle %d was not kept", report.loop, report.cycle, exc_info=True)
            return type(raised).__name__
        self._states[report.loop] = LoopState(Completed(report.due_at, report.cycle))
        self._failures.pop(report.loop, None)
        return ""

    def _rest(self, loop: Loop, stretch: Stretch) -> None:
        failures = self._failures[loop] = self._failures.get(loop, 0) + 1
        not_before = stretch.monotonic() + self._config.backoff(failures)
        self._states[loop] = LoopState(self._states[loop].completed, None, not_before)
