"""The runner's own thread: woken by events, held by recommendations, ended at a step."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from omega_core.clock import SystemClock
from omega_loops import (
    DEADLINE_LOOPS,
    Changes,
    Completed,
    Context,
    CycleJob,
    EventJob,
    Loop,
    LoopConfig,
    LoopRunner,
    Outcome,
)

if TYPE_CHECKING:
    from tests.loops.conftest import Tv

WAIT = 20
"""Seconds after which a test has failed."""
SLEEPY = LoopConfig(tick_seconds=60)


class Started:
    """Starts runners of one TV on the real clocks and stops them in the end."""

    def __init__(self, tv: Tv) -> None:
        self.tv = tv
        self.runners: list[LoopRunner[int]] = []

    def __call__(
        self,
        cycle_jobs: Mapping[Loop, CycleJob] | None = None,
        event_jobs: Mapping[Loop, EventJob[int]] | None = None,
        config: LoopConfig = SLEEPY,
    ) -> LoopRunner[int]:
        runner = LoopRunner[int](
            SystemClock(),
            self.tv.due_times,
            self.tv.gate,
            cycle_jobs=cycle_jobs or {},
            event_jobs=event_jobs or {},
            config=config,
        )
        self.runners.append(runner)
        runner.start()
        return runner

    def make_due(self, loop: Loop) -> None:
        at = SystemClock().now() - loop.period * 1.5
        self.tv.due_times.kept[loop.value] = Completed(at, 6)


@pytest.fixture
def started(tv: Tv) -> Iterator[Started]:
    made = Started(tv)
    yield made
    for runner in made.runners:
        runner.stop()


def test_events_from_many_threads_wake_the_runner_once_each(started: Started) -> None:
    answered: Counter[tuple[Loop, int]] = Counter()
    all_done = threading.Event()

    def job(event: int, context: Context) -> Changes:
        answered[context.loop, event] += 1
        if len(answered) == 400:
            all_done.set()
        return Changes()

    runner = started(event_jobs=dict.fromkeys(DEADLINE_LOOPS, job))

    def fifty(first: int) -> None:
        for event in range(first, first + 50):
            runner.notify(event)

    threads = [threading.Thread(target=fifty, args=(n * 50,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all_done.wait(WAIT)
    runner.stop()
    assert set(answered.values()) == {1}
    assert {runner.statistics()[loop].finished for loop in DEADLINE_LOOPS} == {200}


def test_a_cycle_due_at_start_runs_and_the_clock_is_looked_at_again(started: Started) -> None:
    started.make_due(Loop.ADAPTIVE)
    runs: list[int] = []
    second = threading.Event()

    def job(context: Context) -> Changes:
        runs.append(context.cycle)
        if len(runs) == 2:
            second.set()
        return Changes(finished=len(runs) == 2)

    started({Loop.ADAPTIVE: job}, config=LoopConfig(tick_seconds=0.01))
    assert second.wait(WAIT)
    assert runs == [7, 7]


def test_a_stop_ends_a_cycle_at_a_step_and_it_begins_again_under_its_number(
    started: Started,
) -> None:
    started.make_due(Loop.DELIBERATIVE)
    under_way, finished = threading.Event(), threading.Event()
    numbers: list[int] = []

    def long(context: Context) -> Changes:
        under_way.set()
        while not context.should_yield():
            pass
        return Changes({"steps": 1}, finished=False)

    def short(context: Context) -> Changes:
        numbers.append(context.cycle)
        finished.set()
        return Changes()

    config = LoopConfig(tick_seconds=60, periodic_budget_seconds=3600)
    runner = started({Loop.DELIBERATIVE: long}, config=config)
    assert under_way.wait(WAIT)
    runner.stop()
    last = runner.statistics()[Loop.DELIBERATIVE].last
    assert last is not None
    assert last.outcome is Outcome.YIELDED
    started({Loop.DELIBERATIVE: short})
    assert finished.wait(WAIT)
    assert numbers == [7]


def test_a_recommendation_stops_a_cycle_and_its_end_resumes_it(started: Started) -> None:
    started.make_due(Loop.EVOLUTIONARY)
    under_way, made_way, resumed = (threading.Event() for _ in range(3))
    beside: list[bool] = []

    def job(context: Context) -> Changes:
        if context.resume:
            beside.append(started.tv.gate.busy)
            resumed.set()
            return Changes()
        under_way.set()
        while not context.should_yield():
            pass
        made_way.set()
        return Changes(finished=False, resume="rest")

    config = LoopConfig(tick_seconds=60, periodic_budget_seconds=3600, patience_seconds=5)
    started({Loop.EVOLUTIONARY: job}, config=config)
    assert under_way.wait(WAIT)
    with started.tv.gate.recommendation():
        assert made_way.wait(WAIT)
    assert resumed.wait(WAIT)
    assert beside == [False]


def test_the_thread_outlives_a_broken_clock(started: Started) -> None:
    class Broken(SystemClock):
        def now(self) -> datetime:
            asked.release()
            return datetime(2026, 3, 1)  # noqa: DTZ001 - what is broken about it

    asked = threading.Semaphore(0)
    runner = LoopRunner[int](
        Broken(),
        started.tv.due_times,
        started.tv.gate,
        cycle_jobs={Loop.ADAPTIVE: lambda _: Changes()},
        event_jobs={},
        config=LoopConfig(tick_seconds=0.001),
    )
    started.runners.append(runner)
    runner.start()
    assert all(asked.acquire(timeout=WAIT) for _ in range(3))


def test_it_starts_once_at_a_time_and_stops_any_number_of_times(started: Started) -> None:
    answered = threading.Event()

    def job(_: int, __: Context) -> Changes:
        answered.set()
        return Changes()

    runner = started(event_jobs={Loop.REFLEXIVE: job})
    with pytest.raises(RuntimeError, match="already"):
        runner.start()
    runner.stop()
    runner.stop()
    runner.notify(1)
    assert not answered.is_set()
    runner.start()
    assert answered.wait(WAIT), "an event that waited runs after a new start"


def test_a_failed_event_is_tried_again_before_the_next_look_at_the_clock(
    started: Started,
) -> None:
    tries: list[int] = []
    done = threading.Event()

    def job(event: int, _: Context) -> Changes:
        tries.append(event)
        if len(tries) < 3:
            raise OSError("busy")
        done.set()
        return Changes()

    config = LoopConfig(tick_seconds=60, retry_first_seconds=0.001, retry_most_seconds=0.01)
    started(event_jobs={Loop.REACTIVE: job}, config=config).notify(5)
    assert done.wait(WAIT)
    assert tries == [5, 5, 5]
