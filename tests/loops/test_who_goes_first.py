"""Recommendations before events, events before periods, short deadlines before long ones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from omega_loops import (
    DEADLINE_LOOPS,
    PERIODIC_LOOPS,
    Changes,
    Context,
    CycleJob,
    Loop,
    LoopConfig,
    Outcome,
    YieldReason,
)

if TYPE_CHECKING:
    from tests.loops.conftest import Tv

YEARS = timedelta(days=3650)


def _done(_: str, __: Context) -> Changes:
    return Changes()


def test_the_order_of_a_tick(tv: Tv, idle: CycleJob) -> None:
    runner = tv.runner(dict.fromkeys(PERIODIC_LOOPS, idle), dict.fromkeys(DEADLINE_LOOPS, _done))
    tv.tick(runner)
    tv.pass_time(YEARS)
    for event in "abc":
        runner.notify(event)
        tv.seconds += 0.01
    order = [(each.loop, each.cycle) for each in tv.tick(runner)]
    events = [(loop, number) for loop in DEADLINE_LOOPS for number in (1, 2, 3)]
    assert order == events + [(loop, 1) for loop in PERIODIC_LOOPS]


def test_an_event_goes_between_two_steps_of_a_cycle(tv: Tv) -> None:
    reasons: list[YieldReason | None] = []

    def cycle(context: Context) -> Changes:
        if context.resume is None:
            reasons.append(context.yield_reason())
            runner.notify("skip")
            reasons.append(context.yield_reason())
            return Changes(finished=not context.should_yield(), resume="second step")
        return Changes()

    runner = tv.runner({Loop.ADAPTIVE: cycle}, {Loop.REFLEXIVE: _done})
    tv.tick(runner)
    tv.pass_time(YEARS)
    ran = [(each.loop, each.outcome) for _ in range(2) for each in tv.tick(runner)]
    assert reasons == [None, YieldReason.EVENT]
    assert ran == [
        (Loop.ADAPTIVE, Outcome.YIELDED),
        (Loop.REFLEXIVE, Outcome.FINISHED),
        (Loop.ADAPTIVE, Outcome.FINISHED),
    ]
    assert runner.statistics()[Loop.ADAPTIVE].yields == 1


def test_no_longer_loop_overtakes_one_that_made_way(tv: Tv, idle: CycleJob) -> None:
    def two_steps(context: Context) -> Changes:
        if context.resume is None:
            runner.notify("skip")
            return Changes(finished=not context.should_yield(), resume="second step")
        return Changes()

    jobs = {**dict.fromkeys(PERIODIC_LOOPS, idle), Loop.DELIBERATIVE: two_steps}
    runner = tv.runner(jobs, {Loop.REFLEXIVE: _done})
    tv.tick(runner)
    tv.pass_time(YEARS)
    first, second = tv.tick(runner), tv.tick(runner)
    assert [each.loop for each in first] == [Loop.ADAPTIVE, Loop.DELIBERATIVE, Loop.REFLEXIVE]
    assert [each.loop for each in second] == list(PERIODIC_LOOPS[1:])


def test_a_long_deadline_makes_way_for_a_short_one_and_is_still_met(tv: Tv) -> None:
    calls: list[tuple[Loop, str]] = []

    def react(event: str, context: Context) -> Changes:
        calls.append((Loop.REACTIVE, event))
        if event == "play" and context.resume is None:
            runner.notify("skip")
            return Changes(finished=not context.should_yield(), resume=1)
        return Changes()

    def reflect(event: str, _: Context) -> Changes:
        calls.append((Loop.REFLEXIVE, event))
        return Changes()

    runner = tv.runner(event_jobs={Loop.REACTIVE: react, Loop.REFLEXIVE: reflect})
    runner.notify("play", [Loop.REACTIVE])
    assert tv.tick(runner)[0].outcome is Outcome.YIELDED
    tv.tick(runner)
    assert calls == [
        (Loop.REACTIVE, "play"),
        (Loop.REFLEXIVE, "skip"),
        (Loop.REACTIVE, "skip"),
        (Loop.REACTIVE, "play"),
    ]


def test_nothing_starts_beside_a_recommendation_until_patience_ends(tv: Tv, idle: CycleJob) -> None:
    config = LoopConfig(patience_seconds=0.5)
    runner = tv.runner(dict.fromkeys(PERIODIC_LOOPS, idle), config=config)
    tv.tick(runner)
    tv.pass_time(YEARS)
    with tv.gate.recommendation():
        with tv.gate.recommendation():
            assert tv.tick(runner) == ()
        assert tv.tick(runner) == (), "one is still there"
        tv.seconds += 0.5
        assert [each.loop for each in tv.tick(runner)] == [Loop.ADAPTIVE], "one run, not all"
        assert tv.tick(runner) == ()
        tv.seconds += 0.5
        assert [each.loop for each in tv.tick(runner)] == [Loop.DELIBERATIVE]
    assert len(tv.tick(runner)) == 3


def test_a_cycle_makes_way_for_a_recommendation_and_still_comes_to_an_end(tv: Tv) -> None:
    def three_steps(context: Context) -> Changes:
        step = context.resume if isinstance(context.resume, int) else 0
        while step < 3:
            step += 1
            if context.should_yield():
                assert context.yield_reason() is YieldReason.RECOMMENDATION
                return Changes(finished=step == 3, resume=step)
        return Changes()

    runner = tv.runner({Loop.ADAPTIVE: three_steps})
    tv.tick(runner)
    tv.pass_time(YEARS)
    outcomes = []
    with tv.gate.recommendation():
        for _ in range(100):
            outcomes += [each.outcome for each in tv.tick(runner)]
            tv.seconds += 0.01
    assert outcomes == [Outcome.YIELDED, Outcome.YIELDED, Outcome.FINISHED]


def test_a_stream_of_events_cannot_hold_up_the_periodic_loops(tv: Tv, idle: CycleJob) -> None:
    def endless(event: str, _: Context) -> Changes:
        runner.notify(event)
        return Changes()

    runner = tv.runner({Loop.ADAPTIVE: idle}, {Loop.REFLEXIVE: endless})
    tv.tick(runner)
    tv.pass_time(YEARS)
    runner.notify("again")
    loops = [each.loop for each in tv.tick(runner)]
    assert loops.count(Loop.ADAPTIVE) == 1
    assert runner.waiting_events == 1


def test_an_event_past_its_deadline_is_counted_late(tv: Tv) -> None:
    runner = tv.runner(event_jobs=dict.fromkeys(DEADLINE_LOOPS, _done))
    runner.notify("skip")
    tv.seconds += 0.2
    reflexive, reactive = tv.tick(runner)
    assert round(reflexive.lateness, 6) == round(reactive.lateness, 6) == 0.2
    figures = runner.statistics()
    assert (figures[Loop.REFLEXIVE].late, figures[Loop.REACTIVE].late) == (1, 0)
