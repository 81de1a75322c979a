"""Wall clocks jump; loops run neither twice nor never again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core.clock import ManualClock
from omega_loops import PERIODIC_LOOPS, Changes, Context, CycleJob, Loop, Outcome

if TYPE_CHECKING:
    from tests.loops.conftest import Tv

DAY = timedelta(days=1)
each_periodic = pytest.mark.parametrize("loop", PERIODIC_LOOPS)


@each_periodic
def test_a_first_start_only_begins_the_first_period(tv: Tv, idle: CycleJob, loop: Loop) -> None:
    runner = tv.runner({loop: idle})
    assert [each.outcome for each in tv.tick(runner)] == [Outcome.ANCHORED]
    tv.pass_time(loop.period - timedelta(microseconds=1))
    assert tv.tick(runner) == ()
    tv.pass_time(timedelta(microseconds=1))
    (report,) = tv.tick(runner)
    assert (report.outcome, report.cycle, report.coalesced) == (Outcome.FINISHED, 1, 0)
    assert tv.tick(runner) == ()


@each_periodic
def test_a_jump_forwards_runs_once(tv: Tv, idle: CycleJob, loop: Loop) -> None:
    runner = tv.runner({loop: idle})
    tv.tick(runner)
    tv.clock.advance(loop.period * 7.5)
    (report,) = tv.tick(runner)
    assert (report.cycle, report.coalesced) == (1, 6)
    assert report.lateness == pytest.approx(loop.period.total_seconds() / 2)
    assert tv.tick(runner) == ()


@each_periodic
@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(days=5000)])
def test_a_jump_back_runs_nothing_at_once_and_one_period_later(
    tv: Tv, idle: CycleJob, loop: Loop, back: timedelta
) -> None:
    runner = tv.runner({loop: idle})
    tv.tick(runner)
    tv.pass_time(loop.period)
    assert tv.tick(runner)[0].cycle == 1
    tv.clock.advance(-back)
    assert [each.outcome for each in tv.tick(runner)] == [Outcome.REBASED]
    assert tv.tick(runner) == ()
    tv.pass_time(loop.period / 2)
    runner = tv.runner({loop: idle})
    assert tv.tick(runner) == (), "the new schedule survives a restart"
    tv.pass_time(loop.period / 2)
    (report,) = tv.tick(runner)
    assert (report.outcome, report.cycle, report.coalesced) == (Outcome.FINISHED, 2, 0)


def test_a_small_jump_back_after_a_cycle_changes_nothing(tv: Tv, idle: CycleJob) -> None:
    runner = tv.runner({Loop.DELIBERATIVE: idle})
    tv.tick(runner)
    tv.pass_time(DAY * 1.5)
    assert len(tv.tick(runner)) == 1
    tv.clock.advance(-DAY / 4)
    assert tv.tick(runner) == ()


def test_a_cycle_under_way_keeps_its_number_when_the_clock_goes_back(tv: Tv) -> None:
    stops = [False, True]
    runner = tv.runner({Loop.DELIBERATIVE: lambda _: Changes({"a": 1}, finished=stops.pop(0))})
    tv.tick(runner)
    tv.pass_time(DAY)
    assert tv.tick(runner)[0].outcome is Outcome.OVER_BUDGET
    tv.clock.advance(-DAY * 100)
    assert tv.tick(runner)[0].outcome is Outcome.REBASED
    (report,) = tv.tick(runner)
    assert (report.outcome, report.cycle, report.changes) == (Outcome.FINISHED, 1, {"a": 2})
    assert tv.due_times.kept["deliberative"].at == tv.clock.now()
    assert tv.tick(runner) == ()


def test_nothing_is_due_while_the_clock_is_not_set(tv: Tv, idle: CycleJob) -> None:
    tv.clock = ManualClock(datetime(1970, 1, 1, tzinfo=UTC))
    runner = tv.runner(dict.fromkeys(PERIODIC_LOOPS, idle))
    for _ in range(3):
        assert tv.tick(runner) == ()
        tv.pass_time(timedelta(days=400))
    assert tv.due_times.kept == {}


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moves=st.lists(
        st.tuples(st.floats(min_value=-40, max_value=40), st.booleans()), min_size=1, max_size=40
    )
)
def test_a_cycle_needs_a_period_and_a_period_brings_a_cycle(
    new_tv: Callable[[], Tv], moves: list[tuple[float, bool]]
) -> None:
    tv = new_tv()
    calls: list[int] = []

    def job(context: Context) -> Changes:
        calls.append(context.cycle)
        return Changes()

    runner = tv.runner({Loop.DELIBERATIVE: job})
    tv.tick(runner)
    forwards = timedelta(0)
    for days, restart in moves:
        by = timedelta(days=days)
        forwards += max(by, timedelta(0))
        tv.clock.advance(by)
        runner = tv.runner({Loop.DELIBERATIVE: job}) if restart else runner
        before = len(calls)
        tv.tick(runner)
        assert len(calls) - before <= 1
        slots = sum(1 + each.coalesced for each in tv.due_times.finished(Loop.DELIBERATIVE))
        assert slots <= forwards // DAY, "no cycle without the time for it"
    before = len(calls)
    tv.pass_time(DAY)
    tv.tick(runner)
    assert len(calls) == before + 1, "wherever the clock went, a period later there is a cycle"
    assert calls == list(range(1, len(calls) + 1))
