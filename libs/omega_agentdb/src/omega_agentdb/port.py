"""The port that every vector index answers."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray

IdArray = NDArray[np.int64]
"""Ids of vectors, int64."""


class SearchResult(NamedTuple):
    """Nearest vectors, most similar first; equal cosines by ascending id."""

    ids: IdArray
    """(m,) int64."""
    cosines: FloatArray
    """(m,) float32, -1 to 1."""


class VectorIndex(Protocol):
    """Unit vectors under int64 ids, searched by cosine. Safe for threads."""

    @property
    def dimension(self) -> int:
        """Width of every vector."""
        ...

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Adds vectors (n, dimension) under ids (n,); a known id takes its new vector.

        Vectors are scaled to norm 1. When an id occurs twice the last counts. All or none.

        Raises:
            OmegaError: INVALID_FIELD: wrong shape or type, not finite, or a zero vector.
        """
        ...

    def remove(self, ids: IdArray) -> int:
        """Removes ids (n,), unknown ones passed over; returns how many were there."""
        ...

    def search(self, vector: FloatArray, k: int, allowed: IdArray | None = None) -> SearchResult:
        """The min(k, number of candidates) nearest of the index.

        Args:
            vector: (dimension,), finite, not zero; its length does not matter.
            k: at least 1.
            allowed: only these ids are candidates; unknown ones are passed over. None = all.

        Raises:
            OmegaError: INVALID_FIELD: vector as for `add`, k below 1.
        """
        ...

    def ids(self) -> IdArray:
        """Every id, ascending."""
        ...

    def vectors(self, ids: IdArray) -> FloatArray:
        """Unit vectors (n, dimension) float32 of those of `ids` that are known, by ascending id."""
        ...

    def compact(self) -> bool:
        """One step of taking out what removed and replaced vectors left; True = nothing is left.

        Call again until it is True; whatever is added, removed and searched meanwhile is right.
        """
        ...

    def __len__(self) -> int:
        """Number of vectors."""
        ...
