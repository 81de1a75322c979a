"""A TV may lose power at any point; no cycle is lost and none counts twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_loops import PERIODIC_LOOPS, Changes, Context, Loop, Outcome, Report

if TYPE_CHECKING:
    from tests.loops.conftest import PowerCut, Tv

POINTS = ["none", "off and on", "before the job", "half way", "after the job", "not kept", "kept"]
steps = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=90 * 24 * 60).map(lambda minutes: minutes * 60),
        st.sampled_from(POINTS),
        st.sampled_from(PERIODIC_LOOPS),
    ),
    min_size=1,
    max_size=30,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps)
def test_a_restart_anywhere_loses_and_doubles_no_cycle(
    new_tv: Callable[[], Tv], power_cut: type[PowerCut], steps: list[tuple[int, str, Loop]]
) -> None:
    tv = new_tv()
    ledger: dict[tuple[Loop, int], set[int]] = {}
    cut: tuple[str, Loop] | None = None

    def maybe_cut(point: str, loop: Loop) -> None:
        nonlocal cut
        if cut == (point, loop):
            cut = None
            raise power_cut

    def job(context: Context) -> Changes:
        """Two steps; what is in the ledger already is not done again."""
        maybe_cut("before the job", context.loop)
        parts = ledger.setdefault((context.loop, context.cycle), set())
        fresh = {0, 1} - parts
        parts.add(0)
        maybe_cut("half way", context.loop)
        parts.add(1)
        maybe_cut("after the job", context.loop)
        return Changes({"parts": len(fresh)})

    def at_port(point: str) -> Callable[[Report], None]:
        return lambda report: maybe_cut(point, report.loop)

    tv.due_times.before, tv.due_times.after = at_port("not kept"), at_port("kept")
    jobs = dict.fromkeys(PERIODIC_LOOPS, job)
    start = tv.clock.now()
    runner = tv.runner(jobs)
    tv.tick(runner)
    for seconds, point, loop in steps:
        tv.pass_time(timedelta(seconds=seconds))
        cut = (point, loop)
        try:
            tv.tick(runner)
        except power_cut:
            runner = tv.runner(jobs)
        if point == "off and on":
            runner = tv.runner(jobs)
    cut = None
    tv.tick(runner)

    for loop in PERIODIC_LOOPS:
        cycles = tv.due_times.finished(loop)
        assert [each.cycle for each in cycles] == list(range(1, len(cycles) + 1))
        passed = (tv.clock.now() - start) // loop.period
        assert sum(1 + each.coalesced for each in cycles) == passed
        assert tv.due_times.kept[loop.value].at == start + passed * loop.period
        mine = {number: parts for (owner, number), parts in ledger.items() if owner is loop}
        assert mine == {each.cycle: {0, 1} for each in cycles}
    anchors = [each for each in tv.due_times.reports if each.outcome is Outcome.ANCHORED]
    assert len(anchors) == len(PERIODIC_LOOPS)
