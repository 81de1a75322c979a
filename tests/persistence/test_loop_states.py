"""Loops go on after a restart where they were, and what they reported can be read back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_loops import (
    Changes,
    Context,
    DueTimes,
    Loop,
    LoopRunner,
    Outcome,
    RecommendationGate,
    Report,
)
from omega_persistence import Database
from omega_persistence.loops import KEPT, LoopStates


def report(clock: ManualClock, cycle: int, loop: Loop = Loop.ADAPTIVE) -> Report:
    return Report(
        loop=loop,
        cycle=cycle,
        due_at=clock.now(),
        started_at=clock.now() + timedelta(microseconds=17),
        outcome=Outcome.FINISHED,
        changes={"events folded": cycle},
        coalesced=3,
        runs=2,
        over_budget=1,
        yields=1,
        failures=4,
        seconds=0.25,
        lateness=1.5,
        error="OmegaError",
    )


def test_a_loop_goes_on_where_it_was_after_a_restart(path: Path, clock: ManualClock) -> None:
    database = Database.open(path, clock=clock)
    due = clock.now() + timedelta(microseconds=1)
    assert LoopStates(database).load() == {}
    LoopStates(database).complete(Loop.ADAPTIVE, clock.now(), report(clock, 1))
    LoopStates(database).complete(Loop.ADAPTIVE, due, report(clock, 2))
    LoopStates(database).complete(Loop.EVOLUTIONARY, due, report(clock, 0))
    database.close()
    again = Database.open(path, clock=clock)
    states = LoopStates(again).load()
    assert {name: (state.at, state.cycle) for name, state in states.items()} == {
        "adaptive": (due, 2),
        "evolutionary": (due, 0),
    }
    again.close()


def test_reports_are_read_back_newest_first_and_whole(
    database: Database, clock: ManualClock
) -> None:
    states = LoopStates(database)
    told = [report(clock, cycle) for cycle in range(4)]
    for each in told:
        states.complete(Loop.ADAPTIVE, clock.now(), each)
        states.complete(Loop.DELIBERATIVE, clock.now(), report(clock, 9, Loop.DELIBERATIVE))
    history = states.history("adaptive", 3)
    assert [stored.cycle for stored in history] == [3, 2, 1]
    for stored, original in zip(history, reversed(told), strict=False):
        for field in vars(original):
            if field != "loop":
                assert getattr(stored, field) == getattr(original, field), field
    assert states.history("reflexive", 10) == []


def test_the_newest_thousand_reports_are_kept(database: Database, clock: ManualClock) -> None:
    states = LoopStates(database)
    with database.transaction():
        for cycle in range(KEPT + 7):
            states.complete(Loop.ADAPTIVE, clock.now(), report(clock, cycle))
    history = states.history("adaptive", KEPT)
    assert (len(history), history[0].cycle, history[-1].cycle) == (KEPT, KEPT + 6, 7)
    with database.read() as connection:
        assert connection.execute("SELECT count(*) FROM loop_reports").fetchone() == (KEPT,)


def test_a_runner_keeps_its_schedule_here_over_a_restart(path: Path, clock: ManualClock) -> None:
    ran: list[datetime] = []

    def start() -> tuple[Database, LoopRunner[str]]:
        database = Database.open(path, clock=clock)
        due_times: DueTimes = LoopStates(database)

        def work(_: Context) -> Changes:
            ran.append(clock.now())
            return Changes({"things": 2})

        jobs = {Loop.ADAPTIVE: work}
        gate = RecommendationGate()
        return database, LoopRunner(clock, due_times, gate, cycle_jobs=jobs, event_jobs={})

    begun = clock.now()
    for _ in range(4):
        database, runner = start()
        runner.tick(clock.now())
        database.close()
        clock.advance(timedelta(minutes=20))
    assert ran == [begun + timedelta(minutes=40), begun + timedelta(minutes=60)]
    database, _ = start()
    second, first, anchored = LoopStates(database).history("adaptive", 10)
    assert [each.cycle for each in (second, first, anchored)] == [2, 1, 0]
    assert (second.outcome, dict(second.changes)) == (Outcome.FINISHED, {"things": 2})
    assert anchored.outcome == Outcome.ANCHORED
    database.close()


def test_what_is_out_of_bounds_is_refused(database: Database, clock: ManualClock) -> None:
    states = LoopStates(database)
    with pytest.raises(OmegaError) as refused:
        states.complete("no such\nname", clock.now(), report(clock, 1))
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, "name")
    with pytest.raises(OmegaError) as refused:
        states.history("adaptive", KEPT + 1)
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, "limit")
