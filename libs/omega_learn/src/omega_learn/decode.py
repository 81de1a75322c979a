"""Deconvolution: which title stands behind a privatised sketch, as a distribution over titles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_learn.arrays import Int32Array, Int64Array, check_inputs
from omega_privacy import sharpness


@dataclass(frozen=True)
class Posterior:
    """The likeliest titles of each sketch."""

    titles: Int32Array
    """Rows of `embeddings`, (n, top), likeliest first."""
    weights: FloatArray
    """Their posterior probabilities, (n, top), 0 to 1; a row sums to at most 1."""


def decode(
    sketches: FloatArray,
    embeddings: FloatArray,
    prior: FloatArray,
    sigma: float | FloatArray,
    *,
    owners: Int64Array | None = None,
    top: int = 10,
    block: int = 1024,
) -> Posterior:
    """Posterior of each sketch over all titles: r(i|p) ~ prior_i exp(k <p_hat, e_i>).

    k = sqrt(2/pi) 384 sqrt(1 + sigma^2) / sigma^2 (deconvolution, Agrawal & Aggarwal 2001).

    Args:
        sketches: (n, 384) of +-1.
        embeddings: (m, 384) centred unit rows.
        prior: (m,) of at least 0, sums to about 1; or a prior a device, (devices, m).
        owners: row of `prior` that each sketch takes, (n,); needed with a prior a device.
        sigma: noise scale of the sketches, greater than 0; or that of each, (n,).
        top: how many titles of each sketch are kept, at least 1; never more than m.
        block: sketches decoded at once, at least 1; block x m float32 are held.

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
    slope = slopes(sigma, n)
    with np.errstate(divide="ignore"):
        log_prior = np.log(prior).astype(np.float32)
    titles = np.empty((n, top), np.int32)
    weights = np.empty((n, top), np.float32)
    for start in range(0, n, block):
        rows = slice(start, start + block)
        odds = np.asarray((sketches[rows] * slope[rows]) @ embeddings.T, np.float32)
        odds += log_prior if owners is None else log_prior[owners[rows]]
        odds -= odds.max(axis=1, keepdims=True)
        np.exp(odds, out=odds)
        titles[rows], weights[rows] = largest(odds, top)
        weights[rows] /= odds.sum(axis=1, keepdims=True)
    return Posterior(titles, weights)


def slopes(sigma: float | FloatArray, n: int) -> FloatArray:
    """What each of n sketches of +-1 is multiplied with before it meets a title's vector, (n, 1).

    k / sqrt(384): the product is then the title's log-likelihood up to a constant.

    Args:
        sigma: noise scale of all, or of each, (n,).
        n: sketches.
    """
    scales, which = np.unique(np.asarray(sigma, np.float64), return_inverse=True)
    found = np.array([sharpness(scale) / math.sqrt(DIMENSION) for scale in scales], np.float32)
    return np.broadcast_to(found[which].reshape(-1, 1), (n, 1))


def largest(values: FloatArray, top: int) -> tuple[Int32Array, FloatArray]:
    """Columns and values of the `top` largest of each row, largest first: two (n, top) arrays."""
    part = np.argpartition(values, values.shape[1] - top, axis=1)[:, -top:]
    found = np.take_along_axis(values, part, 1)
    order = np.argsort(-found, axis=1, kind="stable")
    return (
        np.take_along_axis(part, order, 1).astype(np.int32),
        np.take_along_axis(found, order, 1),
    )
