"""Whether a setting won on held-back viewings, and how often that may be asked."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 16
"""Differences other than 0 up to which every assignment of signs is counted."""
DRAWS = 9_999
"""Random assignments beyond that."""
_BLOCK = 1_000
_ROUNDING = 1e-12


def sign_flip_p_value(gains: NDArray[np.float64], seed: int = 0) -> float:
    """One-sided p-value of paired gains (n,): chance of so great a sum with signs drawn at random.

    Fisher's randomisation test (Fisher 1935; Pitman 1937): where neither setting is better, each
    difference is as likely to have come out the other way round. Ties, differences of 0, say
    nothing and change nothing. Exact for up to EXACT_UP_TO other differences; beyond that from
    DRAWS random assignments with the observed one counted among them, which keeps the test valid
    (Phipson & Smyth 2010).

    Returns:
        Above 0 to 1; 1 without any difference.
    """
    sizes = np.abs(gains[gains != 0])
    if not len(sizes):
        return 1.0
    observed = float(gains.sum())
    least = observed - _ROUNDING * float(sizes.sum())
    if len(sizes) <= EXACT_UP_TO:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate([sums + size, sums - size])
        return float((sums >= least).mean())
    rng = np.random.default_rng(seed)
    reached = 1
    for start in range(0, DRAWS, _BLOCK):
        count = min(_BLOCK, DRAWS - start)
        signs = rng.integers(0, 2, (count, len(sizes)), np.int8) * 2.0 - 1.0
        reached += int((signs @ sizes >= least).sum())
    return reached / (DRAWS + 1)


def spent_alpha(alpha: float, attempt: int) -> float:
    """What the `attempt`-th test, from 1, may spend: 6 alpha / (pi attempt)^2.

    Over all attempts, however many follow, the shares add up to alpha, so that the chance that any
    of them adopts a setting that is no better stays within it (alpha spending by the union bound;
    Foster & Stine 2008 discuss such series).
    """
    return 6 * alpha / (math.pi * attempt) ** 2
