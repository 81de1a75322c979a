"""hnswlib behind the port (Malkov & Yashunin 2018), guarded against what it does not check."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np

from omega_agentdb import checks
from omega_agentdb.exact import ExactIndex
from omega_agentdb.graph import Graph, Recipe
from omega_agentdb.locks import FairLock
from omega_agentdb.port import IdArray, SearchResult, VectorIndex
from omega_agentdb.table import RowType
from omega_core import validate
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray

_log = logging.getLogger(__name__)

EXACT_BELOW = 2_048
"""Most candidates compared one by one. On 384 dimensions 2,048 take about as long in one pass as a
walk through the graph of 10,000."""
_TURN = 32
"""Vectors inserted in one turn of the lock: searches wait some 20 ms at most."""
_LEAST_DEAD = 256
"""Dead slots below which the graph is not built again by itself."""


class HnswIndex:
    """A VectorIndex over a navigable small-world graph. Docs of the methods: `VectorIndex`.

    Searches are exact where that is no slower: over at most `exact_below` candidates, and
    wherever the graph gives fewer results than there are. An add of many vectors lets searches
    through between its parts, which then see the parts that are in.

    hnswlib never frees a removed vector, and its repair of a reused slot leaves vectors that no
    search reaches. So a new graph is built beside the old one, some vectors at a time: by
    `compact`, and by each change while a third of all slots are dead. Until it takes the old
    one's place, both are kept up and the memory is held twice.

    Args:
        dimension: width of every vector.
        m: links a vector and layer, 2 to 128.
        ef_construction: candidates kept while building, 8 to 2,000.
        ef: candidates kept while searching, 1 to 2,000.
        exact_below: most candidates that are compared one by one.
        build_threads: threads of one bulk add, 1 to 64; more than 1 builds a graph that differs
            from run to run.
        row_type: how vectors are kept beside the graph, which holds them as float32.

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
        row_type: RowType = RowType.FLOAT16,
    ) -> None:
        self._recipe = Recipe(
            dimension=validate.integer("dimension", dimension, 1, 65_536),
            row_type=RowType(row_type),
            m=validate.integer("m", m, 2, 128),
            ef_construction=validate.integer("ef_construction", ef_construction, 8, 2_000),
            ef=validate.integer("ef", ef, 1, 2_000),
            build_threads=validate.integer("build_threads", build_threads, 1, 64),
        )
        self._exact_below = validate.integer("exact_below", exact_below, 0, 2**31 - 1)
        self._turn = _TURN * build_threads
        self._writer = threading.Lock()  # one writer; held over all turns of a long add
        self._lock = FairLock()  # a turn of the writer against searches
        self._graph = Graph(self._recipe)
        self._next: Graph | None = None  # what a compaction builds; seen by writers only
        self._uncopied: IdArray = np.empty(0, np.int64)

    @property
    def dimension(self) -> int:
        """Width of every vector."""
        return self._recipe.dimension

    @property
    def m(self) -> int:
        """Links a vector and layer."""
        return self._recipe.m

    @property
    def ef_construction(self) -> int:
        """Candidates kept while building."""
        return self._recipe.ef_construction

    @property
    def ef(self) -> int:
        """Candidates kept while searching."""
        return self._recipe.ef

    def use_ef(self, ef: int) -> None:
        """Keeps `ef` candidates (1 to 2,000) in searches from now on; the graph stays.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        recipe = self._recipe._replace(ef=validate.integer("ef", ef, 1, 2_000))
        with self._writer, self._lock.write():
            self._recipe = recipe
            for graph in filter(None, (self._graph, self._next)):
                graph.use(recipe)

    @property
    def row_type(self) -> RowType:
        """How vectors are kept beside the graph."""
        return self._recipe.row_type

    @property
    def dead(self) -> int:
        """Slots whose vector was removed or replaced and still takes up memory."""
        return self._graph.rows.dead

    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Adds or replaces."""
        batch = checks.batch(ids, vectors, self.dimension)
        with self._writer:
            with self._lock.write():
                self._graph.reserve(batch.ids.size)
            for start in range(0, batch.ids.size, self._turn):
                part = slice(start, start + self._turn)
                with self._lock.write():
                    # Again: a compaction may have put another graph in place meanwhile.
                    self._graph.reserve(batch.ids[part].size)
                    self._graph.insert(batch.ids[part], batch.vectors[part])
                if self._next is not None:
                    self._next.reserve(batch.ids[part].size)
                    self._next.insert(batch.ids[part], batch.vectors[part])
                if self._compaction_due():
                    self._compact_step()

    def remove(self, ids: IdArray) -> int:
        """Removes."""
        checked = checks.ids_of("ids", ids)
        with self._writer:
            slots = self._graph.rows.slots_of(checked)
            with self._lock.write():
                self._graph.remove(slots)
            if self._next is not None:
                self._next.remove(self._next.rows.slots_of(checked))
            if self._compaction_due():
                self._compact_step()
        return int(slots.size)

    def search(self, vector: FloatArray, k: int, allowed: IdArray | None = None) -> SearchResult:
        """Searches."""
        query = checks.query(vector, k, self.dimension)
        among = None if allowed is None else checks.ids_of("allowed", allowed)
        with self._lock.read():
            rows = self._graph.rows
            slots = None if among is None else rows.slots_of(among)
            candidates = len(rows) if slots is None else int(slots.size)
            if candidates > self._exact_below:
                found = self._graph.walk(query, min(k, candidates), slots)
                if found is not None:
                    return found
            return rows.nearest(query, k, slots)

    def ids(self) -> IdArray:
        """Every id, ascending."""
        with self._lock.read():
            return self._graph.rows.living()[0].copy()

    def vectors(self, ids: IdArray) -> FloatArray:
        """Vectors."""
        checked = checks.ids_of("ids", ids)
        with self._lock.read():
            return self._graph.rows.vectors_of(checked)

    def __len__(self) -> int:
        return len(self._graph.rows)

    def compact(self) -> bool:
        """Compacts: builds the new graph by 32 vectors more."""
        with self._writer:
            return not (self._graph.rows.dead or self._next) or self._compact_step()

    def export(self, graph: Path, rows: Path) -> tuple[int, int]:
        """Writes the graph and its slots to two files while searches go on.

        Returns:
            Number of slots, and the size in bytes that the graph's file must have: hnswlib does
            not notice a full disk.
        """
        with self._writer:
            return self._graph.export(graph, rows)

    def restore(self, graph: Path, rows: Path, slots: int) -> None:
        """Becomes what `export` wrote.

        Raises:
            ValueError: the files are not of one index.
            RuntimeError: hnswlib refuses the graph.
            OSError: the file system does.
        """
        restored = Graph.restored(self._recipe, graph, rows, slots)
        with self._writer, self._lock.write():
            self._graph, self._next = restored, None

    def _compaction_due(self) -> bool:
        rows = self._graph.rows
        return self._next is not None or (rows.dead >= _LEAST_DEAD and 2 * rows.dead >= len(rows))

    def _compact_step(self) -> bool:
        """Copies some living vectors into the new graph; True = it is in place."""
        rows = self._graph.rows
        if self._next is None:
            self._uncopied = rows.living()[0]
            self._next = Graph(self._recipe, self._uncopied.size)
        fresh = self._next
        # What was changed since the beginning is there already, or gone.
        waiting = self._uncopied[np.isin(self._uncopied, rows.living()[0], assume_unique=True)]
        waiting = waiting[~np.isin(waiting, fresh.rows.living()[0], assume_unique=True)]
        turn, self._uncopied = waiting[: self._turn], waiting[self._turn :]
        fresh.reserve(turn.size)
        fresh.insert(turn, rows.kept(rows.slots_in_order(turn)))
        if self._uncopied.size:
            return False
        with self._lock.write():
            self._graph, self._next = fresh, None
        return True


def open_index(
    dimension: int = DIMENSION, *, m: int = 32, ef_construction: int = 200, ef: int = 100
) -> VectorIndex:
    """An HnswIndex, or an ExactIndex with a warning in the log where hnswlib is missing."""
    try:
        return HnswIndex(dimension, m=m, ef_construction=ef_construction, ef=ef)
    except ImportError:
        _log.warning("hnswlib is not installed: every search compares with every vector")
        return ExactIndex(dimension, row_type=RowType.FLOAT16)
