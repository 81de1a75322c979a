"""Snapshots of an index: a rebuildable cache on disk that is either intact or refused."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from omega_agentdb.hnsw import HnswIndex
from omega_agentdb.port import VectorIndex


class Snapshot(NamedTuple):
    """A loaded snapshot."""

    index: HnswIndex
    """The index as it was saved."""
    applied_rev: int
    """Last change of the table that it holds."""


def save_snapshot(
    index: VectorIndex, directory: Path, *, applied_rev: int, lineage: str, model_version: str
) -> bool:
    """Writes a new generation: files, fsync, manifest by rename, fsync of the directory.

    Searches go on meanwhile. One earlier generation stays.

    Args:
        index: what to save; an ExactIndex needs no snapshot and is passed over.
        directory: made with mode 0700 when absent.
        applied_rev: last change of the table that the index holds.
        lineage: `omega_persistence.Database.lineage`.
        model_version: encoder of the vectors.

    Returns:
        Whether a snapshot was written.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; earlier generations are untouched.
    """
    raise NotImplementedError


def load_snapshot(
    directory: Path,
    *,
    lineage: str,
    model_version: str,
    dimension: int,
    m: int = 32,
    ef_construction: int = 200,
    ef: int = 100,
) -> Snapshot | None:
    """The newest intact snapshot of exactly this recipe, or None: rebuild from the table.

    Every refusal is logged with its reason. Nothing is read into hnswlib before its SHA-256 was
    verified.
    """
    raise NotImplementedError
