"""The vector index of the catalogue: a cache on disk that follows the database by revision."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from omega_agentdb.exact import ExactIndex
from omega_agentdb.hnsw import HnswIndex
from omega_agentdb.port import VectorIndex
from omega_agentdb.snapshot import load_snapshot, save_snapshot
from omega_brain.config import BrainConfig
from omega_brain.stores import Stores
from omega_core.errors import OmegaError
from omega_core.limits import DIMENSION

_log = logging.getLogger(__name__)


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
            self.vectors.add(
                np.array([row.rowid for row in rows], np.int64),
                np.array([row.embedding for row in rows], np.float32),
            )
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
