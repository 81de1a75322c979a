"""Database files: durable renames and copies, moving damage aside."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database."""
_KEPT_DAMAGED = 2
"""Damaged databases kept for inspection: a TV's disk is small."""


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


def copy(source: Path, target: Path) -> None:
    """Puts a durable copy of mode 0600 at `target`, at once."""
    temporary = target.with_name(target.name + ".new")
    discard(temporary)
    make_private(temporary)
    shutil.copyfile(source, temporary)
    install(temporary, target)


def set_aside(database: Path, now: datetime) -> str:
    """Moves a damaged database with its side files out of the way.

    Returns:
        Its new name; empty when there was nothing to move.
    """
    stamp = f".damaged-{now:%Y%m%dT%H%M%S}.{now.microsecond:06d}Z"
    aside = database.with_name(database.name + stamp)
    found = [suffix for suffix in ("", *SIDE_FILES) if side_file(database, suffix).exists()]
    for suffix in found:
        side_file(database, suffix).replace(side_file(aside, suffix))
    sync(database.parent)
    _prune(database)
    return aside.name if found else ""


def _prune(database: Path) -> None:
    damaged = sorted(
        path
        for path in database.parent.glob(f"{database.name}.damaged-*Z*")
        if not path.name.endswith(SIDE_FILES)
    )
    for path in damaged[:-_KEPT_DAMAGED]:
        discard(path)
