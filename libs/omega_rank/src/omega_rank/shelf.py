"""The catalogue without any knowledge of taste: the newest of each genre in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_rank.catalogue import Catalogue


@dataclass(frozen=True, eq=False)
class Shelf:
    """Where each title stands when only metadata is known."""

    position: NDArray[np.int64]
    """(n,) place in the list, from 0."""
    genre: NDArray[np.int64]
    """(n,) genre column in which the title is newest, -1 = none."""
    age_rank: NDArray[np.int64]
    """(n,) titles of that genre that are newer, n without a genre."""


def arrange(catalogue: Catalogue) -> Shelf:
    """A deterministic list, diverse across genres and newer first.

    Each title stands in the genre where fewest titles are newer (of equal ones the more frequent
    genre; equal years by row, unknown years last). The list takes the newest of every genre, larger
    genres first, then the second newest of every genre, and so on; titles without a genre close it.
    """
    n = len(catalogue)
    newest_first = np.lexsort((np.arange(n), -catalogue.years.astype(np.int64)))
    carries = catalogue.genre_rows > 0
    by_size = np.argsort(-carries.sum(axis=0), kind="stable")
    carries = carries[:, by_size]
    rank = np.full((n, len(by_size) + 1), n, np.int64)
    counted = np.cumsum(carries[newest_first], axis=0) - 1
    rank[newest_first, :-1] = np.where(carries[newest_first], counted, n)
    column = rank.argmin(axis=1)
    age_rank = rank[np.arange(n), column]
    without = age_rank == n
    recency = np.empty(n, np.int64)
    recency[newest_first] = np.arange(n)
    position = np.empty(n, np.int64)
    position[np.lexsort((recency, column, age_rank))] = np.arange(n)
    named = np.append(by_size, -1)[column]
    return Shelf(position, np.where(without, -1, named), age_rank)
