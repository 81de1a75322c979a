"""Puts a backup in the place of a database that no process owns."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_persistence import files, identity, keys, migrate, pushed, recovery
from omega_persistence.failures import DamagedError, storage_errors
from omega_persistence.migrate import Migration
from omega_persistence.owner import Left, Owner

_GOOD = "a whole database of this release or an earlier one"


@dataclass(frozen=True)
class Restored:
    """What a restore did."""

    taken_at: str
    """The instant that the backup shows, in ISO 8601; empty = it does not say."""
    events: int
    """Single viewings in it."""
    set_aside: str
    """New name of the database that was there; empty = there was none."""


def restore(
    backup: Path, path: Path, *, clock: Clock, migrations: Sequence[Migration] | None = None
) -> Restored:
    """Puts a good backup in the place of the database at `path`; the brain must be stopped.

    The backup is read, checked and upgraded as a copy, and stays as it is. Where it lacks noise of
    sketches that have left since, or nothing here tells whether it does, its identity is laid down
    for the fleet to forget and every sketch drawn anew. The database that was there is set aside,
    and erased with the household like any other copy. Killed half way, the next start finds the old
    database, the new one or none, and then restores its own backup; call again in that case.

    Args:
        backup: a file that `Database.backup` made, or a closed database.
        path: the database.
        clock: dates what is set aside.
        migrations: default those of this release.

    Raises:
        OmegaError: INVALID_FIELD (backup): it is damaged, of another program, of a newer release,
            or older than the last erasure of this household; STORAGE_UNAVAILABLE: another process
            owns the database, or the file system refuses; STORAGE_FULL. Nothing was changed.
    """
    steps = migrate.shipped() if migrations is None else migrations
    with storage_errors("restore"):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = Owner(path)
        try:
            return _restore(backup, path, owner, steps, clock.now())
        finally:
            files.discard(files.temporary(path))
            owner.release()


def _restore(
    backup: Path, path: Path, owner: Owner, migrations: Sequence[Migration], now: datetime
) -> Restored:
    if not backup.exists():
        raise invalid("backup", _GOOD)
    finished = files.temporary(path)
    files.discard(finished)
    files.make_private(finished)
    shutil.copyfile(backup, finished)
    try:
        connection, _ = recovery.open_whole(finished, migrations)
    except (DamagedError, OmegaError) as error:
        raise OmegaError(
            ErrorCode.INVALID_FIELD, field="backup", bound=_GOOD, detail=str(error)
        ) from error
    with closing(connection):
        erased = _last_erasure(path)
        if erased > _erasure(connection):
            raise invalid("backup", f"taken after the erasure of {erased}")
        facts = dict(connection.execute("SELECT key, value FROM meta").fetchall())
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
        # From here on numbers are given out again that the other line of history has used.
        connection.execute(keys.SET, (keys.LINEAGE, str(uuid4())))
        if pushed.read(pushed.file_of(path)) is None and _has_drawn(connection):
            # Another machine's, perhaps, which may have gone on reporting. Where there is a file,
            # the next start compares the two.
            pushed.lay_down(connection, now)
        elif (held := identity.read(connection)) and held.device_id not in _device_ids(path):
            # Another machine's, which lives on under it: no two TVs are one to the fleet.
            identity.forget(connection)
    owner.mark(Left.CLOSING)
    aside = files.set_aside(path, now, "replaced")
    files.install(finished, path)
    owner.mark(Left.CLOSED)
    return Restored(facts.get(keys.BACKUP_TAKEN_AT, ""), events, aside)


def _last_erasure(path: Path) -> str:
    """When the household at `path` was last erased; empty = never, or nobody can tell."""
    try:
        with closing(recovery.connect(path, read_only=True)) as connection:
            return _erasure(connection)
    except (sqlite3.Error, ValueError, KeyError, TypeError):
        return ""


def _device_ids(path: Path) -> set[str]:
    """What this machine has been to the fleet, as far as it is told here."""
    told = pushed.read(pushed.file_of(path))
    found = {told.device_id} if told else set()
    try:
        with closing(recovery.connect(path, read_only=True)) as connection:
            held = identity.read(connection)
    except sqlite3.Error:
        return found
    return found | {held.device_id} if held else found


def _erasure(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (keys.ERASURE,)).fetchone()
    return "" if row is None else str(json.loads(row[0])["at"])


def _has_drawn(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sketches LIMIT 1").fetchone() is not None
