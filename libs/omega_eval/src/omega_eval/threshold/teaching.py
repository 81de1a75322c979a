"""The model that opened pairs teach, as a TV ranks with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omega_core.errors import ErrorCode, OmegaError
from omega_delta import encode_factors
from omega_eval.evaluate import rank_histories
from omega_eval.federation import packed, pulled_factors
from omega_eval.metrics import RowArray
from omega_eval.policies import Shard
from omega_eval.threshold.opening import Opening
from omega_eval.world import World
from omega_learn import DeviceSketches, Factors, LearnConfig, RoundInput, run
from omega_learn.evidence import Weighted
from omega_rank import CollectiveModel


@dataclass(frozen=True, eq=False)
class Taught:
    """What a fleet gave out."""

    factors: Factors | None
    """As the round made them; None where nothing is open."""
    model: CollectiveModel | None
    """As a TV builds it from the bytes that it pulled."""


def teach(
    opening: Opening,
    keys: Sequence[bytes],
    shard: Shard,
    config: LearnConfig | None = None,
    sketches: Sequence[DeviceSketches] = (),
) -> Taught:
    """One round over opened pairs, and what a TV makes of it.

    Args:
        opening: what is open.
        keys: of the titles, by rows of the catalogue.
        shard: the catalogue.
        config: of the round; absent = as shipped.
        sketches: of other devices, in a mixed fleet.
    """
    config = config or LearnConfig()
    evidence = (Weighted(opening.evidence(keys).evidence, config.pair_weight),)
    pack = shard.pack
    inputs = RoundInput(pack.embeddings, pack.centring_mean, sketches, evidence=evidence)
    try:
        learnt = run(inputs, config)
    except OmegaError as error:
        if error.code is not ErrorCode.ROUND_NOT_POSSIBLE:
            raise
        return Taught(None, None)
    factors = pulled_factors(encode_factors(packed(learnt, shard)))
    return Taught(learnt.factors, CollectiveModel.build(shard.catalogue, factors, None))


def lists(world: World, taught: Taught) -> list[RowArray]:
    """Each scored household's list."""
    return rank_histories(world.catalogue, taught.model, world.scored)
