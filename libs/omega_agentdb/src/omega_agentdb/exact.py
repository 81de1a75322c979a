"""The exact index in numpy: the oracle of tests, and the fallback where hnswlib is missing."""

from __future__ import annotations

from omega_agentdb import checks
from omega_agentdb.locks import FairLock
from omega_agentdb.port import IdArray, SearchResult
from omega_agentdb.rows import Rows
from omega_core import validate
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray


class ExactIndex:
    """A VectorIndex that compares with every vector. Docs of the methods: `VectorIndex`."""

    def __init__(self, dimension: int = DIMENSION) -> None:
        self._dimension = validate.integer("dimension", dimension, 1, 65_536)
        self._lock = FairLock()
        self._rows = Rows(dimension)

    @property
    def dimension(self) -> int:
        """Width of every vector."""
        return self._dimension

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Adds or replaces."""
        batch = checks.batch(ids, vectors, self._dimension)
        with self._lock.write():
            self._rows.reserve(batch.ids.size)
            self._rows.append(batch.ids, batch.vectors)
            if self._rows.dead > len(self._rows):
                self._compact()

    def remove(self, ids: IdArray) -> int:
        """Removes."""
        checked = checks.ids_of("ids", ids)
        with self._lock.write():
            slots = self._rows.slots_of(checked)
            self._rows.kill(slots)
        return int(slots.size)

    def search(self, vector: FloatArray, k: int, allowed: IdArray | None = None) -> SearchResult:
        """Searches."""
        query = checks.query(vector, k, self._dimension)
        among = None if allowed is None else checks.ids_of("allowed", allowed)
        with self._lock.read():
            slots = None if among is None else self._rows.slots_of(among)
            return self._rows.nearest(query, k, slots)

    def ids(self) -> IdArray:
        """Every id, ascending."""
        with self._lock.read():
            return self._rows.living()[0].copy()

    def __len__(self) -> int:
        return len(self._rows)

    def _compact(self) -> None:
        ids, slots = self._rows.living()
        fresh = Rows(self._dimension, ids.size)
        fresh.append(ids, self._rows.vectors[slots])
        self._rows = fresh
