"""Vectors to levels: projection, and quantisation by rate and distortion, in integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_delta.transform import layout
from omega_delta.transform.codebook import Codebook, Int64Array

_FINE = 6
"""Fraction bits of a level before it is rounded."""
_LAMBDAS = (31, 34, 31)
"""Squared steps a bit, by kind, in units of 2^-8: .12 for patterns, .13 for titles. Titles
are the many, and just near enough."""


def project(book: Codebook, rows: FloatArray) -> Int64Array:
    """Coefficients of rows (n, 384) in units of 2^-20, (n, K); the same on every machine."""
    fixed = np.rint(rows.astype(np.float64) * (1 << layout.POINT))
    fixed -= book.mean.astype(np.float64) * (1 << layout.POINT - layout.MEAN_POINT)
    # Integers below 2^53, in whatever order they are summed.
    products = (fixed @ book.wide_basis.T).astype(np.int64)
    half = 1 << layout.SCALE_POINT - 1
    return (products * book.scales + half) >> layout.SCALE_POINT


def quantise(
    book: Codebook, residuals: Int64Array, kind: int, step: int
) -> tuple[Int64Array, Int64Array]:
    """Levels (n, K) of residual coefficients (n, K), and what they are worth, (n,).

    Of each coefficient's two nearest levels towards zero, and zero, the one is taken that has the
    least squared error + lambda x bits (rate-distortion optimised quantisation, Sullivan 1996),
    under the gain class that does best for the vector. Worth is that sum, in a unit of its own.
    """
    wide, price = int(book.steps[step]), _LAMBDAS[kind]
    fine = ((residuals << _FINE + 1) + wide) // (2 * wide)
    nearest = (fine + (1 << _FINE - 1)) >> _FINE
    lower = nearest - np.sign(nearest)
    choices = (nearest, lower, np.zeros_like(nearest))
    errors = [(fine - (c << _FINE)) ** 2 << 16 - 2 * _FINE for c in choices]
    indices = [np.clip(c, -layout.SPAN, layout.SPAN) + layout.SPAN for c in choices]
    more = [_escape_costs(c) * price for c in choices]
    fixed = [e + m for e, m in zip(errors, more, strict=True)]
    best = np.full(len(residuals), np.iinfo(np.int64).max)
    levels = np.zeros_like(nearest)
    columns = np.arange(book.size)
    for gain in range(layout.GAINS):
        costs = book.level_costs[book.tables_of(kind, gain, step)] * price
        worths = [f + costs[columns, i] for f, i in zip(fixed, indices, strict=True)]
        least = np.minimum(np.minimum(worths[0], worths[1]), worths[2])
        total = least.sum(1, dtype=np.int64) + int(book.gain_costs[kind, gain]) * price
        better = total < best
        if not better.any():
            continue
        best[better] = total[better]
        chosen = np.where(
            worths[2] == least, choices[2], np.where(worths[1] == least, choices[1], choices[0])
        )
        levels[better] = chosen[better]
    return levels, best


def nearest_anchors(book: Codebook, levels: Int64Array, step: int) -> Int64Array:
    """Index of the anchor nearest to each row of levels or coefficients in steps (n, K), (n,)."""
    anchors = book.anchor_levels(step)
    # Squared distance less the rows' own: integers, exact in float64.
    products = (levels.astype(np.float64) @ anchors.T.astype(np.float64)).astype(np.int64)
    return np.asarray(((anchors**2).sum(1) - 2 * products).argmin(1), np.int64)


def quantise_patterns(
    book: Codebook, targets: Int64Array, step: int
) -> tuple[Int64Array, Int64Array]:
    """As `quantise`, of whole patterns' coefficients (n, K), less the anchor nearest to each."""
    wide = int(book.steps[step])
    near = nearest_anchors(book, (2 * targets + wide) // (2 * wide), step)
    anchors = book.anchor_levels(step)[near]
    levels, worth = quantise(book, targets - anchors * wide, layout.PATTERN, step)
    return anchors + levels, worth + (book.anchor_bits << 8) * _LAMBDAS[layout.PATTERN]


def costs(
    book: Codebook, levels: Int64Array, kind: int, step: int
) -> tuple[Int64Array, Int64Array]:
    """The gain class that codes each row of levels (n, K) best, (n,), and its bits x 256, (n,)."""
    indices = np.clip(levels, -layout.SPAN, layout.SPAN) + layout.SPAN
    columns = np.arange(book.size)
    totals = np.stack(
        [
            book.level_costs[book.tables_of(kind, gain, step)][columns, indices].sum(
                1, dtype=np.int64
            )
            + int(book.gain_costs[kind, gain])
            for gain in range(layout.GAINS)
        ]
    )
    gains = totals.argmin(0)
    bits = totals[gains, np.arange(len(levels))] + _escape_costs(levels).sum(1, dtype=np.int64)
    return gains, bits


def reconstruct(book: Codebook, coefficients: Int64Array) -> FloatArray | None:
    """Unit vectors (n, 384) of coefficients (n, K) in units of 2^-20; None = one is out of bounds.

    Integers up to the norm, whose square root and quotient are IEEE doubles rounded to float32: the
    same bits on every machine.
    """
    if (np.abs(coefficients) > layout.MOST_COEFFICIENT).any():
        return None
    half = 1 << layout.SCALE_POINT - 1
    scaled = (coefficients * book.scales + half) >> layout.SCALE_POINT
    if (np.abs(scaled).sum(1) > layout.MOST_SCALED).any():
        return None
    sums = (scaled.astype(np.float64) @ book.wide_basis).astype(np.int64)
    sums += book.mean.astype(np.int64) << layout.POINT - layout.MEAN_POINT
    squares = (sums * sums).sum(1)
    if not squares.all():
        return None
    norms = np.sqrt(squares.astype(np.float64))
    return np.asarray(sums.astype(np.float64) / norms[:, np.newaxis], np.float32)


def _escape_costs(levels: Int64Array) -> NDArray[np.int32]:
    """About the bits x 256 that follow the ends."""
    found = np.zeros(levels.shape, np.int32)
    beyond = np.abs(levels) - layout.SPAN
    at = beyond >= 0
    if at.any():
        found[at] = 256 * (2 * np.log2(beyond[at] + 1.0) + 1).astype(np.int32)
    return found
