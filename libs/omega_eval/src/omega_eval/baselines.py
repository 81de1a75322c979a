"""Centralised baselines: what a server that sees every history would do.

They are yardsticks only; no part of the product sees what they see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_eval.metrics import RECALL_CUT, RowArray
from omega_eval.split import SplitHousehold

EASE_LAMBDA = 200.0
"""Regularisation of the yardstick: the middle of the plateau, 60 to 300, that the validation cut of
MovieLens small shows."""


@dataclass(frozen=True, eq=False)
class Interactions:
    """Training data as matrices of u households and n titles."""

    liked: NDArray[np.float32]
    """(u, n) 1 where a title's viewings mostly succeeded, else 0."""
    seen: NDArray[np.bool_]
    """(u, n) whether a title was viewed at all."""

    @classmethod
    def of(cls, households: Sequence[SplitHousehold], row_of: Mapping[str, int]) -> Interactions:
        """The training events of `households`; `row_of` gives each content id its column."""
        successes = np.zeros((len(households), len(row_of)), np.int32)
        viewings = np.zeros_like(successes)
        for user, household in enumerate(households):
            for event in household.train:
                row = row_of[event.content_id]
                viewings[user, row] += 1
                successes[user, row] += event.success
        seen = viewings > 0
        return cls((seen & (2 * successes >= viewings)).astype(np.float32), seen)


def popularity(data: Interactions) -> list[RowArray]:
    """For each household the 20 unseen titles that most households like in training."""
    likes = data.liked.sum(axis=0)
    return [_best(likes, seen) for seen in data.seen]


def ease(data: Interactions, regularisation: float = EASE_LAMBDA) -> list[RowArray]:
    """For each household the 20 unseen titles that EASE^R scores highest (Steck 2019).

    Exact, by the dual: P = (X'X + l I)^-1 = (I - X'(XX' + l I)^-1 X) / l (Woodbury), a solve of
    size u instead of n; the scores are X B with B = I - P diag(P)^-1.

    Args:
        data: the training data.
        regularisation: l > 0.
    """
    X = data.liked.astype(np.float64)
    gram = X @ X.T
    M = np.linalg.solve(gram + regularisation * np.eye(len(X)), X)
    diagonal = (1 - np.einsum("un,un->n", X, M)) / regularisation
    XP = (X - gram @ M) / regularisation
    scores = X - XP / diagonal
    return [_best(row, seen) for row, seen in zip(scores, data.seen, strict=True)]


def _best(scores: NDArray[np.floating], seen: NDArray[np.bool_]) -> RowArray:
    """The unseen rows of the highest scores, falling, equal ones by row."""
    order = np.argsort(-np.where(seen, -np.inf, scores), kind="stable")
    return order[: min(RECALL_CUT, int(np.count_nonzero(~seen)))]
