"""What a run over its budget, or one that raises, costs and says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from omega_loops import (
    PERIODIC_LOOPS,
    Changes,
    Context,
    CycleJob,
    Loop,
    LoopConfig,
    Outcome,
    Report,
    YieldReason,
)

if TYPE_CHECKING:
    from tests.loops.conftest import Tv

CONFIG = LoopConfig(
    periodic_budget_seconds=1, retry_first_seconds=10, retry_most_seconds=60, event_attempts=3
)
HOUR = timedelta(hours=1)


def test_a_cycle_over_its_budget_stops_at_a_step_and_goes_on_at_the_next_tick(tv: Tv) -> None:
    seen: list[tuple[int, object]] = []

    def ten_steps(context: Context) -> Changes:
        seen.append((context.cycle, context.resume))
        first = context.resume if isinstance(context.resume, int) else 0
        for step in range(first, 10):
            tv.seconds += 0.3
            if context.should_yield() and step < 9:
                assert context.yield_reason() is YieldReason.BUDGET
                return Changes({"steps": step + 1 - first}, finished=False, resume=step + 1)
        return Changes({"steps": 10 - first})

    runner = tv.runner({Loop.ADAPTIVE: ten_steps}, config=CONFIG)
    tv.tick(runner)
    tv.pass_time(HOUR)
    reports = [report for _ in range(4) for report in tv.tick(runner)]
    assert [each.outcome for each in reports] == [Outcome.OVER_BUDGET] * 2 + [Outcome.FINISHED]
    assert [each.changes["steps"] for each in reports] == [4, 8, 10]
    assert seen == [(1, None), (1, 4), (1, 8)]
    last = reports[-1]
    assert (last.runs, last.over_budget, last.coalesced) == (3, 2, 1)
    assert last.seconds == pytest.approx(3)
    assert tv.due_times.finished(Loop.ADAPTIVE) == [last], "only the whole cycle is kept"
    figures = runner.statistics()[Loop.ADAPTIVE]
    assert (figures.runs, figures.finished, figures.over_budget) == (3, 1, 2)
    assert figures.last == last


def test_a_job_that_never_asks_is_found_out(tv: Tv) -> None:
    def deaf(_: Context) -> Changes:
        tv.seconds += 30
        return Changes()

    runner = tv.runner({Loop.ADAPTIVE: deaf}, config=CONFIG)
    tv.tick(runner)
    tv.pass_time(HOUR)
    (report,) = tv.tick(runner)
    assert (report.outcome, report.over_budget) == (Outcome.FINISHED, 1)


def test_a_failing_loop_comes_back_later_each_time_and_blocks_no_other(
    tv: Tv, idle: CycleJob
) -> None:
    tries: list[float] = []

    def broken(context: Context) -> Changes:
        assert (context.cycle, context.resume) == (1, None)
        tries.append(tv.seconds)
        raise OSError("gone")

    jobs = {**dict.fromkeys(PERIODIC_LOOPS, idle), Loop.ADAPTIVE: broken}
    runner = tv.runner(jobs, config=CONFIG)
    tv.tick(runner)
    tv.pass_time(timedelta(days=3650))
    begin = tv.seconds
    first = tv.tick(runner)
    assert [each.outcome for each in first] == [Outcome.FAILED] + [Outcome.FINISHED] * 4
    assert first[0].error == "OSError"
    for _ in range(200):
        tv.pass_time(timedelta(seconds=1))
        tv.tick(runner)
    assert [each - begin for each in tries] == [0, 10, 30, 70, 130, 190]
    assert runner.statistics()[Loop.ADAPTIVE].failed == 6


def test_after_a_failure_the_cycle_answers_what_became_due_meanwhile(tv: Tv) -> None:
    results: list[Callable[[], Changes]] = [
        lambda: Changes({"a": 1}, finished=False, resume="half"),
        lambda: Changes({"a": 1 // 0}),
        lambda: Changes({"a": 5}),
    ]
    resumed: list[object] = []

    def job(context: Context) -> Changes:
        resumed.append(context.resume)
        return results.pop(0)()

    runner = tv.runner({Loop.ADAPTIVE: job}, config=CONFIG)
    tv.tick(runner)
    tv.pass_time(HOUR / 2)
    assert tv.tick(runner)[0].outcome is Outcome.OVER_BUDGET
    assert tv.tick(runner)[0].outcome is Outcome.FAILED
    tv.pass_time(HOUR)
    (report,) = tv.tick(runner)
    assert (report.outcome, report.cycle, report.coalesced) == (Outcome.FINISHED, 1, 2)
    assert (report.failures, report.runs, report.changes) == (1, 3, {"a": 6})
    assert resumed == [None, "half", None], "a failure begins anew"


def test_a_cycle_that_cannot_be_kept_runs_again_under_its_number(tv: Tv) -> None:
    cycles: list[int] = []

    def job(context: Context) -> Changes:
        cycles.append(context.cycle)
        return Changes()

    def full(_: Report) -> None:
        raise OSError("disk full")

    tv.due_times.before = full
    runner = tv.runner({Loop.ADAPTIVE: job}, config=CONFIG)
    assert [each.outcome for each in tv.tick(runner)] == [Outcome.FAILED], "no schedule yet"
    tv.due_times.before = None
    tv.pass_time(timedelta(seconds=10))
    assert [each.outcome for each in tv.tick(runner)] == [Outcome.ANCHORED]
    tv.due_times.before = full
    tv.pass_time(HOUR / 2)
    (report,) = tv.tick(runner)
    assert (report.outcome, report.error, report.failures) == (Outcome.FAILED, "OSError", 1)
    tv.due_times.before = None
    assert tv.tick(runner) == ()
    tv.pass_time(timedelta(seconds=10))
    assert tv.tick(runner)[0].outcome is Outcome.FINISHED
    assert cycles == [1, 1]
    figures = runner.statistics()[Loop.ADAPTIVE]
    assert (figures.finished, figures.failed) == (1, 2)
    assert figures.runs == 2


def test_an_event_is_tried_again_and_given_up_in_the_end(tv: Tv) -> None:
    tried: list[str] = []

    def react(event: str, _: Context) -> Changes:
        tried.append(event)
        if event == "poison" or len(tried) == 1:
            raise ValueError(event)
        return Changes()

    runner = tv.runner(event_jobs={Loop.REACTIVE: react}, config=CONFIG)
    for event in ["first", "poison", "third"]:
        runner.notify(event)
    outcomes = [each.outcome for each in tv.tick(runner)]
    assert outcomes == [Outcome.FAILED, Outcome.FAILED, Outcome.FINISHED]
    assert tv.tick(runner) == (), "both rest"
    last = []
    for _ in range(4):
        tv.pass_time(timedelta(seconds=10))
        last += [each.outcome for each in tv.tick(runner)]
    assert tried == ["first", "poison", "third", "first", "poison", "poison"]
    assert last == [Outcome.FINISHED, Outcome.FAILED, Outcome.ABANDONED]
    assert runner.waiting_events == 0
    figures = runner.statistics()[Loop.REACTIVE]
    assert (figures.finished, figures.failed, figures.abandoned, figures.late) == (2, 4, 1, 2)
