"""What is on the rise and what is new, from the database to the rows of one catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from omega_brain.stores import Stores
from omega_core.vectors import FloatArray
from omega_rank.catalogue import Catalogue
from omega_rank.timely import FRESH_FOR, GONE, Timely, faded, freshness


@dataclass(frozen=True, eq=False)
class Trending:
    """The fleet's trends over one catalogue."""

    rows: NDArray[np.int64]
    """(t,) titles, strongest first."""
    scores: FloatArray
    """(t,) as they were at `at`."""
    regional: NDArray[np.bool_]
    """(t,) whether in the TV's region; else over all regions."""
    at: datetime
    """When the scores held, aware."""

    def now(self, now: datetime) -> Trending:
        """What is left of them, without those that are over."""
        scores = faded(self.scores, self.at, now)
        left = scores >= GONE
        return Trending(self.rows[left], scores[left], self.regional[left], now)


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Titles that came to this TV not long ago."""

    rows: NDArray[np.int64]
    """(f,)"""
    at: NDArray[np.float64]
    """(f,) seconds since 1970."""


def load_trending(stores: Stores, catalogue: Catalogue) -> Trending | None:
    """The held trends of titles that the catalogue holds; None = there are none.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    held = stores.trends.held()
    if held is None:
        return None
    row_of = {int(o): row for row, o in enumerate(catalogue.ordinals.tolist()) if o >= 0}
    known = [(row_of[t.ordinal], t) for t in held.titles if t.ordinal in row_of]
    if not known:
        return None
    return Trending(
        np.array([row for row, _ in known], np.int64),
        np.array([trend.score for _, trend in known], np.float32),
        np.array([trend.regional for _, trend in known], np.bool_),
        held.at,
    )


def load_arrivals(stores: Stores, rowids: NDArray[np.int64]) -> Arrivals:
    """The titles that came within 28 days.

    Args:
        stores: the tables.
        rowids: (n,) ascending, of each row of the catalogue.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    came = stores.contents.arrivals(stores.database.now() - FRESH_FOR)
    fresh = np.flatnonzero(np.isin(rowids, list(came)))
    at = [came[int(rowids[row])].timestamp() for row in fresh]
    return Arrivals(fresh, np.array(at, np.float64))


def timely(
    trending: Trending | None, arrivals: Arrivals, titles: int, now: datetime
) -> Timely | None:
    """The bonuses of this instant; None = there are none."""
    days = (now.timestamp() - arrivals.at) / timedelta(days=1).total_seconds()
    new = freshness(days, titles)
    rows, new = arrivals.rows[new > 0], new[new > 0]
    left = trending.now(now) if trending else None
    if left is None or not len(left.rows):
        return Timely(fresh_rows=rows, fresh_scores=new) if len(rows) else None
    return Timely(left.rows, left.scores, left.regional, rows, new)
