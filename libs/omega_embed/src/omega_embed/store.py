"""The installed model on disk: where it lies, its manifest, and how it gets there whole.

A model is one directory, `CACHE/models/MODEL_VERSION`, that appears by a rename or not at all.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omega_core.errors import ErrorCode, OmegaError

MODEL_FILE = "model.onnx"
"""The quantised graph, from embedded words on."""
WORDS_FILE = "words.bin"
"""The embeddings of the vocabulary, see omega_embed.words."""
VOCABULARY_FILE = "vocabulary.txt"
"""The tokenizer's pieces, see omega_embed.wordpiece."""
FILES = (MODEL_FILE, WORDS_FILE, VOCABULARY_FILE)
"""What an install is made of, beside its manifest."""
MANIFEST_FILE = "manifest.json"
"""Manifest as JSON."""


@dataclass(frozen=True)
class FileRecord:
    """What a file must be."""

    sha256: str
    """64 hexadecimal digits."""
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Fidelity:
    """How close a converted model comes to its float32 weights."""

    sentences: int
    """Sentences compared."""
    mean_cosine: float
    """Mean over them, -1 to 1."""
    min_cosine: float
    """The worst of them, -1 to 1."""


@dataclass(frozen=True)
class Manifest:
    """What was installed, from what, and how good it is."""

    model_version: str
    """Name of the recipe."""
    source: Mapping[str, str]
    """Requirement and SHA-256 of the weights it was made from, and the versions of the tools."""
    files: Mapping[str, FileRecord]
    """Name -> what the file must be, for each file beside the manifest."""
    fidelity: Fidelity
    """Its figures."""


def default_cache_dir() -> Path:
    """OMEGA_CACHE_DIR, else omega-tv in the user's cache directory (XDG Base Directory 0.8)."""
    if given := os.environ.get("OMEGA_CACHE_DIR"):
        return Path(given)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "omega-tv"


def model_dir(cache_dir: Path, model_version: str) -> Path:
    """Where a model version lies in a cache directory."""
    return cache_dir / "models" / model_version


def is_installed(directory: Path) -> bool:
    """Whether an install is there, sound or not."""
    return directory.exists()


def damaged(detail: str) -> OmegaError:
    """The error for an install that cannot be trusted."""
    return OmegaError(ErrorCode.MODEL_UNAVAILABLE, bound="damaged", detail=detail)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record(path: Path) -> FileRecord:
    """What a file is now."""
    return FileRecord(sha256_of(path), path.stat().st_size)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Writes the manifest of a directory."""
    text = json.dumps(dataclasses.asdict(manifest), indent=2)
    (directory / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")


def read_manifest(directory: Path) -> Manifest:
    """Reads the manifest of a directory.

    Raises:
        OmegaError: MODEL_UNAVAILABLE when it is missing or has another form.
    """
    path = directory / MANIFEST_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(
            model_version=str(data["model_version"]),
            source={str(k): str(v) for k, v in data["source"].items()},
            files={
                str(name): FileRecord(str(f["sha256"]), int(f["size"]))
                for name, f in data["files"].items()
            },
            fidelity=Fidelity(
                int(data["fidelity"]["sentences"]),
                float(data["fidelity"]["mean_cosine"]),
                float(data["fidelity"]["min_cosine"]),
            ),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise damaged(f"{path}: {e!r}") from e


def verify(directory: Path) -> Manifest:
    """Holds an install to its manifest, file by file.

    Raises:
        OmegaError: MODEL_UNAVAILABLE when anything is missing or differs.
    """
    manifest = read_manifest(directory)
    if manifest.model_version != directory.name:
        raise damaged(f"{directory} holds {manifest.model_version}")
    if set(manifest.files) != set(FILES):
        raise OmegaError(
            ErrorCode.MODEL_UNAVAILABLE,
            bound="installed in another form than this release reads",
            detail=str(directory),
        )
    for name in FILES:
        path = directory / name
        try:
            found = record(path)
        except OSError as e:
            raise damaged(f"{path}: {e}") from e
        if found != manifest.files.get(name):
            raise damaged(f"{path} is not the file of its manifest")
    return manifest


def publish(staged: Path, final: Path, aside: Path) -> None:
    """Puts a finished directory in its place, durably.

    Args:
        staged: the directory, on the file system of `final`.
        final: its place; what stands there now is replaced.
        aside: a free name on the same file system, for what is replaced.
    """
    for path in [*staged.iterdir(), staged]:
        _sync(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        final.rename(aside)
    staged.rename(final)
    _sync(final.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
