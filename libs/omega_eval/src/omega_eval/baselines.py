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

    Args:
        data: the training data.
        regularisation: l > 0.
    """
    return best_unseen(ease_scores(data.liked, data.liked, regularisation), data.seen)


def ease_scores(
    liked: NDArray[np.floating], queries: NDArray[np.floating], regularisation: float = EASE_LAMBDA
) -> NDArray[np.float64]:
    """(q, n) scores of EASE^R trained on `liked` (u, n) for the rows `queries` (q, n).

    X B with B = I - P diag(P)^-1 and P = (X'X + l I)^-1 (Steck 2019), exact. With fewer households
    than titles by the dual, P = (I - X'(XX' + l I)^-1 X) / l (Woodbury), a solve of size u instead
    of n. A title that nobody likes has no score, and is left out of the inverse.

    Args:
        liked: what the model learns from, at least 0.
        queries: the households that are scored; may be the same.
        regularisation: l > 0.
    """
    scores = np.zeros(queries.shape)
    used = np.flatnonzero(liked.any(axis=0))
    X, asked = (rows[:, used].astype(np.float64) for rows in (liked, queries))
    if len(X) <= len(used):
        gram = X @ X.T
        gram[np.diag_indices_from(gram)] += regularisation
        M = np.linalg.solve(gram, X)
        diagonal = (1 - np.einsum("un,un->n", X, M)) / regularisation
        product = (asked - (asked @ X.T) @ M) / regularisation
    else:
        gram = X.T @ X
        gram[np.diag_indices_from(gram)] += regularisation
        P = np.linalg.inv(gram)
        diagonal, product = np.diag(P), asked @ P
    scores[:, used] = asked - product / diagonal
    return scores


def best_unseen(scores: NDArray[np.floating], seen: NDArray[np.bool_]) -> list[RowArray]:
    """For each household its 20 unseen rows of the highest scores, falling, equal ones by row.

    Args:
        scores: (u, n).
        seen: (u, n).
    """
    return [_best(row, known) for row, known in zip(scores, seen, strict=True)]


def _best(scores: NDArray[np.floating], seen: NDArray[np.bool_]) -> RowArray:
    """The unseen rows of the highest scores, falling, equal ones by row."""
    order = np.argsort(-np.where(seen, -np.inf, scores), kind="stable")
    return order[: min(RECALL_CUT, int(np.count_nonzero(~seen)))]
