"""Snapshots of an index: a rebuildable cache on disk that is either intact or refused."""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import logging
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omega_agentdb.hnsw import EXACT_BELOW, HnswIndex
from omega_agentdb.manifest import Manifest, Recipe
from omega_agentdb.port import VectorIndex
from omega_agentdb.table import RowType
from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import DIMENSION

_log = logging.getLogger(__name__)

_KEPT = 2
"""Generations kept: the newest and the one before."""


@dataclass(frozen=True)
class Snapshot:
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
    if not isinstance(index, HnswIndex):
        return False
    recipe = _recipe(index, model_version, lineage)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        generation = max(_generations(directory), default=0) + 1
        try:
            _write(index, directory, generation, recipe, applied_rev)
        except BaseException:
            _remove(directory, generation)
            raise
        _prune(directory)
    except (OSError, RuntimeError) as error:  # hnswlib raises RuntimeError
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        code = ErrorCode.STORAGE_FULL if full else ErrorCode.STORAGE_UNAVAILABLE
        raise OmegaError(code, detail=f"index snapshot: {error}") from error
    return True


def load_snapshot(
    directory: Path,
    *,
    lineage: str,
    model_version: str,
    current_rev: int,
    dimension: int = DIMENSION,
    m: int = 32,
    ef_construction: int = 200,
    ef: int = 100,
    exact_below: int = EXACT_BELOW,
    row_type: RowType = RowType.FLOAT16,
) -> Snapshot | None:
    """The newest intact snapshot of exactly this recipe, or None: rebuild from the table.

    Every refusal is logged with its reason. Nothing is read into hnswlib before its SHA-256 was
    verified.

    Args:
        directory: where `save_snapshot` put it.
        lineage: `omega_persistence.Database.lineage`.
        model_version: encoder of the vectors.
        current_rev: the table's last change: a snapshot that is ahead of it is refused.
        dimension: as of `HnswIndex`, like the rest.
        m: links a vector and layer.
        ef_construction: candidates kept while building.
        ef: candidates kept while searching; may differ from the saved index's.
        exact_below: most candidates that are compared one by one; may differ too.
        row_type: how vectors are kept beside the graph.
    """
    for generation in sorted(_generations(directory), reverse=True):
        try:
            index = HnswIndex(
                dimension,
                m=m,
                ef_construction=ef_construction,
                ef=ef,
                exact_below=exact_below,
                row_type=row_type,
            )
            recipe = _recipe(index, model_version, lineage)
            return Snapshot(index, _read(index, directory, generation, recipe, current_rev))
        except (OSError, RuntimeError, ValueError) as error:
            _log.warning("index snapshot %d is not used: %s", generation, error)
        except ImportError:
            _log.warning("index snapshots are not used: hnswlib is not installed")
            break
    return None


def _recipe(index: HnswIndex, model: str, lineage: str) -> Recipe:
    return Recipe(
        library=f"hnswlib {importlib.metadata.version('hnswlib')}",
        platform=f"{sys.byteorder} {8 * struct.calcsize('P')}",
        space="ip",
        dimension=index.dimension,
        m=index.m,
        ef_construction=index.ef_construction,
        row_type=index.row_type.value,
        model_version=model,
        lineage=lineage,
    )


def _write(
    index: HnswIndex, directory: Path, generation: int, recipe: Recipe, applied_rev: int
) -> None:
    graph, rows = _graph(directory, generation), _rows(directory, generation)
    slots, size = index.export(graph, rows)
    for path in (graph, rows):
        _sync(path)
    if graph.stat().st_size != size:
        raise OSError(errno.ENOSPC, f"{graph.name} was cut short")
    manifest = Manifest(
        recipe=recipe,
        slots=slots,
        applied_rev=applied_rev,
        graph_sha256=_sha256(graph),
        rows_sha256=_sha256(rows),
    )
    path = _manifest(directory, generation)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(manifest.to_json())
    _sync(temporary)
    temporary.replace(path)
    _sync(directory)


def _read(
    index: HnswIndex, directory: Path, generation: int, recipe: Recipe, current_rev: int
) -> int:
    manifest = Manifest.from_json(_manifest(directory, generation).read_bytes())
    manifest.recipe.require(recipe)
    if manifest.applied_rev > current_rev:
        raise ValueError(f"it holds change {manifest.applied_rev}, the table only {current_rev}")
    graph, rows = _graph(directory, generation), _rows(directory, generation)
    for path, expected in ((graph, manifest.graph_sha256), (rows, manifest.rows_sha256)):
        if _sha256(path) != expected:
            raise ValueError(f"the SHA-256 of {path.name} differs")
    index.restore(graph, rows, manifest.slots)
    return manifest.applied_rev


def _prune(directory: Path) -> None:
    generations = sorted(_generations(directory), reverse=True)
    kept = {
        path.name for generation in generations[:_KEPT] for path in _files(directory, generation)
    }
    for path in _ours(directory):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def _remove(directory: Path, generation: int) -> None:
    for path in _files(directory, generation):
        path.unlink(missing_ok=True)
        path.with_suffix(".tmp").unlink(missing_ok=True)


def _generations(directory: Path) -> list[int]:
    return [
        int(stem)
        for path in directory.glob("manifest-*.json")
        if (stem := path.stem.removeprefix("manifest-")).isdecimal()
    ]


def _ours(directory: Path) -> Iterator[Path]:
    for pattern in ("manifest-*.json", "manifest-*.tmp", "graph-*.bin", "rows-*.bin"):
        yield from directory.glob(pattern)


def _files(directory: Path, generation: int) -> tuple[Path, Path, Path]:
    return (
        _manifest(directory, generation),
        _graph(directory, generation),
        _rows(directory, generation),
    )


def _manifest(directory: Path, generation: int) -> Path:
    return directory / f"manifest-{generation:08d}.json"


def _graph(directory: Path, generation: int) -> Path:
    return directory / f"graph-{generation:08d}.bin"


def _rows(directory: Path, generation: int) -> Path:
    return directory / f"rows-{generation:08d}.bin"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
