"""The exact index in numpy: the oracle of tests, and the fallback where hnswlib is missing."""

from __future__ import annotations

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray

from omega_agentdb.port import IdArray, SearchResult


class ExactIndex:
    """A VectorIndex that compares with every vector. Docs of the methods: `VectorIndex`."""

    def __init__(self, dimension: int = DIMENSION) -> None:
        self._dimension = dimension

    @property
    def dimension(self) -> int:
        """Width of every vector."""
        return self._dimension

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Adds or replaces."""
        raise NotImplementedError

    def remove(self, ids: IdArray) -> int:
        """Removes."""
        raise NotImplementedError

    def search(self, vector: FloatArray, k: int, allowed: IdArray | None = None) -> SearchResult:
        """Searches."""
        raise NotImplementedError

    def ids(self) -> IdArray:
        """Every id, ascending."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError
