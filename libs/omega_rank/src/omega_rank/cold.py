"""Factors for titles that nobody's likes have reached yet, borrowed through global patterns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray

_NEIGHBOURS = 20
_SHARPNESS = 20.0


def borrow(
    embeddings: FloatArray,
    score_factors: FloatArray,
    has_factor: NDArray[np.bool_],
    patterns: FloatArray,
) -> None:
    """Fills the rows of `score_factors` that have no factor.

    Each global pattern speaks with the mean score factor of the 20 titles nearest to it that have
    one; a cold title takes the mean of the patterns, weighted by the softmax of 20 x its cosine
    with each. A mean of means: a borrowed score stays within what its neighbours score.

    Args:
        embeddings: (n, d) unit rows.
        score_factors: (n, r), changed in place.
        has_factor: (n,).
        patterns: (k, d) unit rows.
    """
    cold = ~has_factor
    if not (len(patterns) and has_factor.any() and cold.any()):
        return
    warm_factors = score_factors[has_factor]
    near = patterns @ embeddings[has_factor].T
    neighbours = min(_NEIGHBOURS, near.shape[1])
    chosen = np.argpartition(-near, neighbours - 1, axis=1)[:, :neighbours]
    voices = warm_factors[chosen].mean(axis=1)
    weights = np.exp(_SHARPNESS * (embeddings[cold] @ patterns.T - 1))
    weights /= weights.sum(axis=1, keepdims=True)
    score_factors[cold] = weights @ voices
