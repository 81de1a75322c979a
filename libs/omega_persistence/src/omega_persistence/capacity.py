"""Keeps the storage directory below a size: what is worth least goes first, a few rows at a time.

What goes, in this order, and the oldest of it first:

1. databases that a repair or a restore set aside;
2. reports of loops;
3. moments of viewings;
4. lists that were served;
5. memories, the weakest first;
6. bodies that can be fetched again: unfinished ones, then the largest;
7. single viewings, folded into the records of their titles, which keep what ranking needs;
8. records of titles: those that never succeeded, and only then the others.

Titles, the fleet's patterns, taste patterns, settings, profiles and drawn noise never go.
"""

from __future__ import annotations

import logging
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import files
from omega_persistence.database import Database
from omega_persistence.failures import storage_errors
from omega_persistence.title_records import TitleRecords

_log = logging.getLogger(__name__)
_TURN = 100
"""Most rows or pages that go in one transaction: others wait for its end."""
_PAGES = 1_000
"""Most pages that a call gives back to the file system."""
_KEPT_TWICE = 2
"""Each page of the database stands in its backup once more."""


@dataclass(frozen=True)
class _Kind:
    """Rows of one table and the order in which they go."""

    table: str
    key: str
    order: str
    turn: int = _TURN


_BEFORE_EVENTS = (
    _Kind("loop_reports", "seq", "seq"),
    _Kind("interactions", "seq", "recorded_at, seq"),
    _Kind("recommendations", "seq", "seq"),
    _Kind("memories", "memory_rowid", "strength, accessed_at, memory_rowid"),
    _Kind("resource_transfers", "kind", "received DESC", turn=1),
    _Kind("resources", "kind", "size_bytes DESC", turn=1),
)
_AFTER_EVENTS = _Kind(
    "title_records", "profile_id, content_rowid", "successes > 0, last_at, content_rowid"
)


@dataclass(frozen=True)
class Freed:
    """What one call did."""

    rows: Mapping[str, int]
    """Rows that went, by table; of events, those that were folded."""
    files: tuple[str, ...]
    """Names of the files that went."""
    bytes_before: int
    """What the directory took, as `storage_bytes` counts."""
    bytes_after: int
    """What it takes now."""
    within: bool
    """Whether that is within the cap."""
    more: bool
    """Whether another call would free more."""


def storage_bytes(database: Database) -> int:
    """Bytes that the storage directory takes once the backup has followed the database.

    The database counts twice, for its backup; its log, the index and any other file as they are.
    A copy under way takes the size of the database once more, for its time.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    with database.read() as connection:
        pages = _pragma(connection, "page_count") * _pragma(connection, "page_size")
    log = _size(files.side_file(database.path, "-wal"))
    return _KEPT_TWICE * pages + log + _other_files(database)


def enforce(
    database: Database,
    max_bytes: int,
    now: datetime,
    step_limit: int,
    *,
    learnt_to: int | None = None,
) -> Freed:
    """Frees rows until the storage directory is within its cap, at most `step_limit` in this call.

    Each transaction takes 100 rows or less, so that others are let in between. Whenever the process
    dies, nothing is half gone. The backup becomes smaller when it is next made.

    Args:
        database: open; not in a transaction.
        max_bytes: the cap, at least 1.
        now: events that arrived before it may be folded.
        step_limit: most rows, 1 to 1,000,000.
        learnt_to: folds no event with a greater seq; None = any.

    Returns:
        What was done. Call again while `more` and not `within`.

    Raises:
        OmegaError: INVALID_FIELD; STORAGE_FULL: the disk has no room even for making room;
            STORAGE_UNAVAILABLE. What went before the error is gone, nothing else.
    """
    validate.integer("max_bytes", max_bytes, 1, 2**63 - 1)
    validate.integer("step_limit", step_limit, 1, 1_000_000)
    before = storage_bytes(database)
    if before <= max_bytes:
        return Freed({}, (), before, before, within=True, more=False)
    # On a full disk the log may be the only thing that can give room for deleting.
    _empty_log(database)
    gone = _drop_files(database, max_bytes)
    most = max_bytes - _other_files(database)
    rows: Counter[str] = Counter()
    for name, free in _steps(database, now, learnt_to):
        while (left := step_limit - rows.total()) and _bytes_of_rows(database) > most:
            freed = _retried(free, min(left, _TURN))
            if not freed:
                break
            rows[name] += freed
    given_back = _give_back(database)
    after = storage_bytes(database)
    _log.info("storage: %d -> %d bytes; rows %s, files %s", before, after, dict(rows), gone)
    within = after <= max_bytes
    more = not within and (given_back or rows.total() == step_limit)
    return Freed(dict(rows), gone, before, after, within=within, more=more)


def _steps(
    database: Database, now: datetime, learnt_to: int | None
) -> list[tuple[str, Callable[[int], int]]]:
    def deletion(kind: _Kind) -> tuple[str, Callable[[int], int]]:
        return kind.table, lambda limit: _delete(database, kind, limit)

    def fold(limit: int) -> int:
        return TitleRecords(database).fold(now, limit, learnt_to=learnt_to)

    return [*map(deletion, _BEFORE_EVENTS), ("events", fold), deletion(_AFTER_EVENTS)]


def _delete(database: Database, kind: _Kind, limit: int) -> int:
    with database.transaction() as connection:
        return connection.execute(
            f"DELETE FROM {kind.table} WHERE ({kind.key}) IN "  # noqa: S608 - constants
            f"(SELECT {kind.key} FROM {kind.table} ORDER BY {kind.order} LIMIT ?)",
            (min(limit, kind.turn),),
        ).rowcount


def _retried(free: Callable[[int], int], limit: int) -> int:
    """Frees up to `limit` rows, or a single one where the disk has no room to note more."""
    try:
        return free(limit)
    except OmegaError as error:
        if error.code is not ErrorCode.STORAGE_FULL or limit == 1:
            raise
    return free(1)


def _drop_files(database: Database, max_bytes: int) -> tuple[str, ...]:
    gone: list[str] = []
    for path in files.kept_aside(database.path):
        if storage_bytes(database) <= max_bytes:
            break
        with storage_errors("capacity"):
            files.discard(path)
        gone.append(path.name)
    return tuple(gone)


def _bytes_of_rows(database: Database) -> int:
    """What the database and its backup take once free pages are given back."""
    with database.read() as connection:
        pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
        return _KEPT_TWICE * pages * _pragma(connection, "page_size")


def _other_files(database: Database) -> int:
    """Bytes of the files that are no part of the database or its backup."""
    backup = {database.backup_path, files.temporary(database.backup_path)}
    own = {files.side_file(database.path, suffix) for suffix in ("", *files.SIDE_FILES)}
    with storage_errors("capacity"):
        found = database.path.parent.rglob("*")
        return sum(_size(path) for path in found if path not in own | backup)


def _give_back(database: Database) -> bool:
    """Shortens the file by some of its free pages; says whether it had any to give."""
    database.make_shrinkable()
    given_back = 0
    while given_back < _PAGES and (pages := _shorten(database)):
        given_back += pages
    _empty_log(database)
    return bool(given_back)


def _shorten(database: Database) -> int:
    """Gives a few pages back to the file system; returns how many."""
    with database.read() as connection:
        before = _pragma(connection, "page_count")
        # `execute` would stop after the first page: each is a row without columns.
        connection.executescript(f"PRAGMA incremental_vacuum({_TURN})")
        return before - _pragma(connection, "page_count")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _empty_log(database: Database) -> None:
    try:
        database.empty_log()
    except OmegaError as error:
        # The file may have to grow first. What is in the log is safe there.
        _log.warning("the log is not emptied: %s", error)


def _size(path: Path) -> int:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0  # a temporary file that is finished now
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
