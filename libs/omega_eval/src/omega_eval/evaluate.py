"""Runs the ranker of the product over split households, exactly as a TV runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from omega_eval.metrics import RECALL_CUT, RowArray
from omega_eval.split import SplitHousehold
from omega_rank import Catalogue, CollectiveModel, History, RankConfig, Ranker


def rank_all(
    catalogue: Catalogue,
    model: CollectiveModel | None,
    households: Sequence[SplitHousehold],
    config: RankConfig | None = None,
) -> list[RowArray]:
    """For each household its 20 best rows, from its training events only.

    `model` None = what a TV can do alone. Households without anything held out are not ranked;
    their list is empty.
    """
    config = config or RankConfig()
    ranker = Ranker(config)
    lists = []
    for household in households:
        rows: list[int] = []
        if household.held_out:
            history = History.replay(catalogue, household.train, config)
            ranking = ranker.rank(catalogue, model, history, limit=RECALL_CUT)
            rows = [ranked.row for ranked in ranking.titles]
        lists.append(np.array(rows, np.int64))
    return lists


def held_out_rows(
    households: Sequence[SplitHousehold], row_of: Mapping[str, int]
) -> list[RowArray]:
    """For each household the rows to be found."""
    return [np.array([row_of[i] for i in h.held_out], np.int64) for h in households]
