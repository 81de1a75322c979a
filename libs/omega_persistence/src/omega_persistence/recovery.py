"""Finds damage before anything is served from it, and puts the last good backup in its place.

SQLite keeps no checksums of its rows: what is found is a file, header, page, schema or row that
cannot be right. A value that changed into another possible value is not found.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from omega_persistence import audit, files, keys, mark, migrate, pushed, wal
from omega_persistence.failures import DamagedError, is_environment, unavailable
from omega_persistence.losses import Past, Survivor
from omega_persistence.migrate import Migration
from omega_persistence.owner import Left

_MAGIC = b"SQLite format 3\x00"
_HEADER = 100
_FILE_FORMATS = {1, 2}
_CUT = "is cut short"
_EVENTS = """
SELECT (SELECT count(*) FROM events) + (SELECT coalesce(sum(viewings), 0) FROM title_records)
"""


@dataclass
class Recovered:
    """A sound database, and what it took to get one."""

    connection: sqlite3.Connection
    """Open, in autocommit mode, at the last migration."""
    notes: list[str] = field(default_factory=list)
    """What was repaired, a sentence each."""
    rewound: bool = False
    """Whether something that had been stored may be gone."""


def open_sound(
    path: Path, backup: Path, past: Past, migrations: Sequence[Migration], now: datetime
) -> Recovered:
    """Opens `path`, made when absent and repaired when damaged.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE: it is of another program or of a newer release; it is left
            as it is.
        OSError, sqlite3.Error: the machine fails.
    """
    # Read first, because opening makes, completes and empties it.
    log = wal.read_log(files.side_file(path, "-wal"))
    left = past.left
    reason = _why_empty(path)
    if reason and left is Left.NEVER and not backup.exists():
        return Recovered(_make(path, migrations))
    if reason:
        return _replace(path, backup, migrations, past, now, reason)
    files.make_private(path)
    try:
        connection, frames = open_whole(path, migrations)
    except DamagedError as error:
        return _replace(path, backup, migrations, past, now, str(error))
    reason = _why_incomplete(log, frames, past, connection) if left is Left.OPEN else ""
    if not reason:
        return Recovered(connection)
    if _is_ahead(backup, connection, migrations):
        connection.close()
        return _replace(path, backup, migrations, past, now, f"its write-ahead log {reason}")
    since = "after what is left of it" if reason == _CUT else "since the last checkpoint"
    missing = past.missing(_survivor(connection), since, instant(now))
    note = f"The write-ahead log {reason} after a stop that was not orderly. {missing}"
    return Recovered(connection, [note], rewound=True)


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Opens an existing file in autocommit mode, so that transactions are only those we state."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        timeout=2.0,
        isolation_level=None,
        check_same_thread=False,
    )


def require_sound(path: Path, migrations: Sequence[Migration]) -> sqlite3.Connection:
    """Opens a database that must be whole, at any version up to the last of `migrations`.

    Raises:
        DamagedError: it is not whole.
        OmegaError: STORAGE_UNAVAILABLE: it is of another program or of a newer release.
        OSError, sqlite3.Error: the machine fails.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if not header.startswith(_MAGIC):
        raise DamagedError("the file is not a database")
    # A format byte beyond these makes SQLite treat the file as read-only for ever.
    if len(header) < _HEADER or not set(header[18:20]) <= _FILE_FORMATS:
        raise DamagedError("the file's header is damaged")
    if missing := wal.missing_pages(path, files.side_file(path, "-wal")):
        raise DamagedError(f"the file is cut short: {missing:,} of its pages are missing")
    connection = connect(path)
    try:
        _check(connection, path.name, migrations)
    except sqlite3.Error as error:
        connection.close()
        if is_environment(error):
            raise
        raise DamagedError(str(error)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def require_whole(connection: sqlite3.Connection) -> None:
    """Holds the pages of a database, and every row of one of the newest schema, to be whole.

    Raises:
        DamagedError: they are not.
        sqlite3.Error: the machine fails.
    """
    _check_pages(connection)
    audit.read_every_row(connection)


def instant(now: datetime) -> str:
    """An instant as notes and backups show it."""
    return now.isoformat(timespec="seconds").replace("+00:00", "Z")


def configure(connection: sqlite3.Connection) -> None:
    """Sets what a connection for writing needs.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE: the file system cannot keep a write-ahead log.
        sqlite3.Error: the machine fails.
    """
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise unavailable("the file system does not support a write-ahead log")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    # What is deleted is overwritten with zeros.
    connection.execute("PRAGMA secure_delete = ON")
    # A large resource must not leave a log of its size behind.
    connection.execute("PRAGMA journal_size_limit = 4194304")


def _make(path: Path, migrations: Sequence[Migration]) -> sqlite3.Connection:
    files.make_private(path)
    connection = connect(path)
    try:
        # Only a file without tables takes it; `Database` rewrites those of 0.1.0.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        configure(connection)
        migrate.migrate(connection, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def open_whole(path: Path, migrations: Sequence[Migration]) -> tuple[sqlite3.Connection, int]:
    """Opens a database that must be whole and brings it up to date.

    Returns:
        It, and how many frames of its log SQLite took for valid.
    """
    connection = require_sound(path, migrations)
    try:
        _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        configure(connection)
        migrate.migrate(connection, migrations)
        audit.read_every_row(connection)
    except BaseException:
        connection.close()
        raise
    return connection, int(frames)


def _check_pages(connection: sqlite3.Connection) -> None:
    try:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except UnicodeDecodeError as error:
        # The verdict quotes a damaged name.
        raise DamagedError("its schema is damaged") from error
    if verdict != "ok":
        raise DamagedError(" ".join(str(verdict).split()))


def _check(connection: sqlite3.Connection, name: str, migrations: Sequence[Migration]) -> None:
    _check_pages(connection)
    shape = migrate.shape(connection)
    version = migrate.version(connection)
    if not shape and not version:
        return  # killed before its first migration was complete
    facts = _facts(connection) if ("table", "meta") in shape else {}
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if keys.LINEAGE not in facts:
        if application == migrate.APPLICATION_ID:
            raise DamagedError("its table of single facts is incomplete")
        raise unavailable(f"{name} is a database of another program")
    if application != migrate.APPLICATION_ID or facts.get(keys.SCHEMA_VERSION) != str(version):
        raise DamagedError("its header and its table of single facts disagree")
    if version > len(migrations):
        raise unavailable(
            f"{name} was written by a newer release (schema {version}, this one knows "
            f"{len(migrations)}): install that release again"
        )
    if shape != migrate.expected_shape(migrations[:version]):
        raise DamagedError("its schema is not that of its version")


def _why_empty(path: Path) -> str:
    if not path.exists():
        return "the file is gone"
    return "" if path.stat().st_size else "the file is empty"


def _why_incomplete(log: wal.Log, frames: int, past: Past, connection: sqlite3.Connection) -> str:
    """What ails the log that a kill left, or empty."""
    if not log.sound:
        return "is gone"
    if log.lost_commits(frames):
        return "is damaged"
    # Cut between two transactions it looks whole; but a number is told only once it is durable.
    return _CUT if past.is_ahead_of(_survivor(connection)) else ""


def _facts(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())


def _replace(
    path: Path,
    backup: Path,
    migrations: Sequence[Migration],
    past: Past,
    now: datetime,
    reason: str,
) -> Recovered:
    aside = files.set_aside(path, now)
    damage = f"The database was damaged ({reason})" + (f"; it is now {aside}." if aside else ".")
    if not backup.exists():
        note = f"There was no backup: it starts empty. {past.all_missing()}"
        return Recovered(_make(path, migrations), [damage, note], rewound=True)
    files.copy(backup, path)
    try:
        connection, _ = open_whole(path, migrations)
    except DamagedError as error:
        files.discard(path)
        note = f"The backup is damaged too ({error}): it starts empty. {past.all_missing()}"
        return Recovered(_make(path, migrations), [damage, note], rewound=True)
    taken = _facts(connection).get(keys.BACKUP_TAKEN_AT, "an unknown instant")
    (events,) = connection.execute(_EVENTS).fetchone()
    missing = past.missing(_survivor(connection), "after that instant", instant(now))
    note = f"The backup of {taken} with {events:,} viewing events was restored. {missing}"
    return Recovered(connection, [damage, note], rewound=True)


def _survivor(connection: sqlite3.Connection) -> Survivor:
    facts = _facts(connection)
    writes = facts.get(keys.BACKUP_WRITES)
    return Survivor(
        lineage=facts[keys.LINEAGE],
        numbers=mark.numbers(connection),
        writes=None if writes is None else int(writes),
    )


def _is_ahead(
    backup: Path, connection: sqlite3.Connection, migrations: Sequence[Migration]
) -> bool:
    """Whether a sound backup holds more than the database of `connection`."""
    if not backup.exists():
        return False
    try:
        other = require_sound(backup, migrations)
    except DamagedError:
        return False
    try:
        return _progress(other) > _progress(connection)
    finally:
        other.close()


def _progress(connection: sqlite3.Connection) -> tuple[int, int, int, int]:
    """Viewing events that ever arrived, kept or not, changes of titles, pushes, batches of pairs.

    A backup is made after each push and batch: where nothing else tells, it holds what has left.
    """
    if not migrate.version(connection):
        return 0, 0, 0, 0
    events, changes = connection.execute(
        "SELECT (SELECT CAST(coalesce(max(seq), 0) AS INTEGER) FROM sqlite_sequence "
        "WHERE name = 'events'), "
        "(SELECT coalesce(max(rev), 0) FROM contents)"
    ).fetchone()
    batches = int(_facts(connection).get(keys.PAIR_BATCHES, 0))
    return int(events), int(changes), pushed.read_count(connection).pushes, batches
