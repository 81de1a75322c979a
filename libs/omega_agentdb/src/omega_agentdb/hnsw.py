"""hnswlib behind the port (Malkov & Yashunin 2018), guarded against what it does not check."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from omega_agentdb import checks
from omega_agentdb.exact import ExactIndex
from omega_agentdb.locks import FairLock
from omega_agentdb.port import IdArray, SearchResult, VectorIndex
from omega_agentdb.rows import DEAD, Rows, top
from omega_core import validate
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray

_log = logging.getLogger(__name__)

EXACT_BELOW = 4_096
"""Most candidates compared one by one. On 384 dimensions 4,096 take about as long in one pass as a
walk through the graph of 10,000, and half as long as a walk with a filter."""
_SEED = 384
"""Seed of the graph's levels: equal input gives an equal graph."""
_TURN = 32
"""Vectors inserted in one turn of the lock: searches wait some 20 ms at most."""
_LEAST_DEAD = 256
"""Dead slots below which the graph is not built again."""


def hnswlib_module() -> ModuleType:
    """The hnswlib module, imported on first use so that everything else runs without it.

    Raises:
        ImportError: it is not installed.
    """
    import hnswlib  # noqa: PLC0415 - see above

    module: ModuleType = hnswlib
    return module


class HnswIndex:
    """A VectorIndex over a navigable small-world graph. Docs of the methods: `VectorIndex`.

    Searches are exact where that is no slower: over at most `exact_below` candidates, and
    wherever the graph gives fewer results than there are. An add of many vectors lets searches
    through between its parts, which then see the parts that are in.

    Args:
        dimension: width of every vector.
        m: links a vector and layer, 2 to 128.
        ef_construction: candidates kept while building, 8 to 2,000.
        ef: candidates kept while searching, 1 to 2,000.
        exact_below: most candidates that are compared one by one.
        build_threads: threads of one bulk add, 1 to 64; more than 1 builds a graph that differs
            from run to run.

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
        exact_below: int = EXACT_BELOW,
        build_threads: int = 1,
    ) -> None:
        self._dimension = validate.integer("dimension", dimension, 1, 65_536)
        self.m = validate.integer("m", m, 2, 128)
        self.ef_construction = validate.integer("ef_construction", ef_construction, 8, 2_000)
        self.ef = validate.integer("ef", ef, 1, 2_000)
        self._exact_below = validate.integer("exact_below", exact_below, 0, 2**31 - 1)
        self._build_threads = validate.integer("build_threads", build_threads, 1, 64)
        self._writer = threading.Lock()  # one writer; held over all turns of a long add
        self._lock = FairLock()  # a turn of the writer against searches
        self._rows = Rows(dimension)
        self._graph = self._new_graph(self._rows.capacity)

    @property
    def dimension(self) -> int:
        """Width of every vector."""
        return self._dimension

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Adds or replaces."""
        batch = checks.batch(ids, vectors, self._dimension)
        with self._writer:
            with self._lock.write():
                capacity = self._rows.reserve(batch.ids.size)
                if capacity > self._graph.get_max_elements():
                    self._graph.resize_index(capacity)
            turn = _TURN * self._build_threads
            for start in range(0, batch.ids.size, turn):
                with self._lock.write():
                    self._insert(batch.ids[start : start + turn], batch.vectors[start:][:turn])
            self._compact_when_due()

    def remove(self, ids: IdArray) -> int:
        """Removes."""
        checked = checks.ids_of("ids", ids)
        with self._writer:
            with self._lock.write():
                slots = self._rows.slots_of(checked)
                self._bury(slots)
                self._rows.kill(slots)
            self._compact_when_due()
        return int(slots.size)

    def search(self, vector: FloatArray, k: int, allowed: IdArray | None = None) -> SearchResult:
        """Searches."""
        query = checks.query(vector, k, self._dimension)
        among = None if allowed is None else checks.ids_of("allowed", allowed)
        with self._lock.read():
            slots = None if among is None else self._rows.slots_of(among)
            candidates = len(self._rows) if slots is None else int(slots.size)
            if candidates > self._exact_below:
                found = self._walk(query, min(k, candidates), slots)
                if found is not None:
                    return found
            return self._rows.nearest(query, k, slots)

    def ids(self) -> IdArray:
        """Every id, ascending."""
        with self._lock.read():
            return self._rows.living()[0].copy()

    def vectors(self, ids: IdArray) -> FloatArray:
        """Unit vectors (n, dimension) of those of `ids` that are known, by ascending id."""
        checked = checks.ids_of("ids", ids)
        with self._lock.read():
            slots = self._rows.slots_of(checked)
            slots = slots[np.argsort(self._rows.ids[slots])]
            return np.asarray(self._rows.vectors[slots], np.float32)

    def __len__(self) -> int:
        return len(self._rows)

    def export(self, graph: Path, rows: Path) -> tuple[int, int]:
        """Writes the graph and its slots to two files while searches go on.

        Returns:
            Number of slots, and the size in bytes that the graph's file must have: hnswlib does
            not notice a full disk.
        """
        with self._writer:
            used = self._rows.used
            self._graph.save_index(str(graph))
            with rows.open("wb") as out:
                out.write(self._rows.ids[:used].astype("<i8").tobytes())
                out.write(self._rows.vectors[:used].astype("<f4").tobytes())
            return used, int(self._graph.index_file_size())

    def restore(self, graph: Path, rows: Path, slots: int) -> None:
        """Becomes what `export` wrote.

        Raises:
            ValueError: the files are not of one index.
            RuntimeError: hnswlib refuses the graph.
            OSError: the file system does.
        """
        data = rows.read_bytes()
        if len(data) != slots * (8 + 4 * self._dimension):
            raise ValueError(f"{rows.name} does not hold {slots} slots")
        table = Rows(self._dimension, slots)
        vectors = np.frombuffer(data, "<f4", offset=8 * slots).reshape(slots, self._dimension)
        table.fill(np.frombuffer(data, "<i8", count=slots), vectors)
        loaded = hnswlib_module().Index(space="ip", dim=self._dimension)
        loaded.load_index(str(graph), max_elements=table.capacity)
        if loaded.get_current_count() != slots:
            raise ValueError(f"{graph.name} does not hold {slots} slots")
        with self._writer, self._lock.write():
            self._rows, self._graph = table, self._tuned(loaded)

    def _walk(self, query: FloatArray, k: int, slots: IdArray | None) -> SearchResult | None:
        """A search of the graph; None where it cannot give k results."""
        accept = None
        if slots is not None:
            mask = np.zeros(self._rows.capacity, np.uint8)
            mask[slots] = 1
            accept = mask.tobytes().__getitem__
        try:
            labels, distances = self._graph.knn_query(
                query[np.newaxis], k=k, num_threads=1, filter=accept
            )
        except RuntimeError:
            # hnswlib's answer when it reaches fewer than k, such as after many removals.
            return None
        ids = self._rows.ids[labels[0].astype(np.int64)]
        if (ids == DEAD).any():
            return None
        return top(ids, np.asarray(1.0 - distances[0], np.float32), k)

    def _insert(self, ids: IdArray, vectors: FloatArray) -> None:
        first = self._rows.used
        labels = np.arange(first, first + ids.size)
        self._graph.add_items(vectors, labels, num_threads=self._build_threads)
        self._bury(self._rows.append(ids, vectors))

    def _bury(self, slots: IdArray) -> None:
        for slot in slots.tolist():
            self._graph.mark_deleted(slot)

    def _compact_when_due(self) -> None:
        # The dead keep their memory and slow the search; slots are not reused, because hnswlib's
        # repair of a reused one leaves vectors that no search reaches.
        if self._rows.dead < _LEAST_DEAD or 2 * self._rows.dead < len(self._rows):
            return
        ids, slots = self._rows.living()
        rows = Rows(self._dimension, ids.size)
        rows.append(ids, self._rows.vectors[slots])
        graph = self._new_graph(rows.capacity)
        if ids.size:
            graph.add_items(
                rows.vectors[: ids.size], np.arange(ids.size), num_threads=self._build_threads
            )
        with self._lock.write():
            self._rows, self._graph = rows, graph

    def _new_graph(self, capacity: int) -> Any:
        graph = hnswlib_module().Index(space="ip", dim=self._dimension)
        graph.init_index(
            max_elements=capacity, M=self.m, ef_construction=self.ef_construction, random_seed=_SEED
        )
        return self._tuned(graph)

    def _tuned(self, graph: Any) -> Any:
        graph.set_ef(self.ef)
        graph.set_num_threads(1)
        return graph


def open_index(dimension: int = DIMENSION) -> VectorIndex:
    """An HnswIndex, or an ExactIndex with a warning in the log where hnswlib is missing."""
    try:
        return HnswIndex(dimension)
    except ImportError:
        _log.warning("hnswlib is not installed: every search compares with every vector")
        return ExactIndex(dimension)
