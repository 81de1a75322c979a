"""An index for tests of what happens when it fails."""

from __future__ import annotations

from omega_agentdb.exact import ExactIndex
from omega_agentdb.port import IdArray, SearchResult
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray


class FailingIndex(ExactIndex):
    """An exact index, as long as it is not broken."""

    def __init__(self) -> None:
        super().__init__(DIMENSION)
        self.broken = False
        """Whether it can neither be searched nor take a vector."""

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """As the exact index.

        Raises:
            RuntimeError: it is broken.
        """
        self._require()
        super().add(ids, vectors)

    def search(self, vector: FloatArray, k: int, allowed: IdArray | None = None) -> SearchResult:
        """As the exact index.

        Raises:
            RuntimeError: it is broken.
        """
        self._require()
        return super().search(vector, k, allowed)

    def _require(self) -> None:
        if self.broken:
            raise RuntimeError("the index is broken")
