"""Ten years of a TV that is on four hours a day and off for a fortnight each summer."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from omega_loops import DEADLINE_LOOPS, PERIODIC_LOOPS, Changes, Context, Loop

if TYPE_CHECKING:
    from tests.loops.conftest import Tv

DAYS = 3660
STEP = timedelta(minutes=10)
SEED = 20_260_301


def _evenings(start: datetime) -> list[list[datetime]]:
    """Instants of each evening at which the TV looks at its clock; it begins at any minute."""
    drawn = random.Random(SEED)  # noqa: S311 - repeatable, guards no secret
    evenings = []
    for day in range(DAYS):
        if day and 120 <= day % 365 < 134:
            continue
        begin = start + timedelta(days=day, minutes=drawn.randrange(240) if day else 0)
        evenings.append([begin + step * STEP for step in range(25)])
    return evenings


def test_every_cycle_and_every_event_is_counted_exactly(tv: Tv) -> None:
    evenings = _evenings(tv.clock.now())
    done: Counter[tuple[Loop, int]] = Counter()
    answered: Counter[tuple[Loop, str]] = Counter()
    finished: Counter[Loop] = Counter()
    coalesced: Counter[Loop] = Counter()
    late: Counter[Loop] = Counter()
    worst = dict.fromkeys(DEADLINE_LOOPS, 0.0)

    def cycle(context: Context) -> Changes:
        done[context.loop, context.cycle] += 1
        tv.seconds += 0.5
        return Changes({"seen": 1})

    def reflect(event: str, context: Context) -> Changes:
        answered[context.loop, event] += 1
        tv.seconds += 0.002
        return Changes()

    def react(event: str, context: Context) -> Changes:
        answered[context.loop, event] += 1
        tv.seconds += 0.03
        return Changes()

    events = 0
    for evening in evenings:
        runner = tv.runner(
            dict.fromkeys(PERIODIC_LOOPS, cycle), {Loop.REFLEXIVE: reflect, Loop.REACTIVE: react}
        )
        for number, instant in enumerate(evening):
            tv.pass_time(instant - tv.clock.now())
            for _ in range(3 if number % 12 == 6 else 0):
                runner.notify(f"event {events}")
                events += 1
            tv.tick(runner)
        for loop, figures in runner.statistics().items():
            finished[loop] += figures.finished
            coalesced[loop] += figures.coalesced
            late[loop] += figures.late
            if loop in worst:
                worst[loop] = max(worst[loop], figures.lateness_p99)

    assert events > 20_000
    assert set(answered.values()) == {1}
    assert len(answered) == 2 * events
    assert all(finished[loop] == events for loop in DEADLINE_LOOPS)
    assert late.total() == 0
    assert worst[Loop.REFLEXIVE] < 0.1
    assert worst[Loop.REACTIVE] < 5

    # Oracle: a cycle runs at the first look at the clock within each period since the first start.
    first = evenings[0][0]
    for loop in PERIODIC_LOOPS:
        periods = {(instant - first) // loop.period for each in evenings for instant in each}
        periods.discard(0)
        assert finished[loop] == len(periods)
        assert coalesced[loop] == max(periods) - len(periods)
        assert [done[loop, number + 1] for number in range(len(periods))] == [1] * len(periods)
    assert set(done.values()) == {1}
    holidays = 10 * 14
    assert finished[Loop.DELIBERATIVE] + coalesced[Loop.DELIBERATIVE] == DAYS - 1
    # A night's viewing that begins and ends within one period of another day answers for it.
    assert holidays - 10 <= coalesced[Loop.DELIBERATIVE] <= holidays
    assert finished[Loop.EVOLUTIONARY] + coalesced[Loop.EVOLUTIONARY] == (DAYS - 1) // 7
    assert finished[Loop.TRANSFORMATIVE] == 10
    assert finished[Loop.TRANSCENDENT] == 1
