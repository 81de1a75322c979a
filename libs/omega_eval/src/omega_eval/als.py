"""Implicit alternating least squares, a yardstick that sees every history.

Hu, Koren & Volinsky 2008, Collaborative filtering for implicit feedback datasets (ICDM).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_eval.baselines import Interactions, best_unseen
from omega_eval.metrics import RowArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class AlsConfig:
    """Settings; the defaults are usual ones for data of this size, not tuned to it."""

    rank: int = 32
    """Factors a household and a title."""
    regularisation: float = 10.0
    """Weight of the factors' squares."""
    confidence: float = 2.0
    """alpha: what a like adds to the confidence 1 of a title that is not liked."""
    sweeps: int = 8
    """Times that both sides are solved."""
    seed: int = 0
    """Of the first factors."""


@dataclass(frozen=True, eq=False)
class AlsModel:
    """Factors of households and titles."""

    households: Doubles
    """(u, rank)"""
    titles: Doubles
    """(n, rank)"""


def implicit_als(data: Interactions, config: AlsConfig | None = None) -> list[RowArray]:
    """For each household the 20 unseen titles that its factors score highest."""
    model = fit_als(data.liked, config or AlsConfig())
    return best_unseen(model.households @ model.titles.T, data.seen)


def fit_als(liked: NDArray[np.floating], config: AlsConfig) -> AlsModel:
    """Lowers `als_objective` by solving one side exactly, then the other, `config.sweeps` times.

    Args:
        liked: (u, n) 0 or 1.
        config: settings.
    """
    rng = np.random.default_rng(config.seed)
    households, titles = (
        rng.normal(0, 0.05, (size, config.rank)) for size in (liked.shape[0], liked.shape[1])
    )
    liked_of = [np.flatnonzero(row) for row in liked]
    liked_by = [np.flatnonzero(column) for column in liked.T]
    for _ in range(config.sweeps):
        households = _solved(titles, liked_of, config)
        titles = _solved(households, liked_by, config)
    return AlsModel(households, titles)


def als_objective(liked: NDArray[np.floating], model: AlsModel, config: AlsConfig) -> float:
    """Sum of c_ui (p_ui - x_u'y_i)^2 + regularisation x (sum of all factors' squares).

    p_ui is 1 for a like, else 0; c_ui = 1 + confidence x p_ui (equation 3 of the paper).
    """
    misses = np.square(liked - model.households @ model.titles.T)
    squares = np.square(model.households).sum() + np.square(model.titles).sum()
    weighted = (1 + config.confidence * liked) * misses
    return float(weighted.sum() + config.regularisation * squares)


def _solved(fixed: Doubles, likes: list[NDArray[np.int64]], config: AlsConfig) -> Doubles:
    """The best factors of one side beside the other's, equation 4 of the paper.

    (Y'Y + Y'(C - I)Y + regularisation I)^-1 Y'C p, where C - I is not zero for likes only.
    """
    shared = fixed.T @ fixed + config.regularisation * np.eye(config.rank)
    found = np.zeros((len(likes), config.rank))
    for i, liked in enumerate(likes):
        if len(liked):
            Y = fixed[liked]
            left = shared + config.confidence * (Y.T @ Y)
            found[i] = np.linalg.solve(left, (1 + config.confidence) * Y.sum(axis=0))
    return found
