"""Ranking metrics over full rankings, and intervals for their ratios.

Every title that the household has not seen is ranked; nothing is sampled (Krichene & Rendle 2020
show that sampled metrics can order systems wrongly).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import invalid

CUT = 10
"""Length of the list that HR, NDCG and coverage look at."""
RECALL_CUT = 20
"""Length of the list that recall looks at, and the length lists must have where titles allow."""
_DISCOUNT = 1 / np.log2(np.arange(2, CUT + 2))

RowArray = NDArray[np.int64]
"""Catalogue rows."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Metrics of each scored household, and of all of them."""

    households: NDArray[np.int64]
    """(u,) positions of the scored households: those with something held out."""
    hit_rate: NDArray[np.float64]
    """(u,) 1 when any of the first 10 was held out, else 0: HR@10."""
    ndcg: NDArray[np.float64]
    """(u,) NDCG@10 with binary gains; the ideal list holds min(10, held out) of them."""
    recall: NDArray[np.float64]
    """(u,) share of the held-out titles among the first 20: Recall@20."""
    coverage: float
    """Share of the catalogue in any of the lists' first 10: coverage@10."""

    def means(self) -> dict[str, float]:
        """The four figures under their usual names; 0 when nobody is scored."""
        mean = {
            "hr_at_10": self.hit_rate,
            "ndcg_at_10": self.ndcg,
            "recall_at_20": self.recall,
        }
        figures = {name: float(v.mean()) if len(v) else 0.0 for name, v in mean.items()}
        return {**figures, "coverage_at_10": self.coverage}


def score(lists: Sequence[RowArray], held_out: Sequence[RowArray], titles: int) -> Scores:
    """Scores one list a household.

    Args:
        lists: for each household its best 20 unseen rows, best first (fewer where there are fewer).
        held_out: for each household the rows to be found; empty = not scored.
        titles: size of the catalogue.

    Raises:
        ValueError: lists and held_out differ in number.
    """
    users, hits, ndcg, recall = [], [], [], []
    shown: set[int] = set()
    for user, (ranked, wanted) in enumerate(zip(lists, held_out, strict=True)):
        if not len(wanted):
            continue
        found = np.isin(ranked[:RECALL_CUT], wanted)
        gained = float(found[:CUT] @ _DISCOUNT[: len(found[:CUT])])
        users.append(user)
        hits.append(float(found[:CUT].any()))
        ndcg.append(gained / float(_DISCOUNT[: min(CUT, len(wanted))].sum()))
        recall.append(float(found.sum()) / len(wanted))
        shown.update(ranked[:CUT].tolist())
    return Scores(
        households=np.array(users, np.int64),
        hit_rate=np.array(hits),
        ndcg=np.array(ndcg),
        recall=np.array(recall),
        coverage=len(shown) / titles if titles else 0.0,
    )


@dataclass(frozen=True)
class Ratio:
    """A ratio of two means with its 95 % interval."""

    value: float
    """Mean of the first over mean of the second."""
    low: float
    """2.5 % quantile of the bootstrap."""
    high: float
    """97.5 % quantile of the bootstrap."""


def ratio(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], samples: int = 2_000, seed: int = 0
) -> Ratio:
    """mean(ours) / mean(theirs), both (u,) over the same households.

    The interval is the percentile bootstrap over households, paired: each resample takes the same
    households on both sides (Efron & Tibshirani 1993).

    Raises:
        OmegaError: INVALID_FIELD data: the arrays differ in length, are empty, or `theirs` is zero
            everywhere.
    """
    if ours.shape != theirs.shape or not len(ours) or not theirs.any():
        raise invalid("data", "enough households that a yardstick finds some held-out title")
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(samples):
        chosen = rng.integers(0, len(ours), len(ours))
        below = theirs[chosen].mean()
        if below > 0:
            values.append(ours[chosen].mean() / below)
    low, high = np.quantile(values, [0.025, 0.975])
    return Ratio(float(ours.mean() / theirs.mean()), float(low), float(high))
