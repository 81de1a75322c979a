"""What is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_loops import DEADLINE_LOOPS, Changes, CycleJob, Loop, LoopConfig

if TYPE_CHECKING:
    from tests.loops.conftest import Tv


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reflexive_budget_seconds", 0.2),
        ("reactive_budget_seconds", 6),
        ("periodic_budget_seconds", 0),
        ("tick_seconds", 61),
        ("patience_seconds", -1),
        ("patience_seconds", float("nan")),
        ("retry_first_seconds", 0),
        ("retry_most_seconds", 0.5),
        ("event_attempts", 0),
        ("max_waiting_events", 0),
    ],
)
def test_a_setting_out_of_bounds_names_itself(field: str, value: float) -> None:
    given: dict[str, Any] = {field: value}
    with pytest.raises(OmegaError) as refused:
        LoopConfig(**given)
    assert refused.value.field == field


def test_waits_double_up_to_the_longest() -> None:
    config = LoopConfig(retry_first_seconds=1, retry_most_seconds=900)
    assert [config.backoff(n) for n in (1, 2, 3, 10, 11, 5000)] == [1, 2, 4, 512, 900, 900]


def test_a_job_of_the_other_kind_is_refused(tv: Tv, idle: CycleJob) -> None:
    with pytest.raises(OmegaError, match="cycle_jobs"):
        tv.runner({Loop.REFLEXIVE: idle})
    with pytest.raises(OmegaError, match="event_jobs"):
        tv.runner(event_jobs={Loop.ADAPTIVE: lambda _, __: Changes()})


def test_a_full_queue_takes_all_runs_of_an_event_or_none(tv: Tv) -> None:
    jobs = dict.fromkeys(DEADLINE_LOOPS, lambda _, __: Changes())
    runner = tv.runner(event_jobs=jobs, config=LoopConfig(max_waiting_events=3))
    runner.notify("taken")
    with pytest.raises(OmegaError) as refused:
        runner.notify("refused")
    assert refused.value.code is ErrorCode.OVERLOADED
    assert runner.waiting_events == 2
    assert {runner.statistics()[loop].refused for loop in DEADLINE_LOOPS} == {1}
    assert len(tv.tick(runner)) == 2
    runner.notify("taken again")


def test_loops_without_a_job_stay_out_of_it(tv: Tv) -> None:
    runner = tv.runner()
    runner.notify("nobody listens")
    assert tv.tick(runner) == ()
    assert tv.due_times.kept == {}
