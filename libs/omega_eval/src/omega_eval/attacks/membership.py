"""Membership inference: whether a household's history is behind the published factors.

The attacker holds a household's whole history and asks whether that household reported. It trains
the fleet's model itself on halves of other fleets that hold the household and on their complements,
which do not, and compares what the published model says of the history with both (after LiRA,
Carlini et al. 2022, with one pair of shadow models and several statistics).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import IntArray
from omega_eval.attacks.outcome import Rate
from omega_learn import Factors
from omega_learn.arrays import DoubleArray

SAMPLES = 400
"""Resamples of the bootstrap of the area under the curve."""
_FAINT = 1e-7
_RIDGE = 1e-3
_RARE = 4

Learn = Callable[[NDArray[np.bool_]], Factors]
"""Factors from the reports of some households, a mask (u,)."""


@dataclass(frozen=True)
class Membership:
    """How well members are told from others."""

    auc: Rate
    """Chance that a member scores above one that is not; .5 = no information."""
    advantage: Rate
    """True positive rate less false positive rate at the attacker's own threshold; 0 = none."""
    households: int
    """In each half."""


def membership(liked: FloatArray, learn: Learn, seed: int = 0) -> Membership:
    """Attacks models learnt from random halves of a fleet.

    Four models: two halves and their complements. Each is attacked with the other pair as shadows,
    so each household with a like is judged four times, twice as a member.

    Args:
        liked: (u, n) true histories.
        learn: the fleet's learning; equal masks must give equal factors.
        seed: of the halves.
    """
    rng = np.random.default_rng(seed)
    users = np.flatnonzero(liked.any(axis=1))
    pairs = []
    for _ in range(2):
        half = np.zeros(len(liked), np.bool_)
        half[rng.permutation(users)[: len(users) // 2]] = True
        other = ~half & liked.any(axis=1)
        pairs.append([(mask, _said(learn(mask), liked)[users]) for mask in (half, other)])
    scores, members = [], []
    for at, shadows in ((0, pairs[1]), (1, pairs[0])):
        inside, outside = _in_and_out(shadows, users)
        weights = _direction(inside - outside)
        for mask, said in pairs[at]:
            scores.append((said - (inside + outside) / 2) @ weights)
            members.append(mask[users])
    who = np.tile(users, len(scores)).astype(np.int64)
    score, member = np.concatenate(scores), np.concatenate(members)
    right = np.where((score > 0) == member, 1.0, -1.0)
    return Membership(_auc(score, member, who, seed), Rate.of(right, who, seed), len(users) // 2)


def _said(factors: Factors, liked: FloatArray) -> DoubleArray:
    """(u, 6) what a model says of each history.

    Mean score of each liked title from the other liked ones, mean of its logarithm, mean log prior,
    share of the history that the model has factors for, the same of rare titles, mean gain.
    """
    n = liked.shape[1]
    columns = np.zeros((n, factors.factors.shape[1]), np.float32)
    columns[factors.titles] = factors.factors * factors.steps
    gains, prior = np.zeros(n, np.float32), np.full(n, _FAINT, np.float32)
    gains[factors.titles] = factors.gains
    prior[factors.titles] += factors.prior
    held = np.zeros(n, np.float32)
    held[factors.titles] = 1
    scores = (liked @ columns) @ columns.T
    scores -= liked * np.square(columns).sum(axis=1)
    scores *= gains
    counts = np.maximum(liked.sum(axis=1), 1)
    rare = liked * (liked.sum(axis=0) <= _RARE)
    parts = (
        (liked * scores).sum(axis=1) / counts,
        (liked * np.log(np.maximum(scores, 0) + 1e-4)).sum(axis=1) / counts,
        (liked @ np.log(prior)) / counts,
        (liked @ held) / counts,
        (rare @ held) / np.maximum(rare.sum(axis=1), 1),
        (liked @ gains) / counts,
    )
    return np.stack(parts, axis=1).astype(np.float64)


def _in_and_out(
    shadows: list[tuple[NDArray[np.bool_], DoubleArray]], users: NDArray[np.intp]
) -> tuple[DoubleArray, DoubleArray]:
    """What the shadow with each household says of it, and what the one without: (u, 6) each."""
    (mask, one), (_, other) = shadows
    inside = mask[users][:, None]
    return np.where(inside, one, other), np.where(inside, other, one)


def _direction(difference: DoubleArray) -> DoubleArray:
    """Weights of the statistics by Fisher's discriminant, (6,)."""
    scale = difference.std(axis=0)
    scale[scale == 0] = 1.0
    scaled = difference / scale
    spread = np.cov(scaled.T) + _RIDGE * np.eye(difference.shape[1])
    return np.asarray(np.linalg.solve(spread, scaled.mean(axis=0)) / scale)


def _auc(score: DoubleArray, member: NDArray[np.bool_], who: IntArray, seed: int) -> Rate:
    """Area under the curve; the bootstrap draws households with all their trials."""
    _, at = np.unique(who, return_inverse=True)
    at = at.reshape(-1)
    rng = np.random.default_rng(seed)
    order = np.argsort(score, kind="stable")
    sorted_scores = score[order]
    # Equal scores share a place, and a pair of equals counts half.
    _, place = np.unique(sorted_scores, return_inverse=True)
    place, member, at = place.reshape(-1), member[order], at[order]

    def area(weight: DoubleArray) -> float:
        inside = np.bincount(place, weight * member)
        outside = np.bincount(place, weight * ~member)
        below = np.cumsum(outside) - outside / 2
        return float(inside @ below / (inside.sum() * outside.sum()))

    households = int(at.max()) + 1
    drawn = [
        area(rng.multinomial(households, np.full(households, 1 / households))[at].astype(float))
        for _ in range(SAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Rate(area(np.ones(len(score))), float(low), float(high))
