"""The seven loops of a brain: what each does, and when it makes way."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from omega_brain.adaptive import Adaptive
from omega_brain.deliberative import Deliberative
from omega_brain.evening import Evening
from omega_brain.longterm import Evolutionary, Trajectory
from omega_brain.stores import Stores
from omega_core.clock import Clock
from omega_core.errors import OmegaError
from omega_core.viewing import ViewingEvent
from omega_loops import (
    PERIODIC_LOOPS,
    Changes,
    Context,
    CycleJob,
    Loop,
    LoopConfig,
    LoopRunner,
    LoopStatistics,
    RecommendationGate,
    Report,
)
from omega_runtime.event_types import (
    LoopCycleCompleted,
    LoopCycleStarted,
    LoopFailed,
    SystemPaused,
    SystemResumed,
)
from omega_runtime.events import Publish

_log = logging.getLogger(__name__)


class BrainLoops:
    """Runs the loops, tells what they do, and can be made to stand still.

    Args:
        stores: keeps how far the periodic loops have come.
        clock: wall time.
        gate: where answers announce themselves.
        evening: jobs of the Reflexive and the Reactive loop.
        adaptive: job of the Adaptive loop.
        deliberative: job of the Deliberative loop.
        evolutionary: job of the Evolutionary loop.
        trajectory: jobs of the Transformative and the Transcendent loop.
        publish: is told each cycle.
        config: budgets and waits.
    """

    def __init__(
        self,
        stores: Stores,
        clock: Clock,
        gate: RecommendationGate,
        *,
        evening: Evening,
        adaptive: Adaptive,
        deliberative: Deliberative,
        evolutionary: Evolutionary,
        trajectory: Trajectory,
        publish: Publish,
        config: LoopConfig | None = None,
    ) -> None:
        self._stores = stores
        self._publish = publish
        self._running = False
        jobs: Mapping[Loop, CycleJob] = {
            Loop.ADAPTIVE: adaptive.job,
            Loop.DELIBERATIVE: deliberative.job,
            Loop.EVOLUTIONARY: evolutionary.job,
            Loop.TRANSFORMATIVE: trajectory.yearly,
            Loop.TRANSCENDENT: trajectory.once_in_ten_years,
        }
        self._runner: LoopRunner[ViewingEvent] = LoopRunner(
            clock,
            stores.loops,
            gate,
            cycle_jobs={loop: self._told(loop, job) for loop, job in jobs.items()},
            event_jobs={Loop.REFLEXIVE: evening.bend, Loop.REACTIVE: evening.refresh},
            config=config,
        )

    def notify(self, event: ViewingEvent) -> None:
        """Gives the deadline loops an event that is durable. Returns at once.

        When too many wait, this one bends no list; it is history all the same.
        """
        try:
            self._runner.notify(event)
        except OmegaError as error:
            _log.warning("an event was left to the slower loops: %s", error)

    def tick(self, now: datetime) -> tuple[Report, ...]:
        """Runs what is due at an instant, in the caller's thread."""
        return self._runner.tick(now)

    def start(self) -> None:
        """Begins to run in a thread of its own."""
        self._running = True
        self._runner.start()

    def stop(self) -> None:
        """Ends after the step under way; may be called twice."""
        self._running = False
        self._runner.stop()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """A block during which no loop runs."""
        self._runner.stop()
        if self._running:
            self._publish(SystemPaused(reason="erasure"))
        try:
            yield
        finally:
            if self._running:
                self._runner.start()
                self._publish(SystemResumed())

    def statistics(self) -> dict[Loop, LoopStatistics]:
        """Figures of each loop since the start."""
        return self._runner.statistics()

    def due_at(self) -> dict[Loop, datetime]:
        """When each periodic loop is due next; one that has never run is absent.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        held = self._stores.loops.load()
        return {loop: held[loop].at + loop.period for loop in PERIODIC_LOOPS if loop in held}

    def _told(self, loop: Loop, job: CycleJob) -> CycleJob:
        """The job, with what it does published."""
        name = str(loop)

        def run(context: Context) -> Changes:
            if context.resume is None:
                self._publish(LoopCycleStarted(loop=name))
            begun = time.perf_counter()
            try:
                changes = job(context)
            except Exception as error:
                self._publish(LoopFailed(loop=name, error=type(error).__name__))
                raise
            if changes.finished:
                self._publish(
                    LoopCycleCompleted(
                        loop=name,
                        seconds=time.perf_counter() - begun,
                        changes=sum(changes.counts.values()),
                    )
                )
            return changes

        return run
