"""Directions of taste patterns: sums of unit vectors, two halves, how well they are apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray, unit

_FITTED = 1_024
"""Most vectors that two means are fitted to; the rest are assigned."""
_ITERATIONS = 20


class Direction(NamedTuple):
    """A sum of unit vectors."""

    centroid: FloatArray
    """(d,) unit float32; zero where the vectors cancel out."""
    resultant: float
    """Norm of the sum."""


class Halves(NamedTuple):
    """A set of vectors divided in two."""

    second: NDArray[np.bool_]
    """(n,) which of the vectors are in the second half."""
    silhouette: float
    """-1 to 1: how much better the vectors fit their own half than the other."""
    centroids: FloatArray
    """(2, d) unit float32."""


def direction(total: NDArray[np.float64]) -> Direction:
    """The direction of a sum of unit vectors (d,)."""
    norm = float(np.linalg.norm(total))
    return Direction(np.asarray(total / max(norm, 1e-12), np.float32), norm)


def divide(vectors: FloatArray) -> Halves | None:
    """The two means of unit vectors (n, d) by cosine (Dhillon & Modha 2001); None = there is one.

    Deterministic: it begins with the vector farthest from the mean and the one farthest from that.
    """
    fitted = vectors[np.linspace(0, len(vectors) - 1, min(_FITTED, len(vectors))).astype(np.int64)]
    first = fitted[np.argmin(fitted @ fitted.sum(axis=0))]
    means = np.stack([first, fitted[np.argmin(fitted @ first)]])
    second = np.zeros(len(fitted), np.bool_)
    for _ in range(_ITERATIONS):
        before, second = second, _nearer_second(fitted, means)
        if second.all() or not second.any():
            return None
        if (second == before).all():
            break
        means = unit(np.stack([fitted[~second].sum(axis=0), fitted[second].sum(axis=0)]))
    return _halves(vectors, _nearer_second(vectors, means))


def _nearer_second(vectors: FloatArray, means: FloatArray) -> NDArray[np.bool_]:
    cosines = vectors @ means.T
    return np.asarray(cosines[:, 1] > cosines[:, 0])


def _halves(vectors: FloatArray, second: NDArray[np.bool_]) -> Halves | None:
    """Silhouettes by centroids (Hruschka et al. 2004).

    Each vector is held against its own half without itself: in many dimensions anything lies near
    a mean that it is a part of.
    """
    if second.all() or not second.any():
        return None
    sums = np.stack([vectors[~second].sum(axis=0), vectors[second].sum(axis=0)])
    mine = second.astype(np.int64)
    own = 1 - np.einsum("ij,ij->i", vectors, unit(sums[mine] - vectors))
    other = 1 - np.einsum("ij,ij->i", vectors, unit(sums[1 - mine]))
    worst = np.maximum(np.maximum(own, other), 1e-12)
    return Halves(second, float(np.mean((other - own) / worst)), unit(sums))
