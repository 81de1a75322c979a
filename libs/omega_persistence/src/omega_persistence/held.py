"""What the owner of a database holds open: its connection, its lock and its mark."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from omega_persistence import files, keys, recovery
from omega_persistence.failures import unavailable
from omega_persistence.mark import Mark
from omega_persistence.owner import Left, Owner

_log = logging.getLogger(__name__)


@dataclass
class Held:
    """An open database."""

    path: Path
    """Its file."""
    connection: sqlite3.Connection
    """In autocommit mode; another one after `replace`."""
    owner: Owner
    """Its lock."""
    mark: Mark
    """How much has been written."""
    replaced: int = 0
    """How often the file was replaced."""
    usable: bool = True
    """False when no connection could be opened after `replace`."""
    emptied: bool = True
    """Whether nothing was written since the log was made or emptied."""

    def begin(self, now: str, *, rewound: bool = False) -> None:
        """The first write. It also makes the log durable, whose absence then says much.

        Args:
            now: the instant of it.
            rewound: whether numbers may be given out again.
        """
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            # SQLite writes nothing where a value becomes what it was.
            connection.execute(
                "DELETE FROM meta WHERE key IN (?, ?, ?)",
                (keys.OPENED_AT, keys.BACKUP_TAKEN_AT, keys.BACKUP_WRITES),
            )
            connection.execute(keys.SET, (keys.OPENED_AT, now))
            if rewound:
                connection.execute(keys.SET, (keys.LINEAGE, str(uuid4())))
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self.owner.mark(Left.OPEN)
        self.emptied = False

    def logged(self) -> None:
        """After each write: from the first one on the log must be there, and the mark says so."""
        if not self.emptied:
            return
        try:
            self.owner.mark(Left.OPEN)
            self.emptied = False
        except OSError as error:
            # What was written is durable. A log that is lost would not be missed: tried again.
            _log.warning("the lock's file is not written: %s", error)

    def replace(self, finished: Path, now: str) -> None:
        """Puts a finished file in the place of the open one and goes on with it.

        Whenever the process dies, the next one finds one of the two, whole.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE; the file is the one that was open.
            OSError, sqlite3.Error: the machine fails; the same.
        """
        # A log that is left would be played into the new file.
        if not self.empty_log():
            raise unavailable("its log is being read")
        self.connection.close()
        try:
            if files.side_file(self.path, "-wal").exists():
                raise unavailable("its log is still open")
            files.install(finished, self.path)
        finally:
            self.usable = False
            self.connection = recovery.connect(self.path)
            recovery.configure(self.connection)
            self.usable = True
            self.replaced += 1
            self.begin(now)

    def empty_log(self) -> bool:
        """Moves the log into the file. Its absence is in order until something is written again.

        Returns:
            Whether the log is empty; it is not while somebody reads it.

        Raises:
            OSError, sqlite3.Error: the machine fails; nothing is lost.
        """
        self.owner.mark(Left.CLOSING)
        self.emptied = True
        log = files.side_file(self.path, "-wal")
        try:
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            empty = not (log.exists() and log.stat().st_size)
            if not empty:
                self.logged()
        return empty

    def close(self) -> None:
        """Closes everything and lets the next owner in."""
        try:
            self.mark.sync()
            self.owner.mark(Left.CLOSING)
            self.connection.close()
            self.owner.mark(Left.CLOSED)
        except (OSError, sqlite3.Error):
            # All that was acknowledged is in the log; the next start reads it.
            _log.exception("the database was not closed in order")
        finally:
            self.mark.close()
            self.owner.release()
