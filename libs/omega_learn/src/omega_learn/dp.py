"""Gaussian differential privacy of what a round gives out: noise on sums that one device bounds.

Two fleets that differ in one device give sums that differ by little, because a device's part is
clipped. Normal noise of `difference / mu` on them makes the two as hard to tell apart as a unit
normal from one that is shifted by mu (Dong, Roth & Su, Gaussian differential privacy, Journal of
the Royal Statistical Society B 84, 2022, theorem 1). What is computed from noisy sums alone costs
nothing more. Mu of several rounds adds up as the root of the sum of squares (corollary 2 there):
omega_privacy.composed.

What it covers: supported titles, factors, gains and prior of a round, given how sketches are
decoded. What it does not: that decoding leans on priors of the same fleet; global patterns, which
a round with such noise does not give out; that floating-point noise is not the ideal one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray
from omega_learn.arrays import DoubleArray, Int32Array, Int64Array
from omega_learn.rows import UNIT, DeviceRows
from omega_learn.statistics import SUPPORTS, Statistics, summarise
from omega_privacy import secure_normal

Draw = Callable[[int], DoubleArray]
"""So many independent standard normal numbers, float64."""
MAX_MU = 64.0
"""Greatest mu."""
SUPPORT_PART = 0.2
"""Part of mu^2 that counting the supporters of titles takes; the Gram matrix takes the rest."""
MARGIN = 4.0
"""Standard deviations of its noise by which a count must exceed the least number of devices: about
one title in 30,000 that nobody supports gets in."""


@dataclass(frozen=True)
class Release:
    """Sums under noise, and what may be told beside them."""

    statistics: Statistics
    """Over the titles whose noisy support is enough: Gram matrix and support under noise, quality
    and samples 0. The Gram matrix is symmetric and need not be positive."""
    prior: FloatArray
    """Share of each of these titles, from the noisy support, above 0, (t,), sums to 1."""
    mu: float
    """What it cost."""


def release(
    rows: DeviceRows,
    titles: int,
    *,
    mu: float,
    clip: float,
    min_devices: int,
    draw: Draw = secure_normal,
) -> Release:
    """Counts a fleet under noise.

    Args:
        rows: one row a device, no device twice.
        titles: titles of the catalogue, at least 1: all are counted, so that no choice among them
            tells of a device.
        mu: privacy of the whole release, above 0, at most 64; less is more private.
        clip: as in summarise(); one device also supports at most this many titles, its strongest.
        min_devices: least number of devices behind a title.
        draw: the noise; from the operating system's secure randomness unless given.

    Raises:
        OmegaError: INVALID_FIELD dp_mu or clip; ROUND_NOT_POSSIBLE when no title has enough support
            beyond the noise.
    """
    support = bounded_support(rows, titles, most_titles(clip))
    told = noisy_support(support, mu=mu, clip=clip, draw=draw)
    kept = told_titles(told, mu=mu, clip=clip, min_devices=min_devices)
    exact = summarise(rows, kept, clip=clip)
    return noisy_matrix(exact, told[kept], mu=mu, clip=clip, draw=draw)


def most_titles(clip: float) -> int:
    """Titles that a device supports at most."""
    return max(math.floor(clip), 1)


def _scatter(mu: float, clip: float) -> float:
    """Standard deviation of the noise on counts of supporters."""
    return math.sqrt(most_titles(clip)) / (mu * math.sqrt(SUPPORT_PART))


def noisy_support(support: Int64Array, *, mu: float, clip: float, draw: Draw) -> DoubleArray:
    """Counts of supporters under noise: the first half of release(), over merged counts.

    Args:
        support: the sum of bounded_support() of all shards, (titles,).
        mu: of the whole release, above 0, at most 64.
        clip: as release() has it.
        draw: the noise; it is drawn once a round, for all shards together.

    Raises:
        OmegaError: INVALID_FIELD dp_mu.
    """
    validate.number("dp_mu", mu, math.ulp(0.0), MAX_MU)
    return support + _scatter(mu, clip) * draw(len(support))


def told_titles(told: DoubleArray, *, mu: float, clip: float, min_devices: int) -> Int32Array:
    """The titles whose noisy count is enough, ascending.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE when there is none.
    """
    least = min_devices + MARGIN * _scatter(mu, clip)
    kept = np.flatnonzero(told >= least).astype(np.int32)
    if not len(kept):
        bound = f"a title that {least:,.0f} devices support, for its noise"
        raise OmegaError(ErrorCode.ROUND_NOT_POSSIBLE, field="the shard", bound=bound)
    return kept


def noisy_matrix(
    exact: Statistics, told: DoubleArray, *, mu: float, clip: float, draw: Draw
) -> Release:
    """The second half of release(), over merged sums.

    Args:
        exact: over the told titles, without a bound of single stakes; its matrix is overwritten.
        told: their noisy counts, (t,).
        mu: as noisy_support() has it.
        clip: likewise.
        draw: likewise.
    """
    scale = gram_sensitivity(clip, len(told)) / (mu * math.sqrt(1 - SUPPORT_PART))
    add_symmetric_noise(exact.gram, scale * UNIT**2, draw)
    nothing = np.zeros(len(told), np.int64)
    return Release(
        replace(exact, support=np.rint(told).astype(np.int64), quality=nothing, samples=nothing),
        np.asarray(told / told.sum(), np.float32),
        mu,
    )


def bounded_support(rows: DeviceRows, titles: int, most: int) -> Int64Array:
    """Devices behind each title, (titles,), where each stands behind its `most` strongest at most.

    With or without one device, at most `most` counts differ, by 1: by sqrt(most) in length.
    """
    enough = rows.stakes >= SUPPORTS
    owners, found = rows.owners()[enough], rows.titles[enough]
    order = np.lexsort((found, -rows.stakes[enough].astype(np.int64), owners))
    firsts = np.searchsorted(owners[order], owners[order])
    strongest = np.arange(len(order)) - firsts < most
    return np.bincount(found[order][strongest], minlength=titles).astype(np.int64)


def gram_sensitivity(clip: float, titles: int) -> float:
    """Most that one device changes the Gram matrix by, in the Frobenius norm, in units of 1.

    A device adds x x', of Frobenius norm |x|^2. Entries are at most 1, so |x|_2^2 <= |x|_1; where
    that exceeds the clip, x is scaled by sqrt(clip / |x|_1), so |x|_2^2 <= clip: the trace of x x'
    bounds its Frobenius norm. Each entry is then rounded to a multiple of 1 / UNIT, which adds at
    most sqrt(titles) / (2 UNIT) to |x|_2.
    """
    return (math.sqrt(clip) + math.sqrt(titles) / (2 * UNIT)) ** 2


def add_symmetric_noise(matrix: DoubleArray, scale: float, draw: Draw) -> None:
    """Adds normal noise to a symmetric matrix (t, t) in place; it stays symmetric.

    Deviation `scale` on the diagonal, scale / sqrt(2) beside it. With entries beside the diagonal
    taken sqrt(2) times, the upper triangle is a vector as long as the matrix is in the Frobenius
    norm, and its noise is the same in every direction: the Gaussian mechanism on that norm. (Dwork,
    Talwar, Thakurta & Zhang, Analyze Gauss, 2014, algorithm 1, draw the same deviation everywhere.)
    """
    for i in range(len(matrix)):
        noise = draw(len(matrix) - i) * scale
        noise[1:] /= math.sqrt(2)
        matrix[i, i:] += noise
        matrix[i + 1 :, i] = matrix[i, i + 1 :]
