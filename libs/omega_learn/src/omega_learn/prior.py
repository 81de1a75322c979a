"""The collective prior: how often each title stands behind a sketch."""

from __future__ import annotations

import numpy as np

from omega_core.errors import invalid
from omega_core.vectors import FloatArray
from omega_learn.arrays import Int32Array, Sketches, check_inputs
from omega_learn.decode import BLOCK, largest, log_likelihoods

FLOOR = 1e-6
"""Added to every title's share, so that none becomes impossible."""


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
    for rows, every in log_likelihoods(sketches, embeddings, sigma, block):
        titles[rows], logs = largest(every, candidates)
        likelihood[rows] = np.exp(logs - logs[:, :1])
    return titles, likelihood


def _step(
    titles: Int32Array,
    likelihood: np.ndarray[tuple[int, int], np.dtype[np.float16]],
    prior: FloatArray,
    block: int,
) -> FloatArray:
    """One EM step: the mean posterior."""
    total = np.zeros(prior.shape[0])
    for start in range(0, len(titles), block):
        rows = slice(start, start + block)
        posterior = likelihood[rows] * prior[titles[rows]]
        posterior /= posterior.sum(axis=1, keepdims=True)
        total += np.bincount(titles[rows].ravel(), posterior.ravel(), minlength=len(total))
    share = total / total.sum() + FLOOR
    return np.asarray(share / share.sum(), np.float32)
