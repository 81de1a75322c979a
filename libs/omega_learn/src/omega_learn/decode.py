"""Deconvolution: which title stands behind a privatised sketch, as a distribution over titles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_learn.arrays import Int32Array, Int64Array, Sketches, check_inputs
from omega_privacy import sharpness

BLOCK = 256
"""Sketches of one matrix product: enough for its full speed, and at 10,000 titles 10 MB."""
_GRID = np.float32(1 << 19)
_CACHED = 1 << 19
"""float32 numbers that are worked on at once: 2 MB stay in a core's share of the cache."""
_GROUPS = 256


@dataclass(frozen=True)
class Posterior:
    """The likeliest titles of each sketch."""

    titles: Int32Array
    """Rows of `embeddings`, (n, top), likeliest first."""
    weights: FloatArray
    """Their posterior probabilities, (n, top), 0 to 1; a row sums to at most 1."""


def on_grid(embeddings: FloatArray) -> FloatArray:
    """Unit rows (m, 384) rounded to multiples of 2^-19.

    Their products with sketches of +-1 are then whole multiples of 2^-19 below 2^5, which float32
    holds exactly in whatever order they are summed: what a sketch decodes to does not depend on the
    sketches beside it, nor on the machine. Cosines move by about 1e-5.
    """
    return np.asarray(np.rint(embeddings * _GRID) / _GRID, np.float32)


def decode(
    sketches: Sketches,
    embeddings: FloatArray,
    prior: FloatArray,
    sigma: float | FloatArray,
    *,
    owners: Int64Array | None = None,
    top: int = 10,
    block: int = BLOCK,
) -> Posterior:
    """Posterior of each sketch over all titles: r(i|p) ~ prior_i exp(k <p_hat, e_i>).

    k = sqrt(2/pi) 384 sqrt(1 + sigma^2) / sigma^2 (deconvolution, Agrawal & Aggarwal 2001). Of
    equally likely titles the first come first.

    Args:
        sketches: (n, 384) of +-1.
        embeddings: (m, 384) centred unit rows; with rows from on_grid() a sketch's posterior is the
            same to the bit in every block.
        prior: (m,) of at least 0, sums to about 1; or a prior a device, (devices, m).
        owners: row of `prior` that each sketch takes, (n,); needed with a prior a device.
        sigma: noise scale of the sketches, greater than 0; or that of each, (n,).
        top: how many titles of each sketch are kept, at least 1; never more than m.
        block: sketches compared at once, at least 1; block x m float32 are held.

    Raises:
        OmegaError: INVALID_FIELD when a shape or bound is broken.
    """
    check_inputs(sketches, embeddings, sigma, top=top, block=block)
    n, m = sketches.shape[0], embeddings.shape[0]
    if prior.shape[-1] != m or not np.isfinite(prior).all() or (prior < 0).any():
        raise invalid("prior", f"{m:,} finite numbers of at least 0")
    if (owners is None) != (prior.ndim == 1) or (owners is not None and owners.shape != (n,)):
        raise invalid("owners", "the prior's row of each sketch")
    top = min(top, m)
    with np.errstate(divide="ignore"):
        log_prior = np.log(prior).astype(np.float32)
    titles = np.empty((n, top), np.int32)
    weights = np.empty((n, top), np.float32)
    for rows, odds in log_likelihoods(sketches, embeddings, sigma, block):
        np.add(odds, log_prior if owners is None else log_prior[owners[rows]], out=odds)
        titles[rows], best = largest(odds, top)
        np.subtract(odds, best[:, :1], out=odds)
        total = np.exp(odds, out=odds).sum(axis=1, keepdims=True)
        weights[rows] = np.exp(best - best[:, :1]) / total
    return Posterior(titles, weights)


def log_likelihoods(
    sketches: Sketches, embeddings: FloatArray, sigma: float | FloatArray, block: int
) -> Iterator[tuple[slice, FloatArray]]:
    """Log-likelihood of every title, up to a constant a sketch, for some sketches after others.

    A block's product is one matrix product; what follows goes over as many of its rows as a core's
    cache holds.

    Yields:
        Rows of `sketches`, and (rows, m) float32 that the caller may overwrite.
    """
    n, m = sketches.shape[0], embeddings.shape[0]
    slope = slopes(sigma, n)
    step = max(1, _CACHED // m)
    held = np.empty((min(block, n), m), np.float32)
    for first in range(0, n, block):
        product = held[: min(block, n - first)]
        np.matmul(sketches[first : first + block], embeddings.T, out=product)
        for start in range(0, len(product), step):
            part = product[start : start + step]
            rows = slice(first + start, first + start + len(part))
            part *= slope[rows]
            yield rows, part


def slopes(sigma: float | FloatArray, n: int) -> FloatArray:
    """What each sketch's product with a title's vector is multiplied with, (n, 1).

    k / sqrt(384): that is the title's log-likelihood up to a constant.

    Args:
        sigma: noise scale of all, or of each, (n,).
        n: sketches.
    """
    scales, which = np.unique(np.asarray(sigma, np.float64), return_inverse=True)
    found = np.array([sharpness(scale) / math.sqrt(DIMENSION) for scale in scales], np.float32)
    return np.broadcast_to(found[which].reshape(-1, 1), (n, 1))


def largest(values: FloatArray, top: int) -> tuple[Int32Array, FloatArray]:
    """Columns and values of the `top` largest of each row, largest first: two (n, top) arrays.

    Equal values come in the order of their columns. The columns are dealt out to groups, each of
    which has its largest value; the `top`-th largest of those bounds from below what can be among
    the largest, so that few values are left to sort.
    """
    n, m = values.shape
    width = min(m, max(_GROUPS, 4 * top))
    whole = m // width * width
    peaks = values[:, :whole].reshape(n, -1, width).max(axis=1)
    np.maximum(peaks[:, : m - whole], values[:, whole:], out=peaks[:, : m - whole])
    bound = np.partition(peaks, width - top, axis=1)[:, width - top, None]
    row, column = np.divmod(np.flatnonzero(values >= bound), m)
    counts = np.bincount(row, minlength=n)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = np.zeros((n, counts.max(initial=top)), np.int32)
    found = np.full(columns.shape, -np.inf, np.float32)
    columns[row, place] = column
    found[row, place] = values[row, column]
    order = np.argsort(-found, axis=1, kind="stable")[:, :top]
    return np.take_along_axis(columns, order, 1), np.take_along_axis(found, order, 1)
