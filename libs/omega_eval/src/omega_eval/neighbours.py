"""Neighbourhood baselines: what is liked together, and who likes alike.

Yardsticks, as in omega_eval.baselines: they see every history.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_eval.baselines import Interactions, best_unseen
from omega_eval.metrics import RowArray

ITEM_NEIGHBOURS = 100
"""Most similar titles that count for a title. Usual for data of this size, not tuned to it."""
ITEM_SHRINKAGE = 20.0
"""Households by which a cosine of titles is shrunk. The same."""
USER_NEIGHBOURS = 80
"""Most similar households that count for a household. The same."""
USER_SHRINKAGE = 5.0
"""Titles by which a cosine of households is shrunk. The same."""
_BLOCK = 512


def item_knn(
    data: Interactions, neighbours: int = ITEM_NEIGHBOURS, shrinkage: float = ITEM_SHRINKAGE
) -> list[RowArray]:
    """For each household the 20 unseen titles most similar to those it likes.

    Args:
        data: the training data.
        neighbours: as in `item_knn_scores`.
        shrinkage: as in `item_knn_scores`.
    """
    return best_unseen(item_knn_scores(data.liked, neighbours, shrinkage), data.seen)


def user_knn(
    data: Interactions, neighbours: int = USER_NEIGHBOURS, shrinkage: float = USER_SHRINKAGE
) -> list[RowArray]:
    """For each household the 20 unseen titles that the households most alike like.

    Args:
        data: the training data.
        neighbours: as in `user_knn_scores`.
        shrinkage: as in `user_knn_scores`.
    """
    return best_unseen(user_knn_scores(data.liked, neighbours, shrinkage), data.seen)


def item_knn_scores(
    liked: NDArray[np.float32], neighbours: int, shrinkage: float
) -> NDArray[np.float32]:
    """(u, n) sum over a household's titles i of s_ij, for each title j.

    s_ij = |households that like both| / (sqrt(|those that like i| |those that like j|) + shrinkage)
    for the `neighbours` titles i with the greatest s_ij, else 0 (item-based top-N, Deshpande &
    Karypis 2004, with shrinkage as in Bell & Koren 2007).

    Args:
        liked: (u, n) 0 or 1.
        neighbours: at least 1.
        shrinkage: at least 0.
    """
    n = liked.shape[1]
    length = np.sqrt(liked.sum(axis=0))
    scores = np.zeros(liked.shape, np.float32)
    # By blocks of titles: the whole matrix of similarities is n x n.
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        similar = liked.T @ liked[:, block]
        similar /= np.maximum(np.outer(length, length[block]) + np.float32(shrinkage), 1e-9)
        own = np.arange(block.start, block.stop)
        similar[own, own - start] = 0
        scores[:, block] = liked @ _strongest(similar.T, neighbours).T
    return scores


def user_knn_scores(
    liked: NDArray[np.float32], neighbours: int, shrinkage: float
) -> NDArray[np.float32]:
    """(u, n) sum over the households v that like a title of s_uv.

    s_uv = |titles both like| / (sqrt(|titles of u| |titles of v|) + shrinkage) for the `neighbours`
    other households v with the greatest s_uv, else 0 (Resnick et al. 1994, for likes).

    Args:
        liked: (u, n) 0 or 1.
        neighbours: at least 1.
        shrinkage: at least 0.
    """
    length = np.sqrt(liked.sum(axis=1))
    alike = liked @ liked.T
    alike /= np.maximum(np.outer(length, length) + np.float32(shrinkage), 1e-9)
    np.fill_diagonal(alike, 0)
    return np.asarray(_strongest(alike, neighbours) @ liked, np.float32)


def _strongest(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The rows with all but their `count` greatest entries, and those equal to the least, at 0."""
    if count >= rows.shape[1]:
        return rows
    least = np.partition(rows, -count, axis=1)[:, -count]
    return np.where(rows >= least[:, None], rows, np.float32(0))
