"""Conditional logit: learns how much each clue about a candidate counts (McFadden 1974)."""

from __future__ import annotations

import numpy as np

from omega_eval.attacks.evidence import IntArray
from omega_learn.arrays import DoubleArray

_STEPS = 40
_CLOSE = 1e-4
SPREAD = 2.0
"""Standard deviation of a weight before anything is learnt: clues are scaled so that 1 is usual."""


def fit(clues: DoubleArray, chosen: IntArray) -> DoubleArray:
    """Weights w (k,) that make P(candidate) ~ exp(clues @ w) likeliest, by Newton's method.

    A normal prior of deviation SPREAD keeps weights finite where a clue decides everything, and
    small where few trials speak for it.

    Args:
        clues: (N, c, k) of every candidate; what is equal for all candidates of a row does not
            matter.
        chosen: (N,) which candidate was the right one.
    """
    n, c, k = clues.shape
    if not n:
        return np.zeros(k)
    centred = clues - clues.mean(axis=1, keepdims=True)
    flat = centred.reshape(n * c, k)
    right = centred[np.arange(n), chosen].mean(axis=0)
    ridge = 1 / (n * SPREAD**2)
    weights = np.zeros(k)
    shares, worth = _shares(centred, chosen, weights, ridge)
    for _ in range(_STEPS):
        means = np.einsum("nc,nck->nk", shares, centred)
        gradient = right - means.mean(axis=0) - ridge * weights
        curvature = (flat * shares.reshape(-1, 1)).T @ flat / n - means.T @ means / n
        step = np.linalg.solve(curvature + ridge * np.eye(k), gradient)
        # Far from the best, Newton's step goes too far: it is halved until it helps.
        while True:
            tried, better = _shares(centred, chosen, weights + step, ridge)
            if better >= worth or np.abs(step).max() < _CLOSE:
                break
            step /= 2
        weights, shares, worth = weights + step, tried, better
        if np.abs(step).max() < _CLOSE:
            break
    return weights


def _shares(
    clues: DoubleArray, chosen: IntArray, weights: DoubleArray, ridge: float
) -> tuple[DoubleArray, float]:
    """Chances of the candidates (N, c), and the mean log-likelihood less the penalty."""
    odds = clues @ weights
    odds -= odds.max(axis=1, keepdims=True)
    shares = np.exp(odds)
    total = shares.sum(axis=1, keepdims=True)
    shares /= total
    said = odds[np.arange(len(odds)), chosen] - np.log(total[:, 0])
    return shares, float(said.mean() - ridge * (weights @ weights) / 2)
