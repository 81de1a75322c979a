"""Households whose taste is known: the tuner finds it, and finds nothing where there is nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from omega_core.tuning import SHIPPED, SettingsState, TunedSettings
from omega_meta_sona import Decision, Outcome, Tuner, TuningConfig, TuningInputs, World
from omega_meta_sona.gains import gain
from omega_meta_sona.moments import rows_of, target_ranks
from omega_rank import History, RankConfig
from omega_testing import planted
from omega_testing.planted import GENRES, Pick, PlantedWorld

EAGER = TuningConfig(moments=4, generations=3, shrinkage=0.0)
VIEWINGS = 60
SEEDS = range(1, 7)
MOST_FAIL = 2


def decide(
    world: PlantedWorld, pick: Pick, count: int = VIEWINGS, config: TuningConfig | None = None
) -> Decision:
    events = planted.viewings(world, pick, count)
    shared = World(world.catalogue, world.model, RankConfig())
    tuner = Tuner(TuningInputs(shared, events, events[-1].occurred_at), config)
    while (decision := tuner.step(1.0)) is None:
        pass
    return decision


def adopted_settings(
    worlds: list[PlantedWorld], habit: Callable[[PlantedWorld, int], Pick]
) -> list[tuple[TunedSettings, float]]:
    """Settings that were adopted, with their mean gain on 40 viewings that no tuner ever saw."""
    found = []
    for seed, world in zip(SEEDS, worlds, strict=True):
        record = decide(world, habit(world, seed)).record
        if record is not None and record.state is SettingsState.IN_FORCE:
            assert record.evidence.wins
            later = later_gain(world, habit(world, seed), record.settings)
            found.append((record.settings, later))
    return found


def later_gain(world: PlantedWorld, pick: Pick, settings: TunedSettings) -> float:
    events = planted.viewings(world, pick, VIEWINGS + 40)
    history = History.replay(world.catalogue, events[:VIEWINGS])
    shared = World(world.catalogue, world.model, RankConfig())
    gains = []
    for event in events[VIEWINGS:]:
        targets = rows_of(world.catalogue, [event])
        tuned, shipped = target_ranks(shared, history, (settings, SHIPPED), targets)
        gains.append(float(gain(tuned)[0] - gain(shipped)[0]))
        history.observe(event)
    return float(np.mean(gains))


@pytest.fixture(scope="module")
def worlds() -> list[PlantedWorld]:
    return [planted.planted_world(seed) for seed in SEEDS]


def test_households_that_follow_genres_alone_get_a_better_ranking_by_genre(
    worlds: list[PlantedWorld],
) -> None:
    found = adopted_settings(worlds, lambda w, seed: planted.genre_fans(w, seed, GENRES[:2]))
    assert len(found) >= len(SEEDS) - MOST_FAIL
    for settings, later in found:
        assert settings.genre > 1
        assert settings.genre > settings.content
        assert later > 0


def test_households_that_follow_their_latest_craze_get_a_shorter_memory(
    worlds: list[PlantedWorld],
) -> None:
    found = adopted_settings(worlds, lambda w, seed: planted.latest_craze(w, seed, 6))
    assert len(found) >= len(SEEDS) - MOST_FAIL
    for settings, later in found:
        assert settings.half_life < 1
        assert later > 0


def test_households_without_a_taste_adopt_no_more_often_than_stated() -> None:
    world = planted.planted_world(1_000, 150)
    decisions = [decide(world, planted.anything(seed), 40, EAGER) for seed in range(30)]
    tested = [d.record.evidence for d in decisions if d.record]
    assert len(tested) >= 20
    alarms = sum(evidence.wins for evidence in tested)
    # 99.9 % of binomial draws at the stated alpha stay at or below this many.
    draws = np.random.default_rng(0).binomial(len(tested), tested[0].alpha, 100_000)
    assert alarms <= np.quantile(draws, 0.999)


def test_a_household_that_watched_little_is_left_alone(worlds: list[PlantedWorld]) -> None:
    decision = decide(worlds[0], planted.genre_fans(worlds[0], 1, GENRES[:2]), 19)
    assert decision.outcome is Outcome.TOO_FEW
    assert decision.record is None
