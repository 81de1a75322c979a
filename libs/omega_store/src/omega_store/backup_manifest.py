"""What a backup says of itself, as a file beside its dump, and whether the dump is as it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from omega_core.errors import OmegaError, invalid

DUMP, MANIFEST = "shard.dump", "manifest.json"
"""Files of a backup."""
FORM = 1
"""Of the backups that are made here."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds."""

    form: int
    """Of the backup; 1."""
    made_at: str
    """Instant after which nothing is in it, ISO 8601."""
    release: str
    """Of the program that made it."""
    postgres: int
    """Release of the server that it was taken from."""
    tools: int
    """Release of the pg_dump that wrote it; pg_restore must be as new."""
    dialect: str
    """Extension of its vectors."""
    schema: dict[str, str]
    """Name -> SHA-256 of each migration that it has seen."""
    counts: dict[str, int]
    """Table -> rows, at that instant."""
    state_version: int
    """Newest version of the collective state; 0 = none."""
    dump_bytes: int
    """Size of the dump."""
    dump_sha256: str
    """Of the dump, hexadecimal."""


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_table(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(of, value.values()))


_FITS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "int": (_is_number, "a whole number"),
    "str": (_is_text, "a text"),
    "dict[str, str]": (_is_table(_is_text), "an object of texts"),
    "dict[str, int]": (_is_table(_is_number), "an object of whole numbers"),
}


def write(folder: Path, manifest: Manifest) -> Path:
    """Writes a manifest that nobody else may read; its file, which is not yet on disk."""
    path = folder / MANIFEST
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(manifest), indent=1) + "\n", "utf-8")
    return path


def read_manifest(folder: Path) -> Manifest:
    """What a backup says of itself; the dump is not looked at.

    Raises:
        OmegaError: INVALID_FIELD `the backup` when it says nothing, is of another form, or a field
            is missing, unknown or of another kind; the text names the field.
    """
    try:
        told: Any = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unfit(f"a folder with {MANIFEST} and {DUMP}: {error}") from error
    if not isinstance(told, dict):
        raise _unfit(f"one whose {MANIFEST} is an object")
    if told.get("form") != FORM:
        raise _unfit(f"of form {FORM}; it is of {told.get('form')}")
    known = {field.name: str(field.type) for field in fields(Manifest)}
    if unknown := sorted(told.keys() - known.keys()):
        raise _unfit(f"of fields that are known here; {MANIFEST} has {unknown[0]}")
    for name, kind in known.items():
        fits, bound = _FITS[kind]
        if not fits(told.get(name)):
            raise _unfit(f"one whose {MANIFEST} has {bound} as {name}")
    return Manifest(**told)


def verify(folder: Path) -> Manifest:
    """Holds a backup's dump to its manifest: size and SHA-256.

    Raises:
        OmegaError: INVALID_FIELD `the backup` as read_manifest, or when the dump is missing or not
            what the manifest says.
    """
    manifest = read_manifest(folder)
    try:
        found = digest(folder / DUMP)
    except OSError as error:
        raise _unfit(f"a folder with {MANIFEST} and {DUMP}: {error}") from error
    if found != (manifest.dump_bytes, manifest.dump_sha256):
        raise _unfit(f"whole: {DUMP} is not what {MANIFEST} says")
    return manifest


def digest(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), found


def _unfit(bound: str) -> OmegaError:
    return invalid("the backup", bound)
