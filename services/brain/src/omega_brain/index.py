"""The vector index of the catalogue: a cache on disk that follows the database by revision."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omega_agentdb.exact import ExactIndex
from omega_agentdb.hnsw import HnswIndex
from omega_agentdb.port import IdArray, VectorIndex
from omega_agentdb.snapshot import load_snapshot, save_snapshot
from omega_brain.config import BrainConfig
from omega_brain.stores import Stores
from omega_core.errors import OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit

_log = logging.getLogger(__name__)
_SAME = 1 - 1e-6
"""Least cosine of a vector with itself, packed twice in float16."""


class CatalogueIndex:
    """Keeps the index of all titles in step with the table of titles."""

    def __init__(self, stores: Stores, config: BrainConfig, model_version: str) -> None:
        self._stores = stores
        self._directory: Path = config.storage_path / "index"
        self._model_version = model_version
        recipe = {
            "m": config.hnsw_m,
            "ef_construction": config.hnsw_ef_construction,
            "ef": config.hnsw_ef,
        }
        found = load_snapshot(
            self._directory,
            lineage=stores.database.lineage,
            current_rev=stores.contents.current_rev(),
            model_version=model_version,
            dimension=DIMENSION,
            **recipe,
        )
        self._applied = found.applied_rev if found else 0
        self._saved = self._applied
        self.vectors: VectorIndex = found.index if found else _new(recipe)
        self.follow()
        self.save()

    def follow(self) -> None:
        """Takes in every title that changed since the last call."""
        while rows := self._stores.contents.changed_since(self._applied):
            ids = np.array([row.rowid for row in rows], np.int64)
            vectors = unit(np.array([row.embedding for row in rows], np.float32))
            moved = ~_held(self.vectors, ids, vectors)
            if moved.any():
                self.vectors.add(ids[moved], vectors[moved])
            self._applied = rows[-1].rev

    def save(self) -> None:
        """Writes a snapshot when something changed since the last one.

        A disk that refuses it costs the next start some seconds, no more.
        """
        if self._saved == self._applied:
            return
        try:
            save_snapshot(
                self.vectors,
                self._directory,
                applied_rev=self._applied,
                lineage=self._stores.database.lineage,
                model_version=self._model_version,
            )
        except OmegaError as error:
            _log.warning("the index is not saved: %s", error)
        else:
            self._saved = self._applied


def _new(recipe: dict[str, int]) -> VectorIndex:
    try:
        return HnswIndex(DIMENSION, **recipe)
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
