"""The owner of the database file: one process, one connection, one writer at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from omega_core.clock import Clock


class Database:
    """An open database. Made by `Database.open`; safe to share between threads."""

    path: Path
    """The database file, mode 0600."""
    backup_path: Path
    """Where `backup` puts its copy."""
    recovery_notes: list[str]
    """What opening had to repair, a sentence each; empty when all was well."""
    lineage: str
    """UUID of this line of history: drawn anew when the file is made or restored from a backup.
    Caches that count in `Contents.current_rev` must hold the same lineage, because after a
    restore the same numbers are given out again."""

    @classmethod
    def open(cls, path: Path, *, backup_path: Path | None = None, clock: Clock) -> Database:
        """Opens or makes the database and takes sole ownership of it until `close`.

        Damage is moved aside and the last good backup restored; `recovery_notes` says so.

        Args:
            path: the file; its directory is made with mode 0700 when absent.
            backup_path: default `<path>.backup`.
            clock: dates backups, damage and notes.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE when another process owns the database, when it was
                written by a newer release, or when the file system refuses.
        """
        raise NotImplementedError

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction (BEGIN IMMEDIATE): all of the block is durable at its end, or none.

        Inside a transaction of the same thread it joins that one.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; nothing of the block was stored.
        """
        raise NotImplementedError
        yield

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection for reading, held against other threads for the block.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        raise NotImplementedError
        yield

    def before_commit(self, rider: Callable[[sqlite3.Connection], None]) -> None:
        """Has `rider` write along inside every outermost transaction, just before it commits."""
        raise NotImplementedError

    def backup(self) -> None:
        """Puts a checked copy of the present state at `backup_path`, replacing the last one.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; the last backup is still there.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Ends ownership. A closed database answers STORAGE_UNAVAILABLE; closing twice is fine."""
        raise NotImplementedError
