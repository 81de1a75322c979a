"""What self-tuning does for households it has never met: improvement, mistakes, false alarms.

Of each household's positives (first viewings of a title that succeeded, by time) the last fifth is
the final test, which neither search nor adoption ever sees. Of the others the tuner takes the first
half to search on and the second to decide on, exactly as on a TV. Final figures are of the last
fifth alone: of every viewing in it, ranked by the answer that would have been given just before,
and of the one list given before all of them (split.HoldOut.LAST20). A household whose challenger
was not adopted keeps the shipped settings and counts as a difference of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.tuning import SHIPPED, Fitness, TunedSettings
from omega_eval.household import Household
from omega_eval.split import HELD_OUT_SHARE
from omega_meta_sona import (
    Decision,
    Outcome,
    Tuner,
    TuningConfig,
    TuningInputs,
    World,
    positives,
)
from omega_meta_sona.fitness import Judge, Worth
from omega_meta_sona.gains import CUT, gain
from omega_meta_sona.moments import capture, rows_of, target_ranks
from omega_meta_sona.significance import sign_flip_p_value
from omega_rank import Catalogue, CollectiveModel, History, RankConfig

LEAST_POSITIVES = 20
"""Households with fewer positives are left out."""
PLACEBOS = 20
"""Placebo tests a household that had a test."""
LOSES_AT = 0.05
"""Level of the test that an adopted setting lost in the final test."""
SAMPLES = 4_000
"""Resamples of an interval."""
_WHOLE = 1e9


@dataclass(frozen=True)
class Trial:
    """One household, tuned and tested."""

    household_id: str
    """As in the data set."""
    outcome: Outcome
    """What the tuner decided."""
    settings: TunedSettings
    """In force in the final test."""
    gains: NDArray[np.float64]
    """(v, 2) NDCG@10 of each viewing of the final test, shipped and tuned."""
    uncut: NDArray[np.float64]
    """(v, 2) the same without a cut."""
    lists: tuple[Worth, Worth]
    """Of the list given before all of them, shipped and tuned."""
    efficiency: float
    """Share of the time budget that an answer leaves; of tested households, else 0."""
    placebos: int
    """Placebo tests made."""
    false_alarms: int
    """Placebo tests that would have adopted."""

    @property
    def adopted(self) -> bool:
        """Whether a tuned setting is in force in the final test."""
        return self.outcome is Outcome.ADOPTED


@dataclass(frozen=True)
class Difference:
    """A mean difference with its 95 % interval."""

    shipped: float
    """Mean under the shipped settings."""
    tuned: float
    """Mean under the policy."""
    low: float
    """2.5 % quantile of the difference over resampled households."""
    high: float
    """97.5 % quantile."""

    @property
    def value(self) -> float:
        """Mean of tuned less shipped."""
        return self.tuned - self.shipped


@dataclass(frozen=True)
class TuningFigures:
    """The table."""

    households: int
    """With at least LEAST_POSITIVES positives, or as many of them as were asked for."""
    tested: int
    """Whose search found a challenger."""
    adopted: int
    """Whose challenger won."""
    ndcg: Difference
    """NDCG@10 of each viewing, over all households."""
    ndcg_list: Difference
    """NDCG@10 of the list, over all households."""
    gain: Difference
    """NDCG without a cut of each viewing, over all households."""
    ndcg_adopted: Difference | None
    """NDCG@10 of each viewing, over those that adopted."""
    gain_adopted: Difference | None
    """NDCG without a cut, over those that adopted."""
    worse: int
    """Households that adopted and have a lower NDCG without a cut in the final test."""
    worse_beyond_noise: int
    """Those of them for which the same test as at adoption says so at LOSES_AT."""
    placebos: int
    """Tests with the labels of challenger and setting in force exchanged at random."""
    false_alarms: int
    """Of them, those that would have adopted."""
    alpha: float
    """What the first test of a household may spend."""
    before: Fitness
    """Mean fitness of adopting households on the final test, shipped."""
    after: Fitness
    """The same, tuned."""


def tuned_household(
    catalogue: Catalogue,
    model: CollectiveModel | None,
    household: Household,
    config: TuningConfig,
    seed: int = 0,
) -> Trial:
    """Tunes one household on its first four fifths and tests on the last.

    Raises:
        ValueError: it has fewer than LEAST_POSITIVES positives.
    """
    viewings = sorted(household.events, key=lambda event: event.occurred_at)
    found = positives(viewings)
    if len(found) < LEAST_POSITIVES:
        raise ValueError(f"{household.household_id}: {len(found)} positives")
    held_out = max(1, round(HELD_OUT_SHARE * len(found)))
    begin = found[-held_out]
    world = World(catalogue, model, RankConfig())
    past = viewings[:begin]
    decision = decide(TuningInputs(world, past, past[-1].occurred_at), config)
    settings = SHIPPED
    if decision.outcome is Outcome.ADOPTED and decision.record is not None:
        settings = decision.record.settings
    history = History.replay(catalogue, past)
    targets = rows_of(catalogue, [viewings[position] for position in found[-held_out:]])
    judge = Judge(world, [capture(world, history, targets, (SHIPPED, settings))])
    shipped = judge.worth(SHIPPED)
    lists = (shipped, shipped if settings == SHIPPED else judge.worth(settings))
    ranks = []
    for position in range(begin, len(viewings)):
        if position in found[-held_out:]:
            ranks.append(_ranks(world, history, settings, viewings[position].content_id))
        history.observe(viewings[position])
    table = np.array(ranks, np.int64)
    placebos, false_alarms = _placebo(decision, seed)
    return Trial(
        household_id=household.household_id,
        outcome=decision.outcome,
        settings=settings,
        gains=gain(table) * (table < CUT),
        uncut=gain(table),
        lists=lists,
        efficiency=decision.record.fitness.efficiency if decision.record else 0.0,
        placebos=placebos,
        false_alarms=false_alarms,
    )


def decide(inputs: TuningInputs, config: TuningConfig) -> Decision:
    """Runs a tuner to its end."""
    tuner = Tuner(inputs, config)
    while (decision := tuner.step(_WHOLE)) is None:
        pass
    return decision


def _ranks(
    world: World, history: History, settings: TunedSettings, content_id: str
) -> tuple[int, int]:
    row = np.array([world.catalogue.row_of[content_id]], np.int64)
    if settings == SHIPPED:
        (only,) = target_ranks(world, history, (SHIPPED,), row)
        return int(only[0]), int(only[0])
    shipped, tuned = target_ranks(world, history, (SHIPPED, settings), row)
    return int(shipped[0]), int(tuned[0])


def _placebo(decision: Decision, seed: int) -> tuple[int, int]:
    """Tests and false alarms where by construction neither setting is better: A/A."""
    record = decision.record
    if record is None:
        return 0, 0
    rng = np.random.default_rng([seed, record.evidence.events])
    differences = np.array(decision.gains)
    alarms = 0
    for _ in range(PLACEBOS):
        exchanged = differences * rng.choice([-1.0, 1.0], len(differences))
        p_value = sign_flip_p_value(exchanged, int(rng.integers(2**31)))
        alarms += bool(p_value <= record.evidence.alpha and exchanged.mean() > 0)
    return PLACEBOS, alarms


def summarise(tested: Sequence[Trial], alpha: float, seed: int = 0) -> TuningFigures:
    """The table of tested households, at least one."""
    adopted = [each for each in tested if each.adopted]
    ndcg = np.array([each.gains.mean(axis=0) for each in tested])
    uncut = np.array([each.uncut.mean(axis=0) for each in tested])
    lists = np.array([[worth.ndcg for worth in each.lists] for each in tested])
    chosen = np.array([each.adopted for each in tested])
    losing = uncut[chosen, 1] < uncut[chosen, 0]
    return TuningFigures(
        households=len(tested),
        tested=sum(each.placebos > 0 for each in tested),
        adopted=len(adopted),
        ndcg=difference(ndcg, seed),
        ndcg_list=difference(lists, seed),
        gain=difference(uncut, seed),
        ndcg_adopted=difference(ndcg[chosen], seed) if adopted else None,
        gain_adopted=difference(uncut[chosen], seed) if adopted else None,
        worse=int(losing.sum()),
        worse_beyond_noise=sum(_lost(each) for each in adopted),
        placebos=sum(each.placebos for each in tested),
        false_alarms=sum(each.false_alarms for each in tested),
        alpha=alpha,
        before=_fitness(adopted, 0),
        after=_fitness(adopted, 1),
    )


def _lost(trial: Trial) -> bool:
    losses = trial.uncut[:, 0] - trial.uncut[:, 1]
    return bool(losses.mean() > 0 and sign_flip_p_value(losses) <= LOSES_AT)


def difference(pairs: NDArray[np.float64], seed: int = 0) -> Difference:
    """Mean of (u, 2) pairs, shipped and tuned, with a paired bootstrap over households.

    The percentile bootstrap (Efron & Tibshirani 1993).
    """
    rng = np.random.default_rng(seed)
    gained = pairs[:, 1] - pairs[:, 0]
    chosen = rng.integers(0, len(gained), (SAMPLES, len(gained)))
    low, high = np.quantile(gained[chosen].mean(axis=1), [0.025, 0.975])
    shipped, tuned = pairs.mean(axis=0)
    return Difference(float(shipped), float(tuned), float(low), float(high))


def chosen_households(
    households: Sequence[Household], most: int | None, seed: int = 0
) -> list[int]:
    """Positions of the households with enough positives; at most `most` of them, drawn once."""
    fitting = [
        number
        for number, household in enumerate(households)
        if len(positives(sorted(household.events, key=lambda event: event.occurred_at)))
        >= LEAST_POSITIVES
    ]
    if most is None or most >= len(fitting):
        return fitting
    drawn = np.random.default_rng(seed).permutation(len(fitting))[:most]
    return sorted(fitting[i] for i in drawn)


def study(
    catalogue: Catalogue,
    models: Sequence[CollectiveModel],
    households: Sequence[Household],
    numbers: Sequence[int],
    config: TuningConfig,
    advance: Callable[[], None] = lambda: None,
) -> list[Trial]:
    """Tests the households at positions `numbers`; household i ranks with models[i % folds]."""
    tested = []
    for number in numbers:
        model = models[number % len(models)]
        tested.append(tuned_household(catalogue, model, households[number], config, number))
        advance()
    return tested


def _fitness(tested: Sequence[Trial], which: int) -> Fitness:
    if not tested:
        return Fitness(0, 0, 0, 0, 0)
    rows = [each.lists[which].fitness(each.efficiency) for each in tested]
    return Fitness(
        *(
            float(np.mean([getattr(row, name) for row in rows]))
            for name in ("capability", "calibration", "diversity", "efficiency", "novelty")
        )
    )
