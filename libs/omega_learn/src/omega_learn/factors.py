"""Collaborative factors: EASE (Steck 2019) from the Gram matrix, cut to a few int8 columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.vectors import FloatArray
from omega_learn.arrays import Arrays, DoubleArray, Int8Array, Int32Array
from omega_learn.rotation import LEVELS, Held, quantised_onto, turned
from omega_learn.rows import UNIT
from omega_learn.solve import inverse_diagonal, top_eigenpairs, what_is_below_zero
from omega_learn.statistics import Statistics

MAX_RANK = 256
"""Most columns."""
LARGE = 4_096
"""Titles above which only the eigenpairs that are kept are computed (omega_learn.solve)."""


@dataclass(frozen=True)
class Factors:
    """What TVs rank with: score = gains * (Q (Q' w)) for a taste w, where Q = steps * factors."""

    titles: Int32Array
    """Titles with a factor, ascending, (n,)."""
    factors: Int8Array
    """(n, rank), -127 to 127; columns by falling eigenvalue, zero beyond the matrix's rank, unless
    they were turned onto earlier ones."""
    steps: FloatArray
    """Value of 1 in each column, above 0, (rank,)."""
    gains: FloatArray
    """1 / (lam P_jj) of each title, at least 1, (n,)."""
    prior: FloatArray
    """Collective prior, sums to 1, (n,)."""

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        return {name: getattr(self, name) for name in _PARTS}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(*(arrays[name] for name in _PARTS))


_PARTS = ("titles", "factors", "steps", "gains", "prior")


def fit_factors(
    statistics: Statistics,
    prior: FloatArray,
    *,
    lam: float = 150.0,
    rank: int = 64,
    held: Held | None = None,
    noisy: bool = False,
    gaps: bool = False,
) -> Factors:
    """EASE's P = (G + lam I)^-1 by the eigendecomposition G = V diag(w) V'.

    Q = V sqrt(w / (w + lam)), so that Q Q' = I - lam P; the gain of title j is 1 / (lam P_jj).

    Args:
        statistics: over the titles that may be given out.
        prior: share of each of statistics.titles, at least 0, (t,); normalised here.
        lam: ridge, above 0.
        rank: columns, 1 to 256.
        held: what TVs hold of titles numbered alike. With as many columns the new ones are turned
            onto it, which leaves every score as it is, and quantised to its values where they
            serve; then columns are not in the order of eigenvalues.
        noisy: whether the matrix may have negative eigenvalues, which count as 0: then all of them
            are computed, however large it is.
        gaps: whether some may be negative because small counts are missing. They count as 0, too,
            but of a large matrix only as many of the most negative ones as there are columns; what
            is left above -lam stays as it is, but no gain is below 1.

    Raises:
        OmegaError: INVALID_FIELD when a bound is broken, ROUND_NOT_POSSIBLE without any title.
    """
    validate.integer("rank", rank, 1, MAX_RANK)
    if not 0 < lam < np.inf:
        raise invalid("lam", "above 0")
    n = len(statistics.titles)
    if not n:
        raise OmegaError(ErrorCode.ROUND_NOT_POSSIBLE, field="titles", bound="a supported title")
    if prior.shape != (n,) or not (prior >= 0).all() or not 0 < prior.sum() < np.inf:
        raise invalid("prior", f"{n:,} numbers of at least 0, not all 0")
    columns = np.zeros((n, rank))
    kept = min(n, rank)
    solved = None if noisy or n <= LARGE else _large(statistics.gram, lam, kept, gaps=gaps)
    values, vectors, inverse = solved or _whole(statistics.gram, lam, kept)
    columns[:, :kept] = vectors * np.sqrt(values / (values + lam))
    if held is not None and len(held.steps) == rank:
        columns = turned(columns, statistics.titles, held)
        quantised, steps = quantised_onto(columns, statistics.titles, held)
    else:
        quantised, steps = _quantise(columns)
    return Factors(
        titles=statistics.titles,
        factors=quantised,
        steps=steps,
        gains=np.asarray(1 / (lam * inverse), np.float32),
        prior=np.asarray(prior / prior.sum(dtype=np.float64), np.float32),
    )


Solved = tuple[DoubleArray, DoubleArray, DoubleArray]
"""The largest eigenvalues, falling and at least 0; their vectors; the diagonal of P."""


def _whole(gram: DoubleArray, lam: float, kept: int) -> Solved:
    """By all eigenpairs."""
    values, vectors = np.linalg.eigh(gram / UNIT**2)
    # What is zero up to rounding gives no direction.
    values[values < values[-1] * len(gram) * np.finfo(np.float64).eps] = 0.0
    inverse = np.square(vectors) @ (1 / (values + lam))
    top = slice(None, -kept - 1, -1)
    return values[top], vectors[:, top], inverse


def _large(gram: DoubleArray, lam: float, kept: int, *, gaps: bool) -> Solved | None:
    """By the eigenpairs that are kept; None where too much of the matrix is below zero for that."""
    values, vectors = top_eigenpairs(gram, kept, UNIT**2)
    below = what_is_below_zero(gram, kept, UNIT**2) if gaps else None
    try:
        inverse = inverse_diagonal(gram, lam, UNIT**2, below)
    except np.linalg.LinAlgError:
        return None
    if gaps:
        np.minimum(inverse, 1 / lam, out=inverse)
    return np.maximum(values, 0), vectors, inverse


def _quantise(columns: DoubleArray) -> tuple[Int8Array, FloatArray]:
    """Nearest int8 of each column and its step; a column's largest entry is made positive."""
    peak = np.take_along_axis(columns, np.abs(columns).argmax(axis=0)[None], 0)[0]
    steps = np.where(peak == 0, 1.0, np.abs(peak) / LEVELS)
    rounded = np.rint(columns * np.where(peak < 0, -1.0, 1.0) / steps)
    return rounded.astype(np.int8), steps.astype(np.float32)
