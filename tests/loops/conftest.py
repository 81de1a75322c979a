"""A TV whose clocks stand still, and a port that keeps its instants in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from omega_core.clock import ManualClock
from omega_loops import (
    Changes,
    Completed,
    Context,
    CycleJob,
    EventJob,
    Loop,
    LoopConfig,
    LoopRunner,
    Outcome,
    RecommendationGate,
    Report,
)

START = datetime(2026, 3, 1, 18, tzinfo=UTC)


class PowerCut(BaseException):
    """The process is gone; nothing in it may catch this."""


@dataclass
class MemoryDueTimes:
    """The port over a dictionary."""

    kept: dict[str, Completed] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    before: Callable[[Report], None] | None = None
    after: Callable[[Report], None] | None = None

    def load(self) -> Mapping[str, Completed]:
        return dict(self.kept)

    def complete(self, name: str, at: datetime, report: Report) -> None:
        if self.before:
            self.before(report)
        self.kept[name] = Completed(at, report.cycle)
        self.reports.append(report)
        if self.after:
            self.after(report)

    def finished(self, loop: Loop) -> list[Report]:
        done = Outcome.FINISHED
        return [each for each in self.reports if each.loop is loop and each.outcome is done]


def nothing(_: Context) -> Changes:
    return Changes()


@dataclass
class Tv:
    """Clocks, port and gate of one TV; runners come and go."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    seconds: float = 0.0
    due_times: MemoryDueTimes = field(default_factory=MemoryDueTimes)
    gate: RecommendationGate = field(default_factory=RecommendationGate)

    def runner(
        self,
        cycle_jobs: Mapping[Loop, CycleJob] | None = None,
        event_jobs: Mapping[Loop, EventJob[str]] | None = None,
        config: LoopConfig | None = None,
    ) -> LoopRunner[str]:
        return LoopRunner(
            self.clock,
            self.due_times,
            self.gate,
            cycle_jobs=cycle_jobs or {},
            event_jobs=event_jobs or {},
            config=config,
            monotonic=lambda: self.seconds,
        )

    def pass_time(self, by: timedelta) -> None:
        """Both clocks move on."""
        self.clock.advance(by)
        self.seconds += by.total_seconds()

    def tick(self, runner: LoopRunner[str]) -> tuple[Report, ...]:
        return runner.tick(self.clock.now())


@pytest.fixture
def tv() -> Tv:
    return Tv()


@pytest.fixture
def new_tv() -> Callable[[], Tv]:
    """For property tests: a TV an example."""
    return Tv


@pytest.fixture
def idle() -> CycleJob:
    return nothing


@pytest.fixture
def power_cut() -> type[PowerCut]:
    return PowerCut
