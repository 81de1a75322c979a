"""Keeping factors where they were: what did not change should not look changed.

A score is a product of rows, so any rotation of all columns gives the same scores. Eigenvectors
turn freely between two fits where eigenvalues lie close; turned back onto the factors before, only
what was learned is left of the difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omega_core.vectors import FloatArray
from omega_learn.arrays import DoubleArray, Int8Array, Int32Array

LEVELS = 127
"""Greatest quantised value."""
STAY = 0.75
"""Steps that a number may lie from its earlier quantised value and keep it; rounding alone takes
half a step."""
WHOLE = 0.45
"""Steps that a column may lie off its earlier values, root mean square, and keep all of them;
rounding alone takes .29. So a fleet that learned nothing publishes nothing."""
COARSE = 1.25
"""How much larger than needed an earlier step may be and stay."""


@dataclass(frozen=True)
class Held:
    """Factors that TVs hold."""

    titles: Int32Array
    """Ascending, (n,)."""
    factors: Int8Array
    """(n, rank), -127 to 127."""
    steps: FloatArray
    """Value of 1 in each column, above 0, (rank,)."""


def turned(columns: DoubleArray, titles: Int32Array, held: Held) -> DoubleArray:
    """Columns (n, rank) turned so that rows of common titles lie nearest to the held ones.

    The orthogonal Procrustes problem (Schoenemann 1966): with A' B = U S V', R = U V'.
    """
    _, now, before = np.intersect1d(titles, held.titles, return_indices=True)
    known = held.factors[before] * held.steps.astype(np.float64)
    left, _, right = np.linalg.svd(columns[now].T @ known)
    return np.asarray(columns @ (left @ right), np.float64)


def quantised_onto(
    columns: DoubleArray, titles: Int32Array, held: Held
) -> tuple[Int8Array, FloatArray]:
    """Columns as int8 and the step of each, equal to the held ones wherever those still serve.

    A number keeps its earlier value within STAY steps of it, a column all of them within WHOLE, and
    its earlier step unless that is too small, or coarser than needed by COARSE.
    """
    peaks = np.abs(columns).max(axis=0)
    least = np.where(peaks == 0, held.steps, peaks / LEVELS)
    most = held.steps * (1 + STAY / LEVELS)
    stays = (least <= most) & (held.steps <= COARSE * least)
    steps = np.where(stays, held.steps, least).astype(np.float32)
    scaled = columns / steps
    rounded = np.clip(np.rint(scaled), -LEVELS, LEVELS)
    _, now, before = np.intersect1d(titles, held.titles, return_indices=True)
    known = held.factors[before].astype(np.float64)
    apart = scaled[now] - known
    whole = np.square(apart).sum(axis=0) <= WHOLE**2 * len(now)
    stay = ((np.abs(apart) <= STAY) | whole) & stays
    rounded[now] = np.where(stay, known, rounded[now])
    return rounded.astype(np.int8), steps
