"""What the fleet makes of its pushes, by the very code that the federation worker runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from omega.sync.v1 import sync_service_pb2 as pb
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_eval.attacks.pushes import Arrival
from omega_learn import DeviceSketches, LearnConfig, RoundInput, RoundResult, run
from omega_rank import Catalogue, CollectiveModel, Factors, GlobalPatterns


def devices(arrivals: Iterable[Arrival]) -> list[DeviceSketches]:
    """The pushes as the constellation hands them on; a device comes in several pieces."""
    found = []
    for arrival in arrivals:
        request = pb.SyncRequest.FromString(arrival.request)
        key = f"tv-{arrival.household:06d}"
        found.append(DeviceSketches(key, request.sketches, request.classes))
    return found


def learn(
    raw: FloatArray, mean: FloatArray, sent: Sequence[DeviceSketches], config: LearnConfig
) -> RoundResult:
    """One round over everything sent; raw (n, 384) are the encoder's unit rows."""
    return run(RoundInput(raw, mean, sent), config)


def model_of(catalogue: Catalogue, result: RoundResult) -> CollectiveModel:
    """The model as a TV builds it from what it pulls; ordinals are rows."""
    factors = result.factors
    patterns = result.patterns
    return CollectiveModel.build(
        catalogue,
        Factors(
            factors.titles.astype(np.int64),
            factors.factors,
            factors.steps,
            factors.gains,
            factors.prior,
        ),
        GlobalPatterns(
            np.array([each.embedding for each in patterns], np.float32).reshape(-1, DIMENSION),
            np.array([each.success_rate for each in patterns], np.float32),
            np.array([each.weight for each in patterns], np.float32),
        ),
    )
