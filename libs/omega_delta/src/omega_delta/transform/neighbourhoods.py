"""Patterns to train with where no fleet is at hand: tastes as titles alone suggest them."""

from __future__ import annotations

import numpy as np

from omega_core.vectors import FloatArray, centre, unit

_SIZES = (8, 16, 32, 64)
"""Clusters that a draw of titles falls into."""
_TITLES_A_CLUSTER = (4, 25)
"""Titles a cluster, least and most."""
_ROUNDS = 8


def neighbourhoods(
    contents: FloatArray, mean: FloatArray, seed: int = 0, count: int = 6_000
) -> FloatArray:
    """Centred unit vectors (at least `count`, 384) of clusters in draws from titles.

    A fleet's patterns are clusters of what it succeeded with. Here each draw is of titles near some
    of them, as far as a household's taste goes, and is clustered as the fleet clusters its own.

    Args:
        contents: unit vectors of titles, (m, 384).
        mean: the encoder's centring mean, (384,).
        seed: of the draws.
        count: fewest patterns; fewer where titles are few.
    """
    rng = np.random.default_rng(seed)
    rows = centre(contents, mean)
    found: list[FloatArray] = []
    have = 0
    while have < count:
        clusters = int(rng.choice(_SIZES))
        size = min(len(rows), clusters * int(rng.integers(*_TITLES_A_CLUSTER)))
        drawn = rows[rng.choice(len(rows), size, replace=False)]
        weights = (rng.pareto(1.5, size) + 0.2).astype(np.float32)
        centroids = clustered(drawn, weights, min(clusters, size), rng)
        found.append(centroids)
        have += len(centroids)
    return np.concatenate(found)


def clustered(
    rows: FloatArray, weights: FloatArray, clusters: int, rng: np.random.Generator
) -> FloatArray:
    """Unit centroids of a weighted spherical k-means (Dhillon & Modha 2001), a few turns of it."""
    shares = weights.astype(np.float64) / weights.sum(dtype=np.float64)
    centroids = rows[rng.choice(len(rows), clusters, replace=False, p=shares)]
    for _ in range(_ROUNDS):
        labels = (rows @ centroids.T).argmax(1)
        members = np.zeros((len(centroids), len(rows)), np.float32)
        members[labels, np.arange(len(rows))] = weights
        sums = members[members.any(1)] @ rows
        centroids = unit(sums)
    return centroids
