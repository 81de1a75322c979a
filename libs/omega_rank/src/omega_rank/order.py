"""Orders over scores: the best first, and the best with variety in a wanted mix of genres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_rank.calibrate import Filling, Mix


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
    relevance: FloatArray,
    embeddings: FloatArray,
    weight: float,
    count: int,
    mix: Mix | None = None,
) -> NDArray[np.int64]:
    """Positions of the first `count` titles: relevant, varied, and in the wanted mix of genres.

    One greedy pass. The first is the most relevant title; each next one has the greatest

        weight x relevance - (1 - weight) x (greatest cosine with those chosen + c x divergence)

    with relevance scaled to 0..1: maximal marginal relevance (Carbonell & Goldstein 1998) and
    calibration (Steck 2018) together. The divergence is that of the list with the title in it
    (calibrate.Filling), and c its weight. The choice is greedy, so a longer list starts with the
    shorter one.

    Args:
        relevance: (m,) falling.
        embeddings: (m, d) unit rows.
        weight: share of relevance, 0 to 1.
        count: at most m are chosen.
        mix: genres that are wanted, over the same m titles; None = any.
    """
    m = len(relevance)
    if not m:
        return np.empty(0, np.int64)
    spread = float(relevance[0] - relevance[-1])
    gain = weight * ((relevance - relevance[-1]) / (spread or 1.0))
    similarity = (1 - weight) * (embeddings @ embeddings.T)
    pull = 0.0 if mix is None else (1 - weight) * mix.weight
    filling = Filling(mix, 0) if mix is not None and pull > 0 else None
    chosen = [0]
    nearest = similarity[0].copy()
    for _ in range(min(count, m) - 1):
        marginal = gain - nearest
        if filling is not None:
            marginal -= np.float32(pull) * filling.divergences()
        marginal[chosen] = -np.inf
        best = int(marginal.argmax())
        chosen.append(best)
        np.maximum(nearest, similarity[best], out=nearest)
        if filling is not None:
            filling.add(best)
    return np.array(chosen[:count], np.int64)
