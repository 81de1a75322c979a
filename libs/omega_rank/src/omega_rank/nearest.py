"""Similarity of every title with the few liked titles nearest to it, kept as likes arrive."""

from __future__ import annotations

import numpy as np

from omega_core.vectors import FloatArray

NEAREST = 3
"""Liked titles that count for each title."""
_BLOCK = 32


def none(n: int) -> FloatArray:
    """(NEAREST, n) best similarities before any like: -inf."""
    return np.full((NEAREST, n), -np.inf, np.float32)


def add(best: FloatArray, similarities: FloatArray) -> None:
    """Takes the (n,) cosines with one more like into `best`, rows falling."""
    for kept in best:
        lower = np.minimum(kept, similarities)
        np.maximum(kept, similarities, out=kept)
        similarities = lower


def of(embeddings: FloatArray, liked: FloatArray) -> FloatArray:
    """(NEAREST, n) best cosines of (n, d) unit rows with (m, d) liked unit rows."""
    best = none(len(embeddings))
    for start in range(0, len(liked), _BLOCK):
        for similarities in liked[start : start + _BLOCK] @ embeddings.T:
            add(best, similarities)
    return best


def mean(best: FloatArray, likes: int) -> FloatArray:
    """(n,) mean of the best similarities there are; zero without likes."""
    used = min(likes, NEAREST)
    if not used:
        return np.zeros(best.shape[1], np.float32)
    return np.asarray(best[:used].mean(axis=0), np.float32)
