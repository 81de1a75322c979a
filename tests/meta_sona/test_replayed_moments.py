"""Moments of the past rank exactly as the ranker ranked then, and fitness measures what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.tuning import SHIPPED, Fitness, TunedSettings
from omega_meta_sona import World, rank_config, space
from omega_meta_sona.fitness import Judge, efficiency, rarity
from omega_meta_sona.gains import CUT, gain, ndcg
from omega_meta_sona.moments import POOL, Moment, capture, target_ranks
from omega_rank import CollectiveModel, RankConfig, Ranker
from omega_rank.measures import diversity, miscalibration, surprisal
from omega_testing import planted
from omega_testing.ranking import World as RankWorld
from omega_testing.ranking import make_world

SEEDS = st.integers(0, 10_000)
POINTS = st.lists(
    st.floats(-space.REACH, space.REACH), min_size=space.DIMENSIONS, max_size=space.DIMENSIONS
).map(np.array)


def tuned_world(seed: int, *, fleet: bool = True) -> tuple[RankWorld, World]:
    made = make_world(seed)
    return made, World(made.catalogue, made.model if fleet else None, RankConfig())


def listed(made: RankWorld, world: World, tuned: TunedSettings) -> list[int]:
    config = rank_config(tuned, world.shipped)
    made.history.configure(config)
    ranking = Ranker(config).rank(
        world.catalogue, world.model, made.history, limit=len(world.catalogue)
    )
    return [ranked.row for ranked in ranking.titles]


def captured(made: RankWorld, world: World, tuned: TunedSettings, targets: list[int]) -> Moment:
    return capture(world, made.history, np.array(targets, np.int64), (SHIPPED, tuned))


@settings(deadline=None, max_examples=40)
@given(SEEDS, POINTS, st.booleans())
def test_every_title_has_the_rank_that_the_ranker_gives_it(
    seed: int, point: space.Point, fleet: bool
) -> None:
    made, world = tuned_world(seed, fleet=fleet)
    tuned = space.to_settings(point)
    order = listed(made, world, replace(tuned, diversity=0.0))
    (ranks,) = target_ranks(
        world, made.history, (replace(tuned, diversity=0.0),), np.array(order, np.int64)
    )
    assert ranks.tolist() == list(range(len(order)))


@settings(deadline=None, max_examples=40)
@given(SEEDS, POINTS)
def test_the_head_of_the_list_is_ranked_as_diversity_leaves_it(
    seed: int, point: space.Point
) -> None:
    made, world = tuned_world(seed)
    tuned = space.to_settings(point)
    order = listed(made, world, tuned)
    (ranks,) = target_ranks(world, made.history, (tuned,), np.array(order, np.int64))
    assert ranks[:CUT].tolist() == list(range(CUT))
    assert (ranks[CUT:] >= CUT).all()


@settings(deadline=None, max_examples=25)
@given(SEEDS, POINTS, st.booleans())
def test_worth_is_measured_on_the_list_that_would_have_been_served(
    seed: int, point: space.Point, fleet: bool
) -> None:
    made, world = tuned_world(seed, fleet=fleet)
    tuned = space.to_settings(point)
    order = listed(made, world, tuned)
    targets = [order[3], order[min(30, len(order) - 1)]]
    worth = Judge(world, [captured(made, world, tuned, targets)]).worth(tuned)
    head = np.array(order[:CUT], np.int64)
    made.history.configure(world.shipped)
    assert worth.calibration == pytest.approx(1 - miscalibration(head, made.history), abs=1e-6)
    assert worth.diversity == pytest.approx(diversity(world.catalogue, head) / 2)
    assert worth.ndcg == pytest.approx(ndcg(np.array([3, 30])))
    assert worth.gains[0] == pytest.approx(1 / np.log2(5))
    if made.model is world.model:
        bits = surprisal(head, made.model) / max(
            surprisal(np.array([row], np.int64), made.model) for row in range(len(made.catalogue))
        )
        assert worth.novelty == pytest.approx(bits)
    else:
        assert worth.novelty == 1


def test_a_large_catalogue_keeps_a_pool_that_changes_no_top_rank() -> None:
    made = planted.planted_world(4, 3_000)
    world = World(made.catalogue, made.model, RankConfig())
    history = planted.history(made, planted.latest_craze(made, 4, 5), 30)
    everything = np.flatnonzero(~history.seen)
    rng = np.random.default_rng(4)
    targets = rng.choice(everything, 40, replace=False).astype(np.int64)
    moment = capture(world, history, targets, space.tastes())
    assert len(moment.rows) < 2_600
    assert not history.seen[moment.rows].any()
    judge = Judge(world, [moment])
    for _ in range(10):
        tuned = space.to_settings(rng.uniform(-1.5, 1.5, space.DIMENSIONS))
        (exact,) = target_ranks(world, history, (tuned,), targets)
        found = judge.worth(tuned).gains
        near = exact < POOL // 4
        assert found[near] == pytest.approx(gain(exact[near]))
        assert (found >= gain(exact) - 1e-12).all()


def test_gain_falls_with_the_rank_and_ndcg_is_1_for_the_best_list() -> None:
    assert gain(np.arange(4)).tolist() == pytest.approx([1, 1 / np.log2(3), 0.5, 1 / np.log2(5)])
    assert ndcg(np.arange(3)) == pytest.approx(1)
    assert ndcg(np.arange(20)) == pytest.approx(1)
    assert ndcg(np.array([10, 50])) == 0
    assert ndcg(np.array([], np.int64)) == 0


def test_fitness_weighs_capability_alignment_efficiency_and_novelty() -> None:
    parts = ("capability", "calibration", "diversity", "efficiency", "novelty")
    weights = []
    for each in parts:
        alone = Fitness(**{part: float(part == each) for part in parts})
        weights.append(alone.overall)
    assert weights == pytest.approx([0.4, 0.15, 0.15, 0.2, 0.1])
    assert Fitness(0.2, 0.9, 0.5, 1.0, 0.0).overall == pytest.approx(0.08 + 0.21 + 0.2)


def test_efficiency_is_the_share_of_the_budget_that_an_answer_leaves() -> None:
    made, world = tuned_world(1)
    ticks = iter(range(1_000))
    measured = efficiency(world, made.history, SHIPPED, 4_000.0, lambda: float(next(ticks)))
    assert measured == pytest.approx(0.75)
    assert efficiency(world, made.history, SHIPPED, 1e-3) == 0


def test_a_fleet_that_knows_none_of_the_titles_counts_as_none() -> None:
    made = make_world(3)
    strangers = replace(made.factors, ordinals=made.factors.ordinals + 1_000)
    model = CollectiveModel.build(made.catalogue, strangers)
    world = World(made.catalogue, model, RankConfig())
    order = listed(made, world, SHIPPED)
    (ranks,) = target_ranks(world, made.history, (SHIPPED,), np.array(order, np.int64))
    assert ranks[:CUT].tolist() == list(range(CUT))
    assert world.model is None


def test_without_a_fleet_every_title_is_news() -> None:
    made, world = tuned_world(2, fleet=False)
    assert rarity(world).tolist() == [1.0] * len(made.catalogue)
