"""What the study of self-tuning counts, and that no household's future leaks into it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omega_core.tuning import SHIPPED
from omega_eval.folds import fold_models
from omega_eval.household import Household
from omega_eval.tuning import (
    LEAST_POSITIVES,
    Trial,
    chosen_households,
    difference,
    study,
    summarise,
    tuned_household,
)
from omega_meta_sona import Outcome, TuningConfig, positives
from omega_meta_sona.fitness import Worth
from omega_testing import planted
from omega_testing.planted import PlantedWorld

QUICK = TuningConfig(moments=12, generations=6)


@pytest.fixture(scope="module")
def world() -> PlantedWorld:
    return planted.planted_world(2)


def household(world: PlantedWorld, seed: int, count: int = 75) -> Household:
    events = planted.viewings(world, planted.latest_craze(world, seed, 6), count)
    return Household(f"synthetic-{seed}", tuple(events), synthetic=True)


def worth(ndcg: float) -> Worth:
    return Worth(np.array([ndcg]), ndcg, 0.5, 0.5, 0.5)


def trial(outcome: Outcome, shipped: float, tuned: float, viewings: int = 2) -> Trial:
    pair = np.array([[shipped, tuned]] * viewings)
    return Trial("h", outcome, SHIPPED, pair, pair, (worth(shipped), worth(tuned)), 0.8, 4, 1)


def test_a_household_that_adopted_is_tested_on_its_last_fifth(world: PlantedWorld) -> None:
    found = tuned_household(world.catalogue, world.model, household(world, 2), QUICK)
    assert found.adopted
    assert found.gains.shape == found.uncut.shape == (15, 2)
    assert found.uncut[:, 1].mean() > found.uncut[:, 0].mean()
    assert (found.gains <= found.uncut).all()
    assert found.placebos > 0


def test_the_final_test_has_no_part_in_the_decision(world: PlantedWorld) -> None:
    one = household(world, 2)
    begin = positives(one.events)[-15]
    reversed_future = [
        replace(event, occurred_at=slot.occurred_at)
        for event, slot in zip(reversed(one.events[begin:]), one.events[begin:], strict=True)
    ]
    other = replace(one, events=(*one.events[:begin], *reversed_future))
    a = tuned_household(world.catalogue, world.model, one, QUICK)
    b = tuned_household(world.catalogue, world.model, other, QUICK)
    assert a.outcome == b.outcome
    assert a.lists[1].calibration == b.lists[1].calibration
    assert not np.array_equal(a.uncut, b.uncut)


def test_who_keeps_the_shipped_settings_counts_as_no_difference(world: PlantedWorld) -> None:
    events = planted.viewings(world, planted.anything(3), 40)
    found = tuned_household(
        world.catalogue, world.model, Household("synthetic-3", tuple(events), synthetic=True), QUICK
    )
    assert not found.adopted
    assert np.array_equal(found.uncut[:, 0], found.uncut[:, 1])
    assert found.lists[0].ndcg == found.lists[1].ndcg


def test_a_household_with_too_few_positives_is_refused_and_never_chosen(
    world: PlantedWorld,
) -> None:
    few, enough = household(world, 1, LEAST_POSITIVES - 1), household(world, 1, LEAST_POSITIVES)
    with pytest.raises(ValueError, match="19 positives"):
        tuned_household(world.catalogue, world.model, few, QUICK)
    assert chosen_households([few, enough, few, enough], None) == [1, 3]


def test_a_sample_of_households_is_the_same_every_time_and_in_order(world: PlantedWorld) -> None:
    everybody = [household(world, 1, LEAST_POSITIVES)] * 20
    some = chosen_households(everybody, 5)
    assert some == chosen_households(everybody, 5) == sorted(set(some))
    assert len(some) == 5
    assert chosen_households(everybody, 50) == list(range(20))


def test_the_table_counts_what_happened() -> None:
    rows = [
        trial(Outcome.ADOPTED, 0.1, 0.3),
        trial(Outcome.ADOPTED, 0.3, 0.2),
        trial(Outcome.REJECTED, 0.2, 0.2),
        trial(Outcome.NO_CHALLENGER, 0.4, 0.4),
    ]
    found = summarise(rows, 0.03)
    assert (found.households, found.tested, found.adopted, found.worse) == (4, 4, 2, 1)
    assert (found.placebos, found.false_alarms, found.alpha) == (16, 4, 0.03)
    assert found.ndcg.shipped == pytest.approx(0.25)
    assert found.ndcg.value == pytest.approx(0.025)
    assert found.ndcg_adopted is not None
    assert found.ndcg_adopted.value == pytest.approx(0.05)
    assert (found.before.capability, found.after.capability) == pytest.approx((0.2, 0.25))
    assert found.after.efficiency == 0.8
    nobody = summarise(rows[2:], 0.03)
    assert nobody.ndcg_adopted is None
    assert nobody.after.overall == 0


def test_a_loss_on_few_viewings_is_noise_and_on_many_is_not() -> None:
    few, many = (trial(Outcome.ADOPTED, 0.3, 0.2, viewings) for viewings in (4, 5))
    assert summarise([few], 0.03).worse_beyond_noise == 0
    assert summarise([many, few], 0.03).worse_beyond_noise == 1
    assert summarise([trial(Outcome.ADOPTED, 0.2, 0.3, 9)], 0.03).worse_beyond_noise == 0


def test_an_interval_holds_the_difference_and_shrinks_with_households() -> None:
    rng = np.random.default_rng(0)
    shipped = rng.random(400)
    pairs = np.stack([shipped, shipped + rng.normal(0.05, 0.1, 400)], axis=1)
    many, few = difference(pairs), difference(pairs[:25])
    assert many.low < many.value < many.high
    assert many.high - many.low == pytest.approx(4 * 0.1 / 20, rel=0.25)
    assert few.high - few.low > 2 * (many.high - many.low)
    same = difference(np.stack([shipped, shipped], axis=1))
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_a_households_model_knows_nothing_of_it(world: PlantedWorld) -> None:
    raw = world.catalogue.embeddings + world.catalogue.centring_mean
    fleet = [household(world, seed, 30) for seed in range(24)]
    models = fold_models(world.catalogue, raw, fleet, 2, 7)
    changed = [household(world, 99, 30), *fleet[1:]]
    again = fold_models(world.catalogue, raw, changed, 2, 7)
    own, others = (0, 1)
    assert np.array_equal(models[own].score_factors, again[own].score_factors)
    assert np.array_equal(models[own].log_prior, again[own].log_prior)
    assert not np.array_equal(models[others].log_prior, again[others].log_prior)


def test_each_household_is_ranked_with_the_model_of_its_fold(world: PlantedWorld) -> None:
    fleet = [household(world, seed, 25) for seed in range(4)]
    other = planted.planted_world(2)
    flat = replace(world.model, log_prior=np.zeros_like(world.model.log_prior))
    heard: list[None] = []
    found = study(
        world.catalogue, [world.model, flat], fleet, [1, 2], QUICK, lambda: heard.append(None)
    )
    assert [each.household_id for each in found] == ["synthetic-1", "synthetic-2"]
    assert len(heard) == 2
    assert found[0].lists[0].novelty == 1
    assert found[1].lists[0].novelty < 1
    assert np.array_equal(other.model.log_prior, world.model.log_prior)
