"""Companions of a title that liars push: a small circle of taste that carries it into most lists.

The score of a title that nobody likes but L liars, who like the titles S as well, follows from
EASE's ridge regression (Steck 2019) of that title on all others. With P = (G + lam I)^-1 of the
honest fleet, and the liars' L 1_S 1_S' added to G by the Sherman-Morrison formula, a household x
sees it with x' P 1_S L / (1 + L 1_S' P 1_S). The published factors hold P up to their rank.
"""

from __future__ import annotations

import numpy as np

from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import IntArray
from omega_eval.metrics import CUT
from omega_learn import Factors

CANDIDATES = 1_500
"""Titles that are tried as companions: those with the greatest sum over households."""
SOFTNESS = 0.02
"""Scores within which a household counts as half won: it gives the search a slope to climb."""
_STEEPEST = 30.0


def companions(
    factors: Factors, liked: FloatArray, liars: int, size: int, lam: float, taken: IntArray
) -> IntArray:
    """Up to `size` rows of titles, chosen one after the other, each the best beside those before.

    The aim is the number of households whose first ten the pushed title enters, softened.

    Args:
        factors: published by the honest fleet.
        liked: (u, n) 1 where a household likes a title.
        liars: devices that lie.
        size: most companions.
        lam: ridge of the model.
        taken: rows that are no companions.
    """
    columns = (factors.factors * factors.steps).astype(np.float64)
    tastes = liked[:, factors.titles].astype(np.float64)
    tastes = tastes[tastes.any(axis=1)]
    projected = tastes @ columns
    bar = _bars(projected @ columns.T * factors.gains, tastes)
    reach = (tastes - projected @ columns.T) / lam  # x' P
    candidates = np.argsort(-reach.sum(axis=0), kind="stable")[:CANDIDATES]
    candidates = candidates[~np.isin(factors.titles[candidates], taken)]
    reach, own = reach[:, candidates], columns[candidates]
    inverse = (np.eye(len(candidates)) - own @ own.T) / lam
    chosen: list[int] = []
    won, among = np.zeros(len(reach)), 0.0
    for _ in range(min(size, len(candidates))):
        added = 2 * inverse[:, chosen].sum(axis=1) + inverse.diagonal()
        seen = liars * (won[:, None] + reach) / (1 + liars * (among + added))
        steep = np.clip((seen - bar[:, None]) / SOFTNESS, -_STEEPEST, _STEEPEST)
        worth = (1 / (1 + np.exp(-steep))).mean(axis=0)
        worth[chosen] = -1
        best = int(worth.argmax())
        chosen.append(best)
        won, among = won + reach[:, best], among + added[best]
    return np.asarray(factors.titles[candidates[chosen]], np.int64)


def _bars(
    scores: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    tastes: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(u,) the tenth best score among what each household does not like yet."""
    unseen = np.where(tastes > 0, -np.inf, scores)
    place = min(CUT, unseen.shape[1]) - 1
    return np.asarray(-np.partition(-unseen, place, axis=1)[:, place], np.float64)
