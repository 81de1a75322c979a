"""The owner of the database file: one process, one connection, one writer at a time."""

from __future__ import annotations

import logging
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path

from omega_core.clock import Clock
from omega_core.errors import OmegaError
from omega_persistence import (
    backups,
    erasure,
    files,
    keys,
    mark,
    migrate,
    pair_mark,
    pushed,
    recovery,
)
from omega_persistence.failures import sqlite_errors, storage_errors, unavailable
from omega_persistence.held import Held
from omega_persistence.losses import Past
from omega_persistence.mark import Mark
from omega_persistence.migrate import Migration
from omega_persistence.owner import Owner

_log = logging.getLogger(__name__)
_NONE = 0
"""`PRAGMA auto_vacuum` of a file that keeps its free pages."""

Rider = Callable[[sqlite3.Connection], None]
"""Writes along inside a transaction."""


class Database:
    """An open database. Made by `Database.open`; safe to share between threads."""

    def __init__(
        self,
        path: Path,
        backup_path: Path,
        clock: Clock,
        held: Held,
        recovery_notes: Sequence[str],
    ) -> None:
        self.path = path
        """The database file, mode 0600."""
        self.backup_path = backup_path
        """Where `backup` puts its copy."""
        self.recovery_notes = list(recovery_notes)
        """What opening had to repair, a sentence each; empty when all was well."""
        self._clock = clock
        self._held = held
        self._mutex = threading.RLock()
        self._backing_up = threading.RLock()
        """Taken before the mutex by whoever needs both."""
        self._copied: tuple[int, int] | None = None
        self._riders: list[Rider] = []
        self._depth = 0
        self._closed = False
        # Also where nobody calls close: the interpreter would close the connection and so remove
        # the log, whose absence must say that it was lost.
        self._abandon = weakref.finalize(self, held.close)
        self.lineage = ""
        """UUID of this line of history: drawn anew when the file is made, restored from a backup,
        found without its log, or erased. Caches that count in `Contents.current_rev` must hold the
        same lineage, because from then on the same numbers are given out again."""
        self.read_lineage()

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

        Damage is moved aside and the last good backup restored; where what is there has lost noise
        of sketches that left (`pushed`), the identity is laid down; where it has forgotten pairs
        that were told (`pair_mark`), it notes that. `recovery_notes` says so.

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
        now = clock.now()
        with storage_errors("open"):
            for directory in (path.parent, backup.parent):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            held, notes = _hold(path, backup, steps, now)
        for note in notes:
            _log.error("%s", note)
        database = cls(path, backup, clock, held, notes)
        try:
            erasure.finish(database)
            if pushed.reconcile(database):
                database.recovery_notes.append(pushed.NOTE)
            if pair_mark.reconcile(database):
                database.recovery_notes.append(pair_mark.NOTE)
            database.make_shrinkable()
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def transaction(self, *, riders_first: bool = False) -> Iterator[sqlite3.Connection]:
        """A write transaction (BEGIN IMMEDIATE): all of the block is durable at its end, or none.

        Inside a transaction of the same thread it is a part of that one, undone by itself when
        it fails and durable when the outer one ends.

        Args:
            riders_first: `before_commit` writes before the block and not after it, so that the
                block has the last word. For outermost transactions.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; nothing of the block was stored.
        """
        with self.read() as connection:
            if self._depth:
                begin, commit, undo = "SAVEPOINT inner", "RELEASE inner", "ROLLBACK TO inner"
                _require_transaction(connection)
            else:
                begin, commit, undo = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"
            written = connection.total_changes
            connection.execute(begin)
            self._depth += 1
            try:
                if riders_first:
                    self._ride(connection)
                yield connection
                if self._depth == 1 and not riders_first:
                    self._ride(connection)
                _require_transaction(connection)
                numbers = mark.numbers(connection) if self._depth == 1 else {}
                connection.execute(commit)
            except BaseException:
                if connection.in_transaction:
                    connection.execute(undo)
                    if self._depth > 1:
                        connection.execute(commit)
                raise
            finally:
                self._depth -= 1
            if not self._depth and connection.total_changes != written:
                self._held.logged()
                now = recovery.instant(self._clock.now())
                self._held.mark.note(self.lineage, numbers, now)

    def _ride(self, connection: sqlite3.Connection) -> None:
        for rider in self._riders:
            rider(connection)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection for reading, held against other threads for the block.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._mutex:
            if self._closed or not self._held.usable:
                raise unavailable("the database is closed")
            with sqlite_errors(self.path.name):
                yield self._held.connection

    def read_lineage(self) -> None:
        """Takes over the lineage that stands in the file, for whoever has changed it there."""
        with self.read() as connection:
            (self.lineage,) = connection.execute(
                "SELECT value FROM meta WHERE key = ?", (keys.LINEAGE,)
            ).fetchone()

    def now(self) -> datetime:
        """The present instant by the clock that the database was opened with."""
        return self._clock.now()

    def before_commit(self, rider: Rider) -> None:
        """Has `rider` write along inside every outermost transaction, just before it commits."""
        with self._mutex:
            self._riders.append(rider)

    def backup(self) -> bool:
        """Sees that `backup_path` holds a whole copy of the present state.

        It is copied only when something was written since this process last copied it, or when the
        copy that lies there is not whole. Other threads read and write meanwhile; the copy shows
        one instant. Not for the inside of a transaction.

        Returns:
            Whether a copy was made.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; the last backup is still there.
        """
        with self._backing_up, storage_errors("backup"):
            with self.read() as connection:
                self._require_no_transaction()
                unchanged = self._copied == self._state(connection)
            if unchanged and backups.is_whole(self.backup_path):
                return False
            # Held against writers just until the snapshot stands.
            with self.read() as connection:
                source = backups.begin_snapshot(self.path)
                state = self._state(connection)
                writes = self._held.mark.writes(self.lineage)
            with closing(source):
                taken = recovery.instant(self._clock.now())
                backups.write(source, self.backup_path, taken, writes)
            self._held.mark.sync()
            self._copied = state
            return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other threads from reading, writing and backing up for the block."""
        with self._backing_up, self.read():
            yield

    def empty_log(self) -> None:
        """Gives back what the log takes on the disk, where nobody reads it and there is room.

        Other threads wait. Not for the inside of a transaction.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; nothing is lost.
        """
        with self.alone(), storage_errors("empty log"):
            self._require_no_transaction()
            self._held.empty_log()

    def rewrite(self) -> None:
        """Writes the whole file anew, without what was deleted, and goes on with the new one.

        Other threads wait. It takes as much room as the rows; nothing is lost when there is none.
        Not for the inside of a transaction.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; the file is as it was.
        """
        with self.alone(), storage_errors("rewrite"):
            self._require_no_transaction()
            finished = backups.rewritten(self._held.connection, self.path)
            try:
                self._held.replace(finished, recovery.instant(self._clock.now()))
            except BaseException:
                files.discard(finished)
                raise
            finally:
                self._copied = None

    def close(self) -> None:
        """Ends ownership. A closed database answers STORAGE_UNAVAILABLE; closing twice is fine."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
        # Outside the mutex: a running backup is waited for, and its thread may need the mutex.
        with self._backing_up:
            self._abandon()

    def make_shrinkable(self) -> None:
        """Rewrites a file of 0.1.0, which can not give pages back, once and where there is room."""
        with self.read() as connection:
            (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
        if mode == _NONE:
            try:
                self.rewrite()
            except OmegaError as error:
                _log.warning("the file cannot shrink until there is room to rewrite it: %s", error)

    def _state(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """Differs whenever something was written in between."""
        return self._held.replaced, connection.total_changes

    def _require_no_transaction(self) -> None:
        # Who holds the mutex here has opened it; another thread would have to wait for that.
        if self._depth:
            raise RuntimeError("a transaction of this thread is still open")


def _hold(
    path: Path, backup: Path, migrations: Sequence[Migration], now: datetime
) -> tuple[Held, list[str]]:
    with ExitStack() as undo:
        owner = Owner(path)
        undo.callback(owner.release)
        told = Mark(path)
        undo.callback(told.close)
        for target in (path, backup, pushed.file_of(path), pair_mark.file_of(path)):
            files.discard(files.temporary(target))
        past = Past(owner.found, told.found)
        found = recovery.open_sound(path, backup, past, migrations, now)
        undo.callback(found.connection.close)
        held = Held(path, found.connection, owner, told)
        held.begin(recovery.instant(now), rewound=found.rewound)
        undo.pop_all()
    return held, found.notes


def _require_transaction(connection: sqlite3.Connection) -> None:
    # On some failures, such as a full disk, SQLite rolls everything back by itself.
    if not connection.in_transaction:
        raise unavailable("the transaction has already been rolled back")
