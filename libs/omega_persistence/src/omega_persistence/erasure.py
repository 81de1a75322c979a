"""Erases a household from the file and every copy of it, and looks whether it is gone.

The order makes it safe to die anywhere. Copies go first, so that no recovery brings back what was
erased; then the rows, in one transaction with the note that the files are unclean; while that note
is there, opening the database rewrites the file before anything else happens. Bytes that a file
system leaves on the medium when a file is replaced are out of reach from here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import backups, files, identity, keys, pair_mark, personal, pushed
from omega_persistence.failures import storage_errors
from omega_persistence.traces import Traces

if TYPE_CHECKING:
    from omega_persistence.database import Database

_log = logging.getLogger(__name__)
_DISTINCTIVE = 16
"""Bytes from which a string is looked for in files of others too: shorter ones are words."""


class Step(StrEnum):
    """How far an erasure has come; each is logged at INFO."""

    COPIES_REMOVED = "copies removed"
    """No copy holds the household any more; the database does."""
    ROWS_DELETED = "rows deleted"
    """Durably: from here on the erasure is finished whatever happens."""
    REWRITTEN = "rewritten"
    """The file holds no byte of what was deleted."""
    BACKED_UP = "backed up"
    """There is a backup again."""
    SEARCHED = "searched"
    """Nothing was found."""
    FINISHED = "finished"
    """Nothing is left to do."""


@dataclass(frozen=True)
class Erased:
    """What an erasure did."""

    rows: int
    """Rows that were deleted."""
    files: tuple[str, ...]
    """Names of the files that were removed or written anew."""
    remaining: int
    """Traces of the household that were found afterwards: 0, or there is no answer."""


def erase_household(database: Database, request_id: str) -> Erased:
    """Erases everything of the household; what the fleet and the catalogue told stays.

    The present identity moves to `Erasures`: its token is the one thing that stays until the fleet
    has forgotten it. Numbers of rows start again under a new `Database.lineage`. All other use of
    the database waits meanwhile; what the process holds in memory is the caller's to drop.

    After the work every table is read, and every file of the storage directory searched for the
    texts and blobs that went, from 6 bytes on and unless they also stand in what stays; in files
    of others from 16 bytes on. An erasure that a crash or an error cut short is finished by the
    next call or start, which no longer knows those strings: it then rests on the new files alone.

    Args:
        database: open; not in a transaction.
        request_id: a UUID. Repeated, the last one changes nothing and gets the same answer.

    Raises:
        OmegaError: INVALID_FIELD (request_id); INTERNAL: something was found, the log says where;
            STORAGE_FULL, STORAGE_UNAVAILABLE: as far as the rows are still there, nothing was
            erased; otherwise the next call or start finishes it.
    """
    validate.uuid("request_id", request_id)
    with database.alone():
        finish(database)
        known = _last(database)
        if known is not None and known[0] == request_id:
            return known[1]
        return _erase(database, request_id)


def finish(database: Database) -> None:
    """Cleans the files where something was deleted whose bytes must go as well.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    with database.alone():
        if not _is_unclean(database):
            return
        _clean(database)
        _note_clean(database)


def last_erasure(database: Database) -> datetime | None:
    """When the household was last erased, in UTC; None = never in this file."""
    with database.read() as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (keys.ERASURE,)).fetchone()
    return None if row is None else datetime.fromisoformat(json.loads(row[0])["at"])


def _erase(database: Database, request_id: str) -> Erased:
    with database.read() as connection:
        sought = Traces.of(personal.read(connection))
    with _backup_again_on_failure(database):
        copies = _remove_copies(database)
        with storage_errors("erasure"):
            pair_mark.drop(database.path)
        own = (database.path, files.side_file(database.path, "-wal"), database.backup_path)
        names = tuple(sorted({path.name for path in (*own, *copies)}))
        now = database.now()
        with database.transaction(riders_first=True) as connection:
            identity.retire(connection, now)
            erased = Erased(personal.delete(connection), names, 0)
            record = {"request_id": request_id, "at": now.isoformat(), **asdict(erased)}
            connection.execute(keys.SET, (keys.ERASURE, json.dumps(record)))
            connection.execute(keys.SET, (keys.UNCLEAN, "1"))
            connection.execute(keys.SET, (keys.LINEAGE, str(uuid4())))
        database.read_lineage()
    _log.info("erasure: %s", Step.ROWS_DELETED)
    _clean(database)
    _prove(database, sought)
    _note_clean(database)
    return erased


@contextmanager
def _backup_again_on_failure(database: Database) -> Iterator[None]:
    """Where nothing was erased after all, the household is to have its backup."""
    try:
        yield
    except OmegaError:
        try:
            database.backup()
        except OmegaError as error:
            _log.warning("the erasure failed and left no backup: %s", error)
        raise


def _remove_copies(database: Database) -> list[Path]:
    with storage_errors("erasure"):
        copies = files.copies(database.path, database.backup_path)
        for path in copies:
            path.unlink(missing_ok=True)
        for directory in {path.parent for path in copies}:
            files.sync(directory)
    _log.info("erasure: %s", Step.COPIES_REMOVED)
    return copies


def _clean(database: Database) -> None:
    _remove_copies(database)
    pushed.drop_stale(database)
    database.rewrite()
    _log.info("erasure: %s", Step.REWRITTEN)
    database.backup()
    _log.info("erasure: %s", Step.BACKED_UP)


def _prove(database: Database, sought: Traces) -> None:
    """Raises INTERNAL where anything of the household is left."""
    with database.read() as connection:
        if left := personal.count(connection):
            raise _unproven(f"rows of {', '.join(left)}")
        sought = sought.without(personal.read_rest(connection))
    with storage_errors("erasure"):
        for path in (database.path, database.backup_path):
            if backups.free_pages(path):
                raise _unproven(f"pages of {path.name} that hold no row")
        distinctive = sought.of_length(_DISTINCTIVE)
        # Reading them drops the locks that SQLite holds on them: `Owner` keeps others out.
        for path in _all_files(database):
            is_own = path.name.startswith((database.path.name, database.backup_path.name))
            if found := (sought if is_own else distinctive).found_in_file(path):
                raise _unproven(f"{len(found):,} strings in {path.name}")
    _log.info("erasure: %s", Step.SEARCHED)


def _all_files(database: Database) -> list[Path]:
    beside = database.backup_path.parent.glob(f"{database.backup_path.name}*")
    found = {*database.path.parent.rglob("*"), *beside}
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _unproven(what: str) -> OmegaError:
    return OmegaError(ErrorCode.INTERNAL, detail=f"the household is not erased: {what}")


def _is_unclean(database: Database) -> bool:
    with database.read() as connection:
        query = "SELECT 1 FROM meta WHERE key = ?"
        return connection.execute(query, (keys.UNCLEAN,)).fetchone() is not None


def _note_clean(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("DELETE FROM meta WHERE key = ?", (keys.UNCLEAN,))
    _log.info("erasure: %s", Step.FINISHED)


def _last(database: Database) -> tuple[str, Erased] | None:
    with database.read() as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (keys.ERASURE,)).fetchone()
    if row is None:
        return None
    record = json.loads(row[0])
    return record["request_id"], Erased(record["rows"], tuple(record["files"]), record["remaining"])
