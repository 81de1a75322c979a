"""Measures of a list beside its relevance: calibration, diversity, novelty."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_rank.calibrate import SMOOTHING, even_shares
from omega_rank.catalogue import Catalogue
from omega_rank.history import History
from omega_rank.model import CollectiveModel

_Rows = NDArray[np.int64]


def genre_shares(
    catalogue: Catalogue, rows: _Rows, weights: FloatArray | None = None
) -> NDArray[np.float64]:
    """(g,) share of each genre column among titles; each title splits evenly over its genres.

    Steck 2018 (Calibrated recommendations), equation 2. Titles without genres do not count; the
    shares add up to 1, or are all 0 when no title counts.

    Args:
        catalogue: the titles.
        rows: (m,) titles.
        weights: (m,) at least 0; absent = all alike.
    """
    shares = even_shares(catalogue.genre_rows[rows]).astype(np.float64)
    total = shares.sum(axis=0) if weights is None else weights.astype(np.float64) @ shares
    return np.asarray(total / (total.sum() or 1.0))


def calibration(rows: _Rows, history: History) -> float:
    """How far the genres of a list are from those that the household watches; 0 = not at all.

    Steck 2018, equation 3: the divergence of Kullback and Leibler in nats of the list's shares
    from the household's, with 1 % of the household's mixed into the list's; at most ln 100 = 4.6.
    The household's titles count by their weight in the ranking. 0 when the list or the history
    holds no genre.

    Args:
        rows: (m,) titles of the list.
        history: the household.
    """
    wanted, given = _both_shares(rows, history)
    if not wanted.any() or not given.any():
        return 0.0
    return _divergence(wanted, (1 - SMOOTHING) * given + SMOOTHING * wanted)


def miscalibration(rows: _Rows, history: History) -> float:
    """The same distance, bounded and symmetric: 0 = the same genres, 1 = none in common.

    Divergence of Jensen and Shannon in bits (Lin 1991). 0 when the list or the history holds no
    genre.
    """
    wanted, given = _both_shares(rows, history)
    if not wanted.any() or not given.any():
        return 0.0
    middle = (wanted + given) / 2
    nats = (_divergence(wanted, middle) + _divergence(given, middle)) / 2
    return min(max(nats / float(np.log(2)), 0.0), 1.0)


def diversity(catalogue: Catalogue, rows: _Rows) -> float:
    """Mean of 1 - cosine over all pairs of a list, 0 to 2; 0 for fewer than two titles.

    Intra-list diversity (Ziegler et al. 2005).
    """
    m = len(rows)
    if m < 2:  # noqa: PLR2004 - a pair
        return 0.0
    vectors = catalogue.embeddings[rows].astype(np.float64)
    total = vectors.sum(axis=0)
    cosines = (total @ total - (vectors * vectors).sum()) / (m * (m - 1))
    return min(max(1.0 - float(cosines), 0.0), 2.0)


def novelty(rows: _Rows, history: History) -> float:
    """Mean of 1 - cosine with the liked title that is nearest, 0 to 2; 1 without likes.

    Distance-based novelty (Vargas & Castells 2011): known without the fleet.
    """
    liked = np.flatnonzero(history.liked)
    if not len(rows) or not len(liked):
        return 1.0
    embeddings = history.catalogue.embeddings
    nearest = (embeddings[rows] @ embeddings[liked].T).max(axis=1)
    return min(max(1.0 - float(nearest.mean(dtype=np.float64)), 0.0), 2.0)


def surprisal(rows: _Rows, model: CollectiveModel) -> float:
    """Mean of -log2 of the titles' share of the fleet's liking, in bits, at least 0.

    Mean self-information (Zhou et al. 2010); 0 for an empty list. The shares are those of the
    model's prior over all its titles, borrowed ones among them.
    """
    if not len(rows):
        return 0.0
    logs = model.log_prior.astype(np.float64)
    greatest = logs.max()
    normaliser = greatest + np.log(np.exp(logs - greatest).sum())
    return max(float((normaliser - logs[rows]).mean() / np.log(2)), 0.0)


def _both_shares(rows: _Rows, history: History) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    query = history.query()
    wanted = genre_shares(history.catalogue, query.rows, query.weights)
    return wanted, genre_shares(history.catalogue, rows)


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Sum of p ln(p / q) in nats; q is above 0 where p is."""
    held = p > 0
    return max(float((p[held] * np.log(p[held] / q[held])).sum()), 0.0)
