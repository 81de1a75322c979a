"""What the fleet knows without a household: models for measuring without a leak.

The households are dealt into folds, and each household is ranked with a model that a federation
round learnt from all the other folds, by what really leaves a TV: privatised sketches of the titles
they succeeded with. Nothing that the household itself ever watched, early or late, is in its model,
as in a fleet so large that one TV does not matter. Other households' later viewings are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_eval.household import Household
from omega_learn import DeviceSketches, LearnConfig, RoundInput, run
from omega_privacy import SketchPolicy, class_byte, count_class, make_sketch, rate_class
from omega_rank import Catalogue, CollectiveModel, Factors

_RATE, _VIEWINGS = 1.0, 1


def fold_models(
    catalogue: Catalogue,
    embeddings: FloatArray,
    households: Sequence[Household],
    folds: int,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> list[CollectiveModel]:
    """One model a fold; household i is in fold i % folds.

    Args:
        catalogue: whose ordinals are its rows.
        embeddings: (n, 384) unit rows as the encoder gave them, not centred.
        households: the fleet.
        folds: at least 2.
        seed: of the sketches' noise: equal seeds give equal models.
        advance: called after each fold.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE when a fold leaves too few households.
    """
    devices = [_device(catalogue, each, i, seed) for i, each in enumerate(households)]
    models = []
    for fold in range(folds):
        others = [device for i, device in enumerate(devices) if i % folds != fold]
        learnt = run(RoundInput(embeddings, catalogue.centring_mean, others), LearnConfig())
        pack = Factors(
            learnt.factors.titles.astype(np.int64),
            learnt.factors.factors,
            learnt.factors.steps,
            learnt.factors.gains,
            learnt.factors.prior,
        )
        models.append(CollectiveModel.build(catalogue, pack))
        advance()
    return models


def _device(catalogue: Catalogue, household: Household, number: int, seed: int) -> DeviceSketches:
    rng = np.random.default_rng([seed, number])
    policy = SketchPolicy.default()
    liked = dict.fromkeys(event.content_id for event in household.events if event.success)
    sketches = [
        make_sketch(
            catalogue.embeddings[catalogue.row_of[title]],
            np.asarray(rng.standard_normal(DIMENSION), np.float32),
            policy,
        )
        for title in liked
        if catalogue.embeddings[catalogue.row_of[title]].any()
    ]
    kind = class_byte(rate_class(_RATE), count_class(_VIEWINGS))
    return DeviceSketches(household.household_id, b"".join(sketches), bytes([kind]) * len(sketches))
