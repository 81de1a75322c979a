"""Runs the ranker of the product over split households, exactly as a TV runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from omega_eval.metrics import RECALL_CUT, RowArray
from omega_eval.split import SplitHousehold
from omega_rank import Catalogue, CollectiveModel, History, RankConfig, Ranker

NOBODY: RowArray = np.empty(0, np.int64)
"""The list of a household that is not scored."""


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
    lists = []
    for household in households:
        rows = NOBODY
        if household.held_out:
            history = History.replay(catalogue, household.train, config)
            (rows,) = rank_histories(catalogue, model, [history], config)
        lists.append(rows)
    return lists


def replay_all(
    catalogue: Catalogue,
    households: Sequence[SplitHousehold],
    advance: Callable[[], None] = lambda: None,
) -> list[History]:
    """The history of each household's training events; `advance` is called after each.

    Each holds some 18 bytes a title of the catalogue.
    """
    histories = []
    for household in households:
        histories.append(History.replay(catalogue, household.train))
        advance()
    return histories


def rank_histories(
    catalogue: Catalogue,
    model: CollectiveModel | None,
    histories: Sequence[History | None],
    config: RankConfig | None = None,
    candidates: NDArray[np.bool_] | None = None,
) -> list[RowArray]:
    """For each history its 20 best unseen rows; None = nobody, whose list is empty.

    Args:
        catalogue: the titles.
        model: the fleet's knowledge; None = what a TV can do alone.
        histories: over `catalogue`; they take `config`.
        config: settings of the ranker; absent = as shipped.
        candidates: (n,) titles that may appear; absent = all.
    """
    config = config or RankConfig()
    ranker = Ranker(config)
    lists = []
    for history in histories:
        if history is None:
            lists.append(NOBODY)
            continue
        history.configure(config)
        found = ranker.rank(catalogue, model, history, limit=RECALL_CUT, candidates=candidates)
        lists.append(np.array([ranked.row for ranked in found.titles], np.int64))
    return lists


def held_out_rows(
    households: Sequence[SplitHousehold], row_of: Mapping[str, int]
) -> list[RowArray]:
    """For each household the rows to be found."""
    return [np.array([row_of[i] for i in h.held_out], np.int64) for h in households]
