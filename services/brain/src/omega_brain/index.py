"""The vector index of the catalogue: a cache on disk that follows the database by revision."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omega_agentdb.exact import ExactIndex
from omega_agentdb.hnsw import EXACT_BELOW, HnswIndex
from omega_agentdb.port import IdArray, VectorIndex
from omega_agentdb.snapshot import load_snapshot, save_snapshot
from omega_brain.config import BrainConfig
from omega_brain.stepwise import Progress
from omega_brain.stores import Stores
from omega_core.errors import OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit
from omega_meta_sona import Probe, SearchProbe

_log = logging.getLogger(__name__)
_PROBES = 32
"""Titles of the index as queries of a probe."""
_NEIGHBOURS = 50
"""Neighbours that a probe asks for."""
_SAME = 1 - 1e-6
"""Least cosine of a vector with itself, packed twice in float16."""


class CatalogueIndex:
    """Keeps the index of all titles in step with the table of titles."""

    def __init__(self, stores: Stores, config: BrainConfig, model_version: str) -> None:
        self._stores = stores
        self._directory: Path = config.storage_path / "index"
        self._model_version = model_version
        found = load_snapshot(
            self._directory,
            lineage=stores.database.lineage,
            current_rev=stores.contents.current_rev(),
            model_version=model_version,
            dimension=DIMENSION,
            m=config.hnsw_m,
            ef_construction=config.hnsw_ef_construction,
            ef=config.hnsw_ef,
        )
        self._configured_ef = config.hnsw_ef
        self._applied = found.applied_rev if found else 0
        self._saved = self._state()
        self.vectors: VectorIndex = found.index if found else _new(config)
        self.in_step = True
        """False: it could not take up every title."""
        self.follow()
        try:
            self.save()
        except OmegaError as error:
            _log.warning("the index is not saved: %s", error)

    def follow(self) -> None:
        """Takes in every title that changed since the last call."""
        while rows := self._stores.contents.changed_since(self._applied):
            ids = np.array([row.rowid for row in rows], np.int64)
            vectors = unit(np.array([row.embedding for row in rows], np.float32))
            moved = ~_held(self.vectors, ids, vectors)
            if moved.any():
                self.vectors.add(ids[moved], vectors[moved])
            self._applied = rows[-1].rev
        self.in_step = True

    def compact(self) -> Progress:
        """Lets vectors of titles that changed really go, some at a time."""
        if not isinstance(self.vectors, HnswIndex):
            return Progress()
        before = self.vectors.dead
        finished = self.vectors.compact()
        return Progress(max(before - self.vectors.dead, 0), finished)

    def tune(self, ef: int | None) -> None:
        """Looks at `ef` candidates in each search; None = as configured."""
        if isinstance(self.vectors, HnswIndex):
            self.vectors.use_ef(ef or self._configured_ef)

    def probe(self) -> SearchProbe | None:
        """What measures a breadth of search on this index; None where searches are exact."""
        index = self.vectors
        if not isinstance(index, HnswIndex) or len(index) <= EXACT_BELOW:
            return None
        ids = index.ids()
        chosen = ids[np.linspace(0, len(ids) - 1, _PROBES).astype(np.int64)]
        queries = index.vectors(chosen)
        exact = ExactIndex(DIMENSION)
        exact.add(ids, index.vectors(ids))
        true = [set(exact.search(query, _NEIGHBOURS).ids.tolist()) for query in queries]

        def measure(ef: int) -> Probe:
            before = index.ef
            index.use_ef(ef)
            try:
                found, took = [], []
                for query in queries:
                    begun = time.perf_counter()
                    result = index.search(query, _NEIGHBOURS)
                    took.append(time.perf_counter() - begun)
                    found.append(set(result.ids.tolist()))
            finally:
                index.use_ef(before)
            hits = [len(f & t) / len(t) for f, t in zip(found, true, strict=True)]
            return Probe(recall=float(np.mean(hits)), seconds=float(np.median(took)))

        return measure

    def save(self) -> None:
        """Writes a snapshot when something changed since the last one.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        if self._saved == self._state():
            return
        save_snapshot(
            self.vectors,
            self._directory,
            applied_rev=self._applied,
            lineage=self._stores.database.lineage,
            model_version=self._model_version,
        )
        self._saved = self._state()

    def _state(self) -> tuple[int, str]:
        """What a snapshot would be of: an erasure begins a new lineage of the same titles."""
        return self._applied, self._stores.database.lineage


def _new(config: BrainConfig) -> VectorIndex:
    try:
        return HnswIndex(
            DIMENSION,
            m=config.hnsw_m,
            ef_construction=config.hnsw_ef_construction,
            ef=config.hnsw_ef,
        )
    except ImportError:
        return ExactIndex(DIMENSION)


def _held(index: VectorIndex, ids: IdArray, vectors: FloatArray) -> NDArray[np.bool_]:
    """Which of distinct ids (n,) the index holds with these unit vectors (n, 384) already.

    A title changes in more than its text: an added vector would leave a dead one behind, and a
    catalogue of the fleet that gives every title its ordinal would build the whole graph again.
    """
    held = np.zeros(ids.size, np.bool_)
    if isinstance(index, HnswIndex) and len(index):
        order = np.argsort(ids)
        known = order[np.isin(ids[order], index.ids())]
        cosines = np.einsum("ij,ij->i", index.vectors(ids[known]), vectors[known])
        held[known] = cosines >= _SAME
    return held
