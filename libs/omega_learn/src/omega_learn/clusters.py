"""Weighted spherical k-means (Dhillon & Modha 2001)."""

from __future__ import annotations

import numpy as np

from omega_core.vectors import FloatArray, unit
from omega_learn.arrays import DoubleArray, Int64Array

_ROUNDS = 50
_STARTS = 6


def spherical_kmeans(
    points: FloatArray,
    weights: DoubleArray,
    clusters: int,
    *,
    start: FloatArray | None = None,
    seed: int = 0,
) -> tuple[FloatArray, Int64Array]:
    """Groups unit vectors by direction; the best of several starts by weighted cosine.

    Args:
        points: unit rows (t, d), t at least 1.
        weights: of the points, at least 0, (t,).
        clusters: most clusters, at least 1.
        start: first centroids, unit rows (s, d), of which the first `clusters` are used; missing
            ones are drawn by k-means++ (Arthur & Vassilvitskii 2007).
        seed: of that draw.

    Returns:
        Centroids, unit rows (c, d) with c <= clusters, and the centroid of each point, (t,). Each
        centroid has at least one point.
    """
    rng = np.random.default_rng(seed)
    runs = [
        _run(points, weights, _first(points, weights, clusters, start, rng)) for _ in range(_STARTS)
    ]
    centroids, labels, _ = max(runs, key=lambda run: run[2])
    used, labels = np.unique(labels, return_inverse=True)
    return centroids[used], labels.astype(np.int64)


def _run(
    points: FloatArray, weights: DoubleArray, centroids: FloatArray
) -> tuple[FloatArray, Int64Array, float]:
    """Lloyd's iterations; with the sum of weighted cosines that they reach."""
    labels = np.argmax(points @ centroids.T, axis=1)
    for _ in range(_ROUNDS):
        centroids = means(points, weights, labels, len(centroids))
        moved = np.argmax(points @ centroids.T, axis=1)
        if (moved == labels).all():
            break
        labels = moved
    cosines = np.einsum("td,td->t", points, centroids[labels])
    return centroids, labels, float(weights @ cosines)


def means(
    points: FloatArray, weights: DoubleArray, labels: Int64Array, clusters: int
) -> FloatArray:
    """Unit weighted mean of each cluster's points, (clusters, d); zero for a cluster without."""
    member = np.zeros((clusters, len(points)))
    member[labels, np.arange(len(points))] = weights
    return unit(np.asarray(member @ points, np.float32))


def _first(
    points: FloatArray,
    weights: DoubleArray,
    clusters: int,
    start: FloatArray | None,
    rng: np.random.Generator,
) -> FloatArray:
    chosen = np.zeros((0, points.shape[1]), np.float32) if start is None else start[:clusters]
    nearest = (points @ chosen.T).max(axis=1, initial=-1.0)
    while len(chosen) < clusters:
        odds = weights * np.maximum(1.0 - nearest, 0.0)
        odds[nearest > 1 - 1e-6] = 0.0
        if not odds.sum() > 0:
            break
        point = points[rng.choice(len(points), p=odds / odds.sum())]
        chosen = np.vstack([chosen, point])
        nearest = np.maximum(nearest, points @ point)
    return chosen
