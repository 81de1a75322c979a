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
from omega_learn.solve import inverse_diagonal, top_eigenpairs
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
    if n > LARGE and not noisy:
        values, vectors = top_eigenpairs(statistics.gram, kept, UNIT**2)
        inverse = inverse_diagonal(statistics.gram, lam, UNIT**2)
        np.maximum(values, 0, out=values)
    else:
        values, vectors = np.linalg.eigh(statistics.gram / UNIT**2)
        # What is zero up to rounding gives no direction.
        values[values < values[-1] * n * np.finfo(np.float64).eps] = 0.0
        inverse = np.square(vectors) @ (1 / (values + lam))
        top = slice(None, -kept - 1, -1)
        values, vectors = values[top], vectors[:, top]
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


def _quantise(columns: DoubleArray) -> tuple[Int8Array, FloatArray]:
    """Nearest int8 of each column and its step; a column's largest entry is made positive."""
    peak = np.take_along_axis(columns, np.abs(columns).argmax(axis=0)[None], 0)[0]
    steps = np.where(peak == 0, 1.0, np.abs(peak) / LEVELS)
    rounded = np.rint(columns * np.where(peak < 0, -1.0, 1.0) / steps)
    return rounded.astype(np.int8), steps.astype(np.float32)
