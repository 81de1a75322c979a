"""The true histories, and what an attacker may know of them: those of everybody but its target.

Households are dealt into folds. Against a household of one fold an attacker knows the histories of
the households outside of it, so that nothing of the target's own is in what it has learnt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import IntArray

FOLDS = 5
"""Folds of households."""
RIDGE = 200.0
"""Regularisation of the attacker's EASE, as of the yardstick's (omega_eval.baselines)."""
_SMOOTH = 0.05
"""Likes that every title has in advance, so that none is impossible."""


@dataclass(frozen=True, eq=False)
class Histories:
    """u households and n titles."""

    liked: FloatArray
    """(u, n) 1 where the household liked the title, else 0."""
    embeddings: FloatArray
    """(n, 384) centred unit rows, which anybody can compute."""
    groups: Mapping[str, IntArray] = field(default_factory=dict)
    """Public facts of titles by name, such as the genre: (n,) classes from 0."""

    @property
    def titles(self) -> int:
        """Size of the catalogue."""
        return int(self.liked.shape[1])

    @property
    def folds(self) -> IntArray:
        """(u,) fold of each household, 0 to FOLDS - 1."""
        return np.arange(len(self.liked), dtype=np.int64) % FOLDS

    def known(self, households: NDArray[np.bool_]) -> Known:
        """What an attacker learns from the histories of some households, a mask (u,)."""
        return Known(self, households)


class Known:
    """A model of what households like, learnt from true histories.

    The scores are exact EASE^R (Steck 2019) by the dual, a solve of the size of the households:
    P = (X'X + l I)^-1 = (I - X' M) / l with M = (XX' + l I)^-1 X (Woodbury).
    """

    def __init__(self, histories: Histories, households: NDArray[np.bool_]) -> None:
        self.histories = histories
        self.households = households
        self.rows: FloatArray = histories.liked[households]
        """(k, n) the histories known."""
        likes = self.rows.sum(axis=0, dtype=np.float64)
        self.likes = likes.astype(np.int64)
        """(n,) known households that like each title."""
        self.popularity: FloatArray = ((likes + _SMOOTH) / (likes + _SMOOTH).sum()).astype(
            np.float32
        )
        """(n,) share of all known likes, above 0, sums to 1."""

    @cached_property
    def _ease(self) -> tuple[FloatArray, FloatArray]:
        """M (k, n), and 1 / (l diag P) (n,)."""
        rows = self.rows.astype(np.float64)
        dual = np.linalg.solve(rows @ rows.T + RIDGE * np.eye(len(rows)), rows)
        diagonal = (1 - np.einsum("un,un->n", rows, dual)) / RIDGE
        return dual.astype(np.float32), (1 / (RIDGE * diagonal)).astype(np.float32)

    def expected(self, stakes: FloatArray) -> FloatArray:
        """EASE's score of each title from the others of a household: (q, n) for stakes (q, n)."""
        dual, scale = self._ease
        smoothed = (stakes @ self.rows.T) @ dual
        return np.asarray(stakes - (stakes - smoothed) * scale, np.float32)

    def knows(self, users: IntArray) -> NDArray[np.bool_]:
        """Whether each household (k,) is one of those known."""
        return np.asarray(self.households[users])


def outside(histories: Histories, *folds: int) -> Known:
    """What is known against households of these folds."""
    return histories.known(~np.isin(histories.folds, folds))
