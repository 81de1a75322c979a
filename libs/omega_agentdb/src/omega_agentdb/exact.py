"""The exact index in numpy: the oracle of tests, and the fallback where hnswlib is missing."""

from __future__ import annotations

from omega_agentdb import checks
from omega_agentdb.locks import FairLock
from omega_agentdb.port import IdArray, SearchResult
from omega_agentdb.rows import Rows
from omega_agentdb.table import RowType
from omega_core import validate
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray

_LEAST_DEAD = 64
"""Dead slots, beyond as many as there are living ones, that are borne with."""
_BLOCK = 1_024
"""Vectors copied at a time."""


class ExactIndex:
    """A VectorIndex that compares with every vector. Docs of the methods: `VectorIndex`.

    Args:
        dimension: width of every vector.
        row_type: how vectors are kept.
    """

    def __init__(self, dimension: int = DIMENSION, *, row_type: RowType = RowType.FLOAT32) -> None:
        self._dimension = validate.integer("dimension", dimension, 1, 65_536)
        self._row_type = RowType(row_type)
        self._lock = FairLock()
        self._rows = Rows(dimension, self._row_type)

    @property
    def dimension(self) -> int:
        """Width of every vector."""
        return self._dimension

    @property
    def row_type(self) -> RowType:
        """How vectors are kept."""
        return self._row_type

    @property
    def dead(self) -> int:
        """Rows whose vector was removed or replaced and still takes up memory."""
        return self._rows.dead

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Adds or replaces."""
        batch = checks.batch(ids, vectors, self._dimension)
        with self._lock.write():
            self._rows.reserve(batch.ids.size)
            self._rows.append(batch.ids, batch.vectors)
            self._compact_when_due()

    def remove(self, ids: IdArray) -> int:
        """Removes."""
        checked = checks.ids_of("ids", ids)
        with self._lock.write():
            slots = self._rows.slots_of(checked)
            self._rows.kill(slots)
            self._compact_when_due()
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

    def vectors(self, ids: IdArray) -> FloatArray:
        """Vectors."""
        checked = checks.ids_of("ids", ids)
        with self._lock.read():
            return self._rows.vectors_of(checked)

    def compact(self) -> bool:
        """Compacts."""
        with self._lock.write():
            if self._rows.dead:
                self._compact()
        return True

    def _compact_when_due(self) -> None:
        if self._rows.dead > len(self._rows) + _LEAST_DEAD:
            self._compact()

    def _compact(self) -> None:
        ids, slots = self._rows.living()
        fresh = Rows(self._dimension, self._row_type, ids.size)
        for start in range(0, ids.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            fresh.append(ids[part], self._rows.kept(slots[part]))
        self._rows = fresh
