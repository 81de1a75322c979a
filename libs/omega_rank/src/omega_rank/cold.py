"""What the fleet knows of titles that its likes have not reached, read off their embeddings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray

_REGULARISATION = 5.0
_TRUST = 0.5
_PATTERN_SHARPNESS = 10.0
_TINY = 1e-30
_BLOCK = 1024


def borrow(
    embeddings: FloatArray,
    known: NDArray[np.bool_],
    targets: FloatArray,
    middle: FloatArray,
    floor: FloatArray,
) -> FloatArray:
    """Targets of the titles that have none, by a ridge map from embedding to target.

    The map is fitted on the titles that have targets, B = (E'E + 5 I)^-1 E'(T - middle), and a
    title without goes half of the way from the floor to middle + e'B: at full strength such titles
    displaced better-known ones on validation data, and at half they gained among themselves without
    doing so. Borrowing from the titles nearest to each global pattern gained less and displaced
    more.

    Args:
        embeddings: (n, d) centred unit rows.
        known: (n,) titles with targets, m of them.
        targets: (m, t).
        middle: (t,) what the map adds to.
        floor: (t,) what counts as nothing.

    Returns:
        (n - m, t) for the other titles, in row order.
    """
    d = embeddings.shape[1]
    gram = np.eye(d) * _REGULARISATION
    moment = np.zeros((d, targets.shape[1]))
    rows = np.flatnonzero(known)
    # By blocks: a copy of the known embeddings would double the largest array on the TV.
    for start in range(0, len(rows), _BLOCK):
        source = embeddings[rows[start : start + _BLOCK]]
        gram += source.T @ source
        moment += source.T @ (targets[start : start + _BLOCK] - middle)
    mapped = np.linalg.solve(gram, moment).astype(np.float32)
    unknown = np.flatnonzero(~known)
    found = np.empty((len(unknown), targets.shape[1]), np.float32)
    for start in range(0, len(unknown), _BLOCK):
        found[start : start + _BLOCK] = embeddings[unknown[start : start + _BLOCK]] @ mapped
    return np.asarray(floor + _TRUST * (middle + found - floor), dtype=np.float32)


def log_density(embeddings: FloatArray, centres: FloatArray, weights: FloatArray) -> FloatArray:
    """(n,) logarithm of the taste around each title: sum_k weight_k exp(10 (cos(e, centre_k) - 1)).

    A kernel density on the sphere (von Mises-Fisher kernel; Hall, Watson & Cabrera 1987).

    Args:
        embeddings: (n, d) unit rows.
        centres: (k, d) unit rows, k >= 1.
        weights: (k,) at least 0.
    """
    density = np.exp(_PATTERN_SHARPNESS * (embeddings @ centres.T - 1)) @ weights
    return np.asarray(np.log(density + _TINY), np.float32)
