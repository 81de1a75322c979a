"""Copies of a database: one file each, checked before they count."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from omega_persistence import files, keys, recovery
from omega_persistence.failures import DamagedError, is_environment, unavailable


def begin_snapshot(path: Path) -> sqlite3.Connection:
    """A connection that goes on reading the database as it is now; the caller closes it."""
    source = recovery.connect(path)
    try:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        source.close()
        raise
    return source


def write(source: sqlite3.Connection, target: Path, taken: str, writes: int) -> None:
    """Puts a checked copy of what `source` reads at `target`, at once.

    Args:
        source: as `begin_snapshot` gave it.
        target: replaced when the copy is whole and durable; left as it is otherwise.
        taken: the instant that the copy shows.
        writes: transactions that it holds, by the mark.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE: what was read is damaged.
        OSError, sqlite3.Error: the machine fails.
    """
    temporary = files.temporary(target)
    try:
        files.discard(temporary)
        files.make_private(temporary)
        with closing(recovery.connect(temporary)) as copy:
            source.backup(copy)
            # A backup is one file: no log may be missing from it.
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute(keys.SET, (keys.BACKUP_TAKEN_AT, taken))
            copy.execute(keys.SET, (keys.BACKUP_WRITES, str(writes)))
            try:
                recovery.require_whole(copy)
            except DamagedError as error:
                raise unavailable(f"backup: {error}") from error
        files.install(temporary, target)
    except BaseException:
        files.discard(temporary)
        raise


def is_whole(backup: Path) -> bool:
    """Reads a copy of the newest schema through and says whether it is whole.

    Raises:
        sqlite3.Error: the machine fails.
    """
    if not backup.exists():
        return False
    try:
        with closing(recovery.connect(backup, read_only=True)) as copy:
            recovery.require_whole(copy)
    except DamagedError:
        return False
    except sqlite3.Error as error:
        if is_environment(error):
            raise
        return False
    return True


def rewritten(connection: sqlite3.Connection, path: Path) -> Path:
    """Writes the database anew beside its file: what was deleted is in none of its pages.

    The new file can give pages back to the file system, whether or not the old one could.

    Returns:
        The new file, whole but not in its place.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE: what was read is damaged.
        OSError, sqlite3.Error: the machine fails; nothing is left behind.
    """
    temporary = files.temporary(path)
    try:
        files.discard(temporary)
        files.make_private(temporary)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM INTO ?", (str(temporary),))
        with closing(recovery.connect(temporary)) as copy:
            try:
                recovery.require_whole(copy)
            except DamagedError as error:
                raise unavailable(f"rewriting: {error}") from error
    except BaseException:
        files.discard(temporary)
        raise
    return temporary


def free_pages(path: Path) -> int:
    """Pages of a database, open or not, that hold no row.

    Raises:
        sqlite3.Error: the machine fails.
    """
    with closing(recovery.connect(path, read_only=True)) as connection:
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])
