"""hnswlib behind the port (Malkov & Yashunin 2018), guarded against what it does not check."""

from __future__ import annotations

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray

from omega_agentdb.port import IdArray, SearchResult, VectorIndex


class HnswIndex:
    """A VectorIndex over a navigable small-world graph. Docs of the methods: `VectorIndex`.

    Args:
        dimension: width of every vector.
        m: links a vector and layer.
        ef_construction: candidates kept while building.
        ef: candidates kept while searching.
        build_threads: threads of one bulk add; more than 1 builds a graph that differs from run
            to run.

    Raises:
        OmegaError: INVALID_FIELD for a parameter out of range.
        ImportError: hnswlib is not installed; `open_index` falls back then.
    """

    def __init__(
        self,
        dimension: int = DIMENSION,
        *,
        m: int = 32,
        ef_construction: int = 200,
        ef: int = 100,
        build_threads: int = 1,
    ) -> None:
        raise NotImplementedError

    @property
    def dimension(self) -> int:
        """Width of every vector."""
        raise NotImplementedError

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


def open_index(dimension: int = DIMENSION) -> VectorIndex:
    """An HnswIndex, or an ExactIndex with a warning in the log where hnswlib is missing."""
    raise NotImplementedError
