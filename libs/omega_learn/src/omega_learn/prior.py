"""The collective prior: how often each title stands behind a sketch."""

from __future__ import annotations

import numpy as np

from omega_core.errors import invalid
from omega_core.vectors import FloatArray
from omega_learn.arrays import DoubleArray, Int32Array, Sketches, check_inputs
from omega_learn.cores import spread
from omega_learn.decode import BLOCK, largest, log_likelihoods

FLOOR = 1e-6
"""Added to every title's share, so that none becomes impossible."""
_PIECE = 8
"""Blocks that a core compares one after the other."""


def estimate_prior(
    sketches: Sketches,
    embeddings: FloatArray,
    sigma: float | FloatArray,
    *,
    steps: int = 8,
    candidates: int = 300,
    block: int = BLOCK,
) -> FloatArray:
    """Share of each title among all sketches: (m,) float32, sums to 1.

    Expectation-maximisation for the weights of a mixture with known components (Dempster, Laird &
    Rubin 1977). Few steps on purpose: the limit fits the noise.

    Args:
        sketches: (n, 384) of +-1; with n = 0 the prior is uniform.
        embeddings: (m, 384) centred unit rows.
        sigma: noise scale of the sketches, greater than 0; or that of each, (n,).
        steps: EM steps, at least 0.
        candidates: titles considered for each sketch, the likeliest; 6 bytes are held of each.
        block: sketches compared at once, at least 1; block x m float32 are held.

    Raises:
        OmegaError: INVALID_FIELD when a shape or bound is broken.
    """
    check_inputs(sketches, embeddings, sigma, candidates=candidates, block=block)
    if steps < 0:
        raise invalid("steps", "at least 0")
    n, m = sketches.shape[0], embeddings.shape[0]
    prior = np.full(m, 1 / m, np.float32)
    if not n:
        return prior
    titles, likelihood = _likelihoods(sketches, embeddings, sigma, min(candidates, m), block)
    for _ in range(steps):
        prior = _step(titles, likelihood, prior, block)
    return prior


def _likelihoods(
    sketches: Sketches,
    embeddings: FloatArray,
    sigma: float | FloatArray,
    candidates: int,
    block: int,
) -> tuple[Int32Array, np.ndarray[tuple[int, int], np.dtype[np.float16]]]:
    """Candidates of each sketch and their likelihoods as a share of the largest."""
    titles = np.empty((len(sketches), candidates), np.int32)
    likelihood = np.empty(titles.shape, np.float16)
    scales = np.broadcast_to(np.asarray(sigma), (len(sketches),))

    def compare(start: int) -> None:
        piece = slice(start, start + _PIECE * block)
        for rows, every in log_likelihoods(sketches[piece], embeddings, scales[piece], block):
            at = slice(start + rows.start, start + rows.stop)
            titles[at], logs = largest(every, candidates)
            likelihood[at] = np.exp(logs - logs[:, :1])

    for _ in spread(compare, range(0, len(sketches), _PIECE * block)):
        pass
    return titles, likelihood


def _step(
    titles: Int32Array,
    likelihood: np.ndarray[tuple[int, int], np.dtype[np.float16]],
    prior: FloatArray,
    block: int,
) -> FloatArray:
    """One EM step: the mean posterior."""
    total = np.zeros(prior.shape[0])

    def shares(start: int) -> DoubleArray:
        rows = slice(start, start + block)
        posterior = likelihood[rows] * prior[titles[rows]]
        posterior /= posterior.sum(axis=1, keepdims=True)
        share = np.bincount(titles[rows].ravel(), posterior.ravel(), minlength=len(total))
        return np.asarray(share, np.float64)

    # In the order of the sketches, so that the sum is the same on any number of processors.
    for share in spread(shares, range(0, len(titles), block)):
        total += share
    mean = total / total.sum() + FLOOR
    return np.asarray(mean / mean.sum(), np.float32)
