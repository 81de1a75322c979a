"""What a list is worth to the household: the discounted gain of what it watched next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_rank import Catalogue, RankConfig, order
from omega_rank.calibrate import Mix

CUT = 10
"""Length of the list that NDCG@10, calibration, diversity and novelty look at."""
Rows = NDArray[np.int64]


def served(
    total: FloatArray,
    catalogue: Catalogue,
    config: RankConfig,
    targets: Rows,
    rows: Rows,
    genres: NDArray[np.float64],
) -> tuple[NDArray[np.int64], Rows]:
    """Where the ranker puts titles, and the head of its list.

    Args:
        total: (m,) relevance, -inf for titles that are not ranked.
        catalogue: the titles.
        config: gives diversity, its window and calibration.
        targets: (t,) positions within `total`.
        rows: (m,) catalogue rows of `total`.
        genres: (g,) what the list is calibrated to.

    Returns:
        (t,) ranks from 0, and the catalogue rows of the first CUT of the list. A title in the list
        has its place there; any other its place by relevance, CUT at the least (what diversity
        does between places CUT and mmr_window is not followed).
    """
    head = order.best_first(total, config.mmr_window)
    places = rows[head]
    mix = Mix.of(catalogue.genre_rows[places], genres, config.calibration_weight)
    embeddings = catalogue.embeddings[places]
    chosen = order.diversify(total[head], embeddings, config.mmr_lambda, CUT, mix)
    listed = head[chosen]
    ranks = np.empty(len(targets), np.int64)
    for place, target in enumerate(targets.tolist()):
        above = int(np.count_nonzero(total > total[target]))
        if above < config.mmr_window:
            found = np.flatnonzero(listed == target)
            above = int(found[0]) if len(found) else max(above, CUT)
        ranks[place] = above
    return ranks, rows[listed]


def gain(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 / log2(2 + rank), rank from 0: the NDCG of one relevant title, without a cut.

    Jarvelin & Kekalainen 2002. Without a cut every viewing tells two rankings apart, and not
    only the few that reach the first ten.
    """
    return np.asarray(1 / np.log2(2.0 + ranks))


def ndcg(ranks: NDArray[np.int64]) -> float:
    """NDCG@10 of a list of which the titles at `ranks` are relevant; 0 when none is."""
    if not len(ranks):
        return 0.0
    ideal = gain(np.arange(min(CUT, len(ranks))))
    return float(gain(ranks[ranks < CUT]).sum() / ideal.sum())
