"""Orders over scores: the best first, and the best with diversity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray


def best_first(scores: FloatArray, count: int) -> NDArray[np.int64]:
    """Rows of the `count` highest finite scores, falling; equal scores by row.

    The order is total, so a longer list starts with the shorter one. -inf never appears.
    """
    n = len(scores)
    if 0 < count < n:
        least = np.partition(scores, n - count)[n - count]
        rows = np.flatnonzero(scores >= least)
    else:
        rows = np.arange(n)
    rows = rows[np.isfinite(scores[rows])]
    return rows[np.argsort(-scores[rows], kind="stable")][:count]


def diversify(
    relevance: FloatArray, embeddings: FloatArray, weight: float, count: int
) -> NDArray[np.int64]:
    """Positions of the first `count` titles by maximal marginal relevance.

    Carbonell & Goldstein 1998: each next title has the greatest
    weight x relevance - (1 - weight) x greatest cosine with those chosen, relevance scaled to 0..1.
    The choice is greedy, so a longer list starts with the shorter one.

    Args:
        relevance: (m,) falling.
        embeddings: (m, d) unit rows.
        weight: share of relevance, 0 to 1.
        count: at most m are chosen.
    """
    m = len(relevance)
    if not m:
        return np.empty(0, np.int64)
    spread = float(relevance[0] - relevance[-1])
    gain = weight * ((relevance - relevance[-1]) / (spread or 1.0))
    similarity = (1 - weight) * (embeddings @ embeddings.T)
    chosen = [0]
    nearest = similarity[0].copy()
    for _ in range(min(count, m) - 1):
        marginal = gain - nearest
        marginal[chosen] = -np.inf
        best = int(marginal.argmax())
        chosen.append(best)
        np.maximum(nearest, similarity[best], out=nearest)
    return np.array(chosen[:count], np.int64)
