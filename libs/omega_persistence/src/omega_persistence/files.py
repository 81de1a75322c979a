"""Database files: durable renames and copies, moving damage aside."""

from __future__ import annotations

import glob
import os
import shutil
from datetime import datetime
from pathlib import Path

SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database."""
_REASONS = ("damaged", "replaced")
_KEPT_ASIDE = 2
"""Databases set aside that are kept for inspection: a TV's disk is small."""


def side_file(database: Path, suffix: str) -> Path:
    """The file that SQLite keeps beside `database`."""
    return database.with_name(database.name + suffix)


def sync(path: Path) -> None:
    """Forces a file or directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private(path: Path) -> None:
    """Makes an empty file of mode 0600 when absent; SQLite gives its side files the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)


def install(temporary: Path, target: Path) -> None:
    """Puts a finished file in its place, durably and at once."""
    sync(temporary)
    temporary.replace(target)
    sync(target.parent)


def discard(database: Path) -> None:
    """Removes a database and what SQLite may have put beside it."""
    for suffix in ("", *SIDE_FILES):
        side_file(database, suffix).unlink(missing_ok=True)


def temporary(target: Path) -> Path:
    """Where a file is made that is then installed at `target`."""
    return target.with_name(target.name + ".new")


def copy(source: Path, target: Path) -> None:
    """Puts a durable copy of mode 0600 at `target`, at once."""
    unfinished = temporary(target)
    discard(unfinished)
    make_private(unfinished)
    shutil.copyfile(source, unfinished)
    install(unfinished, target)


def set_aside(database: Path, now: datetime, why: str = "damaged") -> str:
    """Moves a database with its side files out of the way.

    Args:
        database: the file.
        now: part of the new name.
        why: "damaged" or "replaced", a part too.

    Returns:
        Its new name; empty when there was nothing to move.
    """
    stamp = f".{why}-{now:%Y%m%dT%H%M%S}.{now.microsecond:06d}Z"
    aside = database.with_name(database.name + stamp)
    found = [suffix for suffix in ("", *SIDE_FILES) if side_file(database, suffix).exists()]
    for suffix in found:
        side_file(database, suffix).replace(side_file(aside, suffix))
    sync(database.parent)
    _prune(database)
    return aside.name if found else ""


def kept_aside(database: Path) -> list[Path]:
    """Databases that were set aside, oldest first, without their side files."""
    found = [
        path
        for why in _REASONS
        for path in database.parent.glob(f"{glob.escape(database.name)}.{why}-*Z*")
        if not path.name.endswith(SIDE_FILES)
    ]
    return sorted(found, key=lambda path: path.name.rpartition("-")[2])


def copies(database: Path, backup: Path) -> list[Path]:
    """Every file, by name, that holds rows of a database or did and is not the database itself."""
    stems = [*kept_aside(database), backup, temporary(backup), temporary(database)]
    beside = [side_file(stem, suffix) for stem in stems for suffix in ("", *SIDE_FILES)]
    orphans = [
        path
        for why in _REASONS
        for path in database.parent.glob(f"{glob.escape(database.name)}.{why}-*")
    ]
    return sorted({path for path in (*beside, *orphans) if path.exists()})


def _prune(database: Path) -> None:
    for path in kept_aside(database)[:-_KEPT_ASIDE]:
        discard(path)
