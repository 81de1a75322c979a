"""The owner of the database file: one process, one connection, one writer at a time."""

from __future__ import annotations

import logging
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from omega_core.clock import Clock
from omega_persistence import files, keys, migrate, recovery
from omega_persistence.failures import DamagedError, sqlite_errors, storage_errors, unavailable
from omega_persistence.migrate import Migration
from omega_persistence.owner import Left, Owner

_log = logging.getLogger(__name__)

Rider = Callable[[sqlite3.Connection], None]
"""Writes along inside a transaction."""


class Database:
    """An open database. Made by `Database.open`; safe to share between threads."""

    def __init__(
        self,
        path: Path,
        backup_path: Path,
        clock: Clock,
        owner: Owner,
        connection: sqlite3.Connection,
        recovery_notes: Sequence[str],
    ) -> None:
        self.path = path
        """The database file, mode 0600."""
        self.backup_path = backup_path
        """Where `backup` puts its copy."""
        self.recovery_notes = list(recovery_notes)
        """What opening had to repair, a sentence each; empty when all was well."""
        self._clock = clock
        self._connection = connection
        self._mutex = threading.RLock()
        self._backing_up = threading.Lock()
        self._riders: list[Rider] = []
        self._depth = 0
        self._closed = False
        # Also where nobody calls close: the interpreter would close the connection and so remove
        # the log, whose absence must say that it was lost.
        self._abandon = weakref.finalize(self, _close, connection, owner)
        (self.lineage,) = connection.execute(
            "SELECT value FROM meta WHERE key = ?", (keys.LINEAGE,)
        ).fetchone()
        """UUID of this line of history: drawn anew when the file is made, restored from a backup
        or found without its log. Caches that count in `Contents.current_rev` must hold the same
        lineage, because from then on the same numbers are given out again."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        backup_path: Path | None = None,
        clock: Clock,
        migrations: Sequence[Migration] | None = None,
    ) -> Database:
        """Opens or makes the database and takes sole ownership of it until `close`.

        Damage is moved aside and the last good backup restored; `recovery_notes` says so.

        Args:
            path: the file; its directory is made with mode 0700 when absent.
            backup_path: default `<path>.backup`.
            clock: dates backups, damage and notes.
            migrations: default those of this release.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE when another process owns the database, when it is of
                another program or a newer release, or when the file system refuses; STORAGE_FULL.
        """
        backup = backup_path or path.with_name(path.name + ".backup")
        steps = migrate.shipped() if migrations is None else migrations
        with storage_errors("open"):
            for directory in (path.parent, backup.parent):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = Owner(path)
        try:
            with storage_errors("open"):
                found = recovery.open_sound(path, backup, owner.found, steps, clock.now())
                try:
                    _begin_history(found, recovery.instant(clock.now()))
                    owner.mark(Left.OPEN)
                except BaseException:
                    found.connection.close()
                    raise
        except BaseException:
            owner.release()
            raise
        for note in found.notes:
            _log.error("%s", note)
        return cls(path, backup, clock, owner, found.connection, found.notes)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction (BEGIN IMMEDIATE): all of the block is durable at its end, or none.

        Inside a transaction of the same thread it is a part of that one, undone by itself when
        it fails and durable when the outer one ends.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; nothing of the block was stored.
        """
        with self.read() as connection:
            if self._depth:
                begin, commit, undo = "SAVEPOINT inner", "RELEASE inner", "ROLLBACK TO inner"
                _require_transaction(connection)
            else:
                begin, commit, undo = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"
            connection.execute(begin)
            self._depth += 1
            try:
                yield connection
                if self._depth == 1:
                    for rider in self._riders:
                        rider(connection)
                _require_transaction(connection)
                connection.execute(commit)
            except BaseException:
                if connection.in_transaction:
                    connection.execute(undo)
                    if self._depth > 1:
                        connection.execute(commit)
                raise
            finally:
                self._depth -= 1

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection for reading, held against other threads for the block.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._mutex:
            if self._closed:
                raise unavailable("the database is closed")
            with sqlite_errors(self.path.name):
                yield self._connection

    def now(self) -> datetime:
        """The present instant by the clock that the database was opened with."""
        return self._clock.now()

    def before_commit(self, rider: Rider) -> None:
        """Has `rider` write along inside every outermost transaction, just before it commits."""
        with self._mutex:
            self._riders.append(rider)

    def backup(self) -> None:
        """Puts a checked copy of the present state at `backup_path`, replacing the last one.

        Other threads read and write meanwhile; the copy shows one instant.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; the last backup is still there.
        """
        temporary = self.backup_path.with_name(self.backup_path.name + ".new")
        with self._backing_up, storage_errors("backup"):
            if self._closed:
                raise unavailable("the database is closed")
            try:
                files.discard(temporary)
                files.make_private(temporary)
                self._copy(temporary)
                files.install(temporary, self.backup_path)
            except BaseException:
                files.discard(temporary)
                raise

    def close(self) -> None:
        """Ends ownership. A closed database answers STORAGE_UNAVAILABLE; closing twice is fine."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
        # Outside the mutex: a running backup is waited for, and its thread may need the mutex.
        with self._backing_up:
            self._abandon()

    def _copy(self, target: Path) -> None:
        # A connection of its own reads one snapshot, so that writers need not wait.
        with (
            closing(recovery.connect(self.path)) as source,
            closing(recovery.connect(target)) as copy,
        ):
            taken = recovery.instant(self._clock.now())
            source.backup(copy)
            # A backup is one file: no log may be missing from it.
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute(keys.SET, (keys.BACKUP_TAKEN_AT, taken))
            try:
                recovery.require_whole(copy)
            except DamagedError as error:
                raise unavailable(f"backup: {error}") from error


def _begin_history(found: recovery.Recovered, now: str) -> None:
    """The first write of a start. It also makes the log durable, whose absence then says much."""
    connection = found.connection
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(keys.SET, (keys.OPENED_AT, now))
    connection.execute("DELETE FROM meta WHERE key = ?", (keys.BACKUP_TAKEN_AT,))
    if found.rewound:
        connection.execute(keys.SET, (keys.LINEAGE, str(uuid4())))
    connection.execute("COMMIT")


def _require_transaction(connection: sqlite3.Connection) -> None:
    # On some failures, such as a full disk, SQLite rolls everything back by itself.
    if not connection.in_transaction:
        raise unavailable("the transaction has already been rolled back")


def _close(connection: sqlite3.Connection, owner: Owner) -> None:
    try:
        owner.mark(Left.CLOSING)
        connection.close()
        owner.mark(Left.CLOSED)
    except (OSError, sqlite3.Error):
        # All that was acknowledged is in the log; the next start reads it.
        _log.exception("the database was not closed in order")
    finally:
        owner.release()
