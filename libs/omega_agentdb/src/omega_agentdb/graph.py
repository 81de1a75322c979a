"""hnswlib's graph together with the rows that its labels stand for."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from omega_agentdb.port import IdArray, SearchResult
from omega_agentdb.rows import DEAD, Rows, top
from omega_agentdb.table import RowType
from omega_core.vectors import FloatArray

_SEED = 384
"""Seed of the graph's levels: equal input gives an equal graph."""


def hnswlib_module() -> ModuleType:
    """The hnswlib module, imported on first use so that everything else runs without it.

    Raises:
        ImportError: it is not installed.
    """
    import hnswlib  # noqa: PLC0415 - see above

    module: ModuleType = hnswlib
    return module


class Recipe(NamedTuple):
    """How a graph is made."""

    dimension: int
    """Width of every vector."""
    row_type: RowType
    """How rows are kept."""
    m: int
    """Links a vector and layer."""
    ef_construction: int
    """Candidates kept while building."""
    ef: int
    """Candidates kept while searching."""
    build_threads: int
    """Threads of one add."""


class Graph:
    """A graph that must be told of each slot once. Not safe for threads by itself."""

    def __init__(self, recipe: Recipe, capacity: int = 0) -> None:
        self._recipe = recipe
        self.rows = Rows(recipe.dimension, recipe.row_type, capacity)
        self._links = self._new(self.rows.capacity)

    def use(self, recipe: Recipe) -> None:
        """Searches by another recipe, which differs in ef alone."""
        self._recipe = recipe
        self._tuned(self._links)

    def reserve(self, extra: int) -> None:
        """Makes room for `extra` more vectors."""
        capacity = self.rows.reserve(extra)
        if capacity > self._links.get_max_elements():
            self._links.resize_index(capacity)

    def insert(self, ids: IdArray, vectors: FloatArray) -> None:
        """Adds or replaces distinct ids (n,) with unit vectors (n, d). Room is reserved."""
        if not ids.size:
            return
        first = self.rows.used
        labels = np.arange(first, first + ids.size)
        # As the rows keep them: a walk and a comparison must give the same cosines.
        stored = self.rows.stored(vectors)
        self._links.add_items(stored, labels, num_threads=self._recipe.build_threads)
        self._bury(self.rows.append(ids, vectors))

    def remove(self, slots: IdArray) -> None:
        """Removes living slots (n,)."""
        self._bury(slots)
        self.rows.kill(slots)

    def walk(self, query: FloatArray, k: int, slots: IdArray | None) -> SearchResult | None:
        """The k nearest that a walk finds, among slots (n,) if given; None = fewer than k."""
        accept = None
        if slots is not None:
            mask = np.zeros(self.rows.capacity, np.uint8)
            mask[slots] = 1
            accept = mask.tobytes().__getitem__
        try:
            labels, distances = self._links.knn_query(
                query[np.newaxis], k=k, num_threads=1, filter=accept
            )
        except RuntimeError:
            # hnswlib's answer when it reaches fewer than k, such as after many removals.
            return None
        ids = self.rows.ids[labels[0].astype(np.int64)]
        if (ids == DEAD).any():
            return None
        return top(ids, np.asarray(1.0 - distances[0], np.float32), k)

    def export(self, links: Path, rows: Path) -> tuple[int, int]:
        """Writes the graph and its rows to two files.

        Returns:
            Number of slots, and the size in bytes that the graph's file must have: hnswlib does
            not notice a full disk.
        """
        self._links.save_index(str(links))
        with rows.open("wb") as out:
            self.rows.write(out)
        return self.rows.used, int(self._links.index_file_size())

    @classmethod
    def restored(cls, recipe: Recipe, links: Path, rows: Path, slots: int) -> Graph:
        """What `export` wrote, read straight into place.

        Raises:
            ValueError: the files are not of one graph.
            RuntimeError: hnswlib refuses its file.
            OSError: the file system does.
        """
        graph = cls(recipe)
        graph.rows = Rows(recipe.dimension, recipe.row_type, slots)
        with rows.open("rb") as file:
            graph.rows.read(slots, file)
        loaded = hnswlib_module().Index(space="ip", dim=recipe.dimension)
        loaded.load_index(str(links), max_elements=graph.rows.capacity)
        if loaded.get_current_count() != slots:
            raise ValueError(f"{links.name} does not hold {slots} slots")
        graph._links = graph._tuned(loaded)
        return graph

    def _bury(self, slots: IdArray) -> None:
        for slot in slots.tolist():
            self._links.mark_deleted(slot)

    def _new(self, capacity: int) -> Any:
        links = hnswlib_module().Index(space="ip", dim=self._recipe.dimension)
        links.init_index(
            max_elements=capacity,
            M=self._recipe.m,
            ef_construction=self._recipe.ef_construction,
            random_seed=_SEED,
        )
        return self._tuned(links)

    def _tuned(self, links: Any) -> Any:
        links.set_ef(self._recipe.ef)
        links.set_num_threads(1)
        return links
