"""From what TVs would report to the model that each TV ranks with, over real messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from omega_core.limits import DIMENSION
from omega_delta import (
    FactorPack,
    GlobalPattern,
    StateDelta,
    decode_factors,
    decode_state_delta,
    encode_factors,
    encode_state_delta,
)
from omega_eval.messages import Delivery
from omega_eval.policies import Policy, Shard
from omega_eval.reports import Television
from omega_eval.world import VERSION
from omega_learn import RoundResult
from omega_learn.round import RoundFigures
from omega_rank import CollectiveModel, Factors, GlobalPatterns


@dataclass(frozen=True, eq=False)
class Federated:
    """What a round gave to every TV, and what crossed the wire for it."""

    model: CollectiveModel
    """As a TV builds it from what it pulled."""
    factors: Factors
    """What the model was built from, decoded."""
    patterns: GlobalPatterns
    """The same of the global patterns."""
    figures: RoundFigures
    """What the round counted."""
    messages: int
    """Sent by all TVs."""
    push_bytes: int
    """Of all messages."""
    longest_push: int
    """Bytes of the longest message, 0 without any."""
    factors_bytes: int
    """Of the factors as a TV downloads them."""
    patterns_bytes: int
    """Of the state delta that brings all global patterns to a TV that holds none."""


def sent(
    policy: Policy,
    fleet: Sequence[Television],
    shard: Shard,
    advance: Callable[[], None] = lambda: None,
) -> list[Delivery]:
    """Every message of every TV, as the server gets it; `advance` is called after each TV."""
    deliveries = []
    for tv in fleet:
        deliveries += [Delivery(tv.device_key, body) for body in policy.messages(tv, shard)]
        advance()
    return deliveries


def federate(
    policy: Policy,
    fleet: Sequence[Television],
    shard: Shard,
    advance: Callable[[], None] = lambda: None,
) -> Federated:
    """Has every TV report, runs one round, and pulls what it gave out.

    Args:
        policy: how TVs share.
        fleet: those that take part.
        shard: what both sides hold.
        advance: called after each TV.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE when too few take part.
    """
    deliveries = sent(policy, fleet, shard, advance)
    learnt = policy.learn(deliveries, shard)
    body = encode_factors(packed(learnt, shard))
    delta = encode_state_delta(published(learnt, shard))
    factors, patterns = pulled_factors(body), pulled_patterns(delta)
    sizes = [len(delivery.body) for delivery in deliveries]
    return Federated(
        model=CollectiveModel.build(shard.catalogue, factors, patterns),
        factors=factors,
        patterns=patterns,
        figures=learnt.figures,
        messages=len(sizes),
        push_bytes=sum(sizes),
        longest_push=max(sizes, default=0),
        factors_bytes=len(body),
        patterns_bytes=len(delta),
    )


def packed(learnt: RoundResult, shard: Shard) -> FactorPack:
    """The factors as the federation worker publishes them."""
    found = learnt.factors
    return FactorPack(
        version=VERSION,
        model_version=shard.pack.model_version,
        catalogue_version=shard.pack.version,
        ordinals=shard.pack.ordinals[found.titles],
        factors=found.factors,
        steps=found.steps,
        gains=found.gains,
        prior=found.prior,
    )


def published(learnt: RoundResult, shard: Shard) -> StateDelta:
    """All global patterns as news for a TV that holds none."""
    return StateDelta(
        base_version=0,
        version=VERSION,
        model_version=shard.pack.model_version,
        patterns=tuple(
            GlobalPattern(
                pattern_id=pattern.pattern_id or place,
                embedding=pattern.embedding,
                success_rate=pattern.success_rate,
                device_count_floor=pattern.device_count_floor,
                weight=pattern.weight,
            )
            for place, pattern in enumerate(learnt.patterns, 1)
        ),
    )


def pulled_factors(body: bytes) -> Factors:
    """Factors as a TV reads them from the resource it downloaded."""
    pack = decode_factors(body)
    return Factors(pack.ordinals.astype(np.int64), pack.factors, pack.steps, pack.gains, pack.prior)


def pulled_patterns(delta: bytes) -> GlobalPatterns:
    """Global patterns as a TV reads them from a delta."""
    return as_ranked(decode_state_delta(delta).patterns)


def as_ranked(patterns: Sequence[GlobalPattern]) -> GlobalPatterns:
    """Global patterns in the form of the ranking."""
    return GlobalPatterns(
        np.array([p.embedding for p in patterns], np.float32).reshape(-1, DIMENSION),
        np.array([p.success_rate for p in patterns], np.float32),
        np.array([p.weight for p in patterns], np.float32),
    )
