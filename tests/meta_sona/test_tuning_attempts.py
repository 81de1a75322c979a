"""Attempts: in small steps, the same after a restart, each stored once, alpha spent together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.tuning import SHIPPED, SettingsState
from omega_core.viewing import ViewingEvent
from omega_meta_sona import (
    Decision,
    Outcome,
    Probe,
    SearchProbe,
    Tuner,
    TuningConfig,
    TuningInputs,
    World,
    choose_ef,
    gather,
    positives,
    settle,
)
from omega_meta_sona.significance import spent_alpha
from omega_persistence import Database, Settings
from omega_testing import planted
from omega_testing.planted import PlantedWorld

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
QUICK = TuningConfig(moments=12, generations=6)


def ticking() -> Callable[[], float]:
    """A clock that moves by 1 / 64 s whenever it is read."""
    ticks = count()
    return lambda: next(ticks) / 64


def run(
    inputs: TuningInputs, probe: SearchProbe | None = None, config: TuningConfig = QUICK
) -> Decision:
    tuner = Tuner(inputs, config, probe, ticking())
    while (decision := tuner.step(10.0)) is None:
        pass
    return decision


@pytest.fixture(scope="session")
def viewings(titles: PlantedWorld) -> list[ViewingEvent]:
    return planted.viewings(titles, planted.latest_craze(titles, 2, 6), 60)


@pytest.fixture(scope="session")
def won(world: World, viewings: list[ViewingEvent]) -> Decision:
    decision = run(TuningInputs(world, viewings, NOW))
    assert decision.outcome is Outcome.ADOPTED
    return decision


@pytest.mark.parametrize("steps", [1, 40, 95])
def test_an_attempt_that_a_restart_cuts_short_ends_as_it_would_have(
    world: World, viewings: list[ViewingEvent], won: Decision, steps: int
) -> None:
    inputs = TuningInputs(world, viewings, NOW)
    killed = Tuner(inputs, QUICK, None, ticking())
    for _ in range(steps):
        assert killed.step(0.0) is None
    del killed
    assert run(inputs) == won


def test_a_step_is_one_unit_of_work_when_there_is_no_time(
    world: World, viewings: list[ViewingEvent], won: Decision
) -> None:
    tuner = Tuner(TuningInputs(world, viewings, NOW), QUICK, None, ticking())
    steps = 1
    while (decision := tuner.step(0.0)) is None:
        steps += 1
    assert decision == won
    assert won.candidates == QUICK.generations * QUICK.population
    assert steps > won.candidates + len(won.gains)
    assert tuner.step(0.0) == won


def test_a_decision_that_is_settled_twice_is_stored_once(
    path: Path, world: World, viewings: list[ViewingEvent]
) -> None:
    with closing(Database.open(path, clock=ManualClock(NOW))) as database:
        store = Settings(database)
        first = settle(store, run(gather(store, world, viewings, NOW)))
    with closing(Database.open(path, clock=ManualClock(NOW))) as database:
        store = Settings(database)
        again = replace(gather(store, world, viewings, NOW), in_force=None, attempt=1)
        again = replace(again, tested_until=None, tests_this_year=0)
        assert settle(store, run(again)) == first
        assert len(store.history()) == 1


def test_what_was_adopted_is_in_force_with_its_evidence(
    store: Settings, viewings: list[ViewingEvent], won: Decision
) -> None:
    settle(store, won)
    held = store.in_force()
    assert held is not None
    assert won.record is not None
    assert held == replace(won.record, version=held.version)
    found = positives(viewings)
    evidence = held.evidence
    assert evidence.tuned_until == viewings[found[29]].occurred_at
    assert evidence.tested_until == viewings[found[-1]].occurred_at
    assert evidence.events == len(won.gains) == 30
    assert evidence.effect == pytest.approx(sum(won.gains) / 30)
    assert evidence.p_value <= evidence.alpha == spent_alpha(0.05, 1)
    assert held.fitness.overall > held.parent_fitness.overall


def test_the_search_never_sees_what_decides(world: World, viewings: list[ViewingEvent]) -> None:
    found = positives(viewings)
    swapped = [*viewings]
    first, last = found[30], found[-1]
    for position in range(first, last + 1):
        mirror = viewings[first + last - position]
        swapped[position] = replace(mirror, occurred_at=viewings[position].occurred_at)
    config = replace(QUICK, shrinkage=0.0, caution=0.0)
    one = run(TuningInputs(world, viewings, NOW), config=config).record
    other = run(TuningInputs(world, swapped, NOW), config=config).record
    assert one is not None
    assert other is not None
    assert one.settings == other.settings
    assert one.fitness.capability == other.fitness.capability
    assert one.evidence.effect != other.evidence.effect


def test_viewings_that_were_tested_once_are_not_tested_again(
    store: Settings, titles: PlantedWorld, world: World, viewings: list[ViewingEvent]
) -> None:
    settle(store, run(gather(store, world, viewings, NOW)))
    later = NOW + timedelta(days=7)
    assert run(gather(store, world, viewings, later)).outcome is Outcome.TOO_FEW
    longer = planted.viewings(titles, planted.latest_craze(titles, 2, 6), 75)
    eager = replace(QUICK, shrinkage=0.0, caution=0.0)
    again = run(gather(store, world, longer, later), config=eager)
    assert again.record is not None
    assert again.record.evidence.attempt == 2
    assert again.record.evidence.events == 15
    assert again.record.evidence.tuned_until == viewings[-1].occurred_at


def test_alpha_is_spent_by_all_tests_of_a_year_against_the_setting_in_force(
    store: Settings, world: World, viewings: list[ViewingEvent], won: Decision
) -> None:
    assert won.record is not None
    lost = replace(
        won.record,
        state=SettingsState.REJECTED,
        evidence=replace(won.record.evidence, p_value=0.5),
    )
    for attempt, age in ((1, 400), (2, 300), (3, 20)):
        store.reject(
            replace(
                lost,
                evidence=replace(lost.evidence, attempt=attempt),
                decided_at=NOW - timedelta(days=age),
            )
        )
    inputs = gather(store, world, viewings, NOW)
    assert (inputs.attempt, inputs.tests_this_year) == (4, 2)
    store.adopt(replace(won.record, evidence=replace(won.record.evidence, attempt=4)))
    after = gather(store, world, viewings, NOW)
    assert (after.attempt, after.tests_this_year) == (5, 0)
    assert after.settings == won.record.settings
    assert after.tested_until == won.record.evidence.tested_until


def test_a_title_that_left_the_catalogue_is_passed_over(
    world: World, viewings: list[ViewingEvent], won: Decision
) -> None:
    gone = replace(viewings[0], event_id="gone", content_id="left-the-catalogue")
    assert run(TuningInputs(world, [gone, *viewings], NOW)) == won


def test_without_a_fleet_a_household_is_tuned_on_its_own_terms(
    titles: PlantedWorld, viewings: list[ViewingEvent], world: World
) -> None:
    alone = World(titles.catalogue, None, world.shipped)
    decision = run(TuningInputs(alone, viewings, NOW))
    assert decision.outcome in {Outcome.ADOPTED, Outcome.REJECTED}
    assert decision.record is not None
    assert decision.record.fitness.novelty == 1


def test_the_breadth_of_the_index_rides_along_with_a_challenger(
    world: World, viewings: list[ViewingEvent]
) -> None:
    def probe(ef: int) -> Probe:
        return Probe(recall=min(1.0, 0.9 + ef / 2_000), seconds=ef / 1e5)

    decision = run(TuningInputs(world, viewings, NOW), probe)
    assert decision.record is not None
    assert decision.record.settings.ef == 200
    assert replace(decision.record.settings, ef=0) != SHIPPED


def test_the_fastest_breadth_that_finds_enough_is_chosen() -> None:
    recalls = {25: 0.9, 50: 0.96, 100: 0.975, 200: 0.99, 400: 0.99, 800: 1.0}
    slower = {ef: Probe(recall, ef / 1e5) for ef, recall in recalls.items()}
    faster = {ef: Probe(recall, 1 / ef) for ef, recall in recalls.items()}
    poor = {ef: Probe(min(recall, 0.96), ef / 1e5) for ef, recall in recalls.items()}
    assert choose_ef(slower, 0.97) == 100
    assert choose_ef(faster, 0.97) == 800
    assert choose_ef(poor, 0.97) == 50
