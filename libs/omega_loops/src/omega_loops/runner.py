"""The loops' one thread, and the tick that it and the tests share."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Generic

from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_loops.config import LoopConfig
from omega_loops.cycles import Cycles
from omega_loops.events import EventQueue
from omega_loops.job import CycleJob, E, EventJob, YieldReason
from omega_loops.loop import DEADLINE_LOOPS, PERIODIC_LOOPS, Loop
from omega_loops.port import DueTimes
from omega_loops.report import Outcome, Report
from omega_loops.statistics import LoopStatistics, Recorder
from omega_loops.task import Stretch, Task
from omega_loops.yielding import RecommendationGate

_log = logging.getLogger(__name__)
_RUNS_A_TICK = 1000
"""Runs after which events wait for the next tick, so that no stream of them holds up the periodic
loops for ever."""


class LoopRunner(Generic[E]):
    """Runs the loops that have a job, one run at a time.

    Args:
        clock: wall time; decides which cycle is due.
        due_times: durable state of the periodic loops.
        gate: where recommendations announce themselves.
        cycle_jobs: jobs of periodic loops.
        event_jobs: jobs of deadline loops.
        config: budgets and waits.
        monotonic: seconds that never go back; measures budgets, waits and lateness.

    Raises:
        OmegaError: INVALID_FIELD when a loop has a job of the other kind; whatever
            due_times.load() raises.
    """

    def __init__(
        self,
        clock: Clock,
        due_times: DueTimes,
        gate: RecommendationGate,
        *,
        cycle_jobs: Mapping[Loop, CycleJob],
        event_jobs: Mapping[Loop, EventJob[E]],
        config: LoopConfig | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not set(cycle_jobs) <= set(PERIODIC_LOOPS):
            raise invalid("cycle_jobs", "jobs of periodic loops")
        if not set(event_jobs) <= set(DEADLINE_LOOPS):
            raise invalid("event_jobs", "jobs of deadline loops")
        self._clock = clock
        self._gate = gate
        self._config = config or LoopConfig()
        self._monotonic = monotonic
        self._event_jobs = dict(event_jobs)
        self._cycles = Cycles(due_times, dict(cycle_jobs), self._config)
        self._events = EventQueue(self._config.max_waiting_events)
        self._numbers = itertools.count(1)
        self._recorders = {loop: Recorder() for loop in Loop}
        self._counting = threading.Lock()
        self._ticking = threading.Lock()
        self._held_since: float | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def waiting_events(self) -> int:
        """Runs of deadline loops that wait."""
        return len(self._events)

    def notify(self, event: E, loops: Collection[Loop] = DEADLINE_LOOPS) -> None:
        """Gives each of `loops` that has a job one run for this event. Returns at once.

        What waits lives in memory: an event must be durable elsewhere before it comes here.

        Raises:
            OmegaError: OVERLOADED when too many runs wait; none is added then.
        """
        came, arrived, number = self._clock.now(), self._monotonic(), next(self._numbers)
        tasks = [
            Task(
                loop=loop,
                cycle=number,
                due_at=came,
                job=partial(self._event_jobs[loop], event),
                deadline=arrived + loop.period.total_seconds(),
                attempts=self._config.event_attempts,
            )
            for loop in DEADLINE_LOOPS
            if loop in loops and loop in self._event_jobs
        ]
        if not self._events.add(tasks):
            with self._counting:
                for task in tasks:
                    self._recorders[task.loop].refused()
            raise OmegaError(ErrorCode.OVERLOADED, detail="deadline loops")

    def tick(self, now: datetime) -> tuple[Report, ...]:
        """Runs what is due at `now`: waiting events, and each periodic loop at most once.

        Events go first, earliest deadline first, also between two periodic loops. No periodic loop
        overtakes a shorter one that is not done. Nothing starts while a recommendation is present,
        but for one run each `patience_seconds`.

        Args:
            now: wall time, aware.

        Returns:
            A report for each run, in their order.
        """
        reports: list[Report] = []
        put_back: list[Task] = []
        seen: set[Loop] = set()
        with self._ticking:
            try:
                while not self._stopping.is_set():
                    report = self._step(now, seen, put_back, len(reports))
                    if report is None:
                        break
                    reports.append(report)
            finally:
                self._events.put_back(put_back)
        return tuple(reports)

    def start(self) -> None:
        """Begins to tick in a thread of its own.

        Raises:
            RuntimeError: it runs already.
        """
        if self._thread is not None:
            raise RuntimeError("the loops run already")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._work, name="loops", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the step under way; harmless when it does not run.

        Events that wait stay for a next start() in this process. A cycle under way continues then,
        or begins again, under its number, in another process.
        """
        self._stopping.set()
        self._events.wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._stopping.clear()

    def statistics(self) -> dict[Loop, LoopStatistics]:
        """Figures of each loop since this runner was made."""
        with self._counting:
            return {loop: recorder.snapshot() for loop, recorder in self._recorders.items()}

    def _step(
        self, now: datetime, seen: set[Loop], put_back: list[Task], done: int
    ) -> Report | None:
        """One run; None when nothing is due or nothing may start."""
        monotonic = self._monotonic()
        due = self._cycles.next(now, monotonic, seen)
        event_ready = done < _RUNS_A_TICK and self._events.earliest(monotonic) < float("inf")
        if not (due or event_ready) or not self._may_start(monotonic):
            return None
        if event_ready and (task := self._events.take(monotonic)):
            report, over_budget = task.run(self._stretch(task.loop, now))
            self._settle(task, report, put_back)
        elif due is not None:
            seen.add(due.loop)
            report, over_budget = self._cycles.act(due, self._stretch(due.loop, now))
            if report.outcome in {Outcome.YIELDED, Outcome.OVER_BUDGET}:
                # It goes on at the next tick. Longer loops wait: they read what it writes.
                seen.update(PERIODIC_LOOPS)
        else:
            return None
        with self._counting:
            self._recorders[report.loop].ran(report, over_budget=over_budget)
        return report

    def _settle(self, task: Task, report: Report, put_back: list[Task]) -> None:
        """What becomes of an event's task after a run."""
        if report.outcome is Outcome.FAILED:
            wait = self._config.backoff(report.failures)
            self._events.rest(task, self._monotonic() + wait)
        elif report.outcome in {Outcome.YIELDED, Outcome.OVER_BUDGET}:
            put_back.append(task)

    def _stretch(self, loop: Loop, now: datetime) -> Stretch:
        return Stretch(now, self._config.budget(loop), self._monotonic, self._urgent)

    def _urgent(self, deadline: float) -> YieldReason | None:
        if self._stopping.is_set():
            return YieldReason.STOPPING
        if self._gate.busy:
            return YieldReason.RECOMMENDATION
        if self._events.earliest(self._monotonic()) < deadline:
            return YieldReason.EVENT
        return None

    def _may_start(self, monotonic: float) -> bool:
        if not self._gate.busy:
            self._held_since = None
            return True
        if self._held_since is None:
            self._held_since = monotonic
        if monotonic - self._held_since < self._config.patience_seconds:
            return False
        self._held_since = monotonic
        return True

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._gate.wait_clear(self._config.patience_seconds)
            try:
                reports = self.tick(self._clock.now())
            except Exception:  # noqa: BLE001 - the thread outlives whatever a clock may raise
                _log.exception("a tick failed")
                reports = ()
            yielded = any(report.outcome is Outcome.YIELDED for report in reports)
            if not yielded and self._held_since is None:
                self._events.wait(self._monotonic(), self._config.tick_seconds)
