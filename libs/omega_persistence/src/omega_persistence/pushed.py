"""How much has left, told beside the database: a database that was put back then shows it.

A sketch is safe because its noise is drawn once. A database that is lost, or an old one that is put
in its place, lacks noise of sketches that the fleet holds, and would draw it again under the same
identity. So each push is counted, and before it leaves the count stands, with the identity that it
leaves under, in the file `<database>.pushed` of mode 0600. A database that has counted less than
the file says has lost noise: it drops what it holds, has the fleet forget both identities, and
begins anew under another one.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import zlib
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from omega_persistence import files, identity, keys
from omega_persistence.failures import storage_errors
from omega_persistence.identity import Identity

if TYPE_CHECKING:
    from omega_persistence.database import Database

_log = logging.getLogger(__name__)
NOTE = (
    "Noise of sketches that have left is lost: this TV takes a new identity, and the fleet is asked"
    " to forget the old one."
)
"""What a repair says of it."""


@dataclass(frozen=True)
class Count:
    """How far a store of noise has come."""

    noise_id: str
    """UUID of the store; a new one after everything was dropped. Empty = nothing has left."""
    pushes: int
    """Pushes that were made from it."""


@dataclass(frozen=True)
class Told:
    """What stands in the file."""

    noise_id: str
    """As in Count."""
    pushes: int
    """As in Count."""
    device_id: str
    """Who pushed last."""
    auth_token: str = field(repr=False)
    """Its token, so that the fleet can be asked to forget it."""
    device_key: str = field(default="", repr=False)
    """As in Identity."""
    request_id: str = field(default="", repr=False)
    """As in Identity."""


def file_of(database: Path) -> Path:
    """The file beside a database."""
    return database.with_name(database.name + ".pushed")


def read_count(connection: sqlite3.Connection) -> Count:
    """What the database has counted."""
    found = dict(
        connection.execute(
            "SELECT key, value FROM meta WHERE key IN (?, ?)", (keys.NOISE_ID, keys.PUSHES_MADE)
        ).fetchall()
    )
    return Count(found.get(keys.NOISE_ID, ""), int(found.get(keys.PUSHES_MADE, 0)))


def count_push(connection: sqlite3.Connection) -> None:
    """Counts one more push, inside the transaction that makes it."""
    held = read_count(connection)
    connection.execute(keys.SET, (keys.NOISE_ID, held.noise_id or str(uuid4())))
    connection.execute(keys.SET, (keys.PUSHES_MADE, str(held.pushes + 1)))


def tell(database: Database, sender: Identity) -> None:
    """Tells durably that every push made so far may have left; call it before one is sent.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: nothing may leave.
    """
    with database.read() as connection:
        held = read_count(connection)
    if not held.noise_id:
        # Made by a release that did not count.
        with database.transaction() as connection:
            count_push(connection)
            held = read_count(connection)
    told = Told(held.noise_id, held.pushes, **asdict(sender))
    path = file_of(database.path)
    with storage_errors("telling of a push"):
        if read(path) != told:
            _write(path, told)


def read(path: Path) -> Told | None:
    """What a file says; None when there is none that can be read.

    Raises:
        OSError: the machine fails.
    """
    try:
        record = path.read_bytes()
    except FileNotFoundError:
        return None
    checksum, _, text = record.strip().partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            return None
        return Told(**json.loads(text))
    except (ValueError, TypeError):
        return None


def drop_stale(database: Database) -> None:
    """Removes the file where the noise that it tells of was dropped, with the token in it.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    path = file_of(database.path)
    with storage_errors("telling of pushes"):
        told = read(path)
        if told is None and not path.exists():
            return
        with database.read() as connection:
            held = read_count(connection)
        if told is None or told.noise_id != held.noise_id:
            path.unlink()
            files.sync(path.parent)


def reconcile(database: Database) -> bool:
    """Lays everything down where noise of what has left is lost; whether it was.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; it is done at the next start.
    """
    with storage_errors("reading what was pushed"):
        told = read(file_of(database.path))
    if told is None:
        return False
    with database.read() as connection:
        held = read_count(connection)
    if held.noise_id == told.noise_id and held.pushes >= told.pushes:
        return False
    with database.transaction() as connection:
        now = database.now()
        lay_down(connection, now)
        sender = Identity(told.device_id, told.auth_token, told.device_key, told.request_id)
        identity.queue(connection, sender, now)
    drop_stale(database)
    _log.error("%s", NOTE)
    return True


def lay_down(connection: sqlite3.Connection, now: datetime) -> None:
    """Drops every sketch with its noise, and the identity with it, inside a transaction.

    `drop_stale` follows it.
    """
    identity.retire(connection, now)
    connection.execute("DELETE FROM sketches")


def _write(path: Path, told: Told) -> None:
    text = json.dumps(asdict(told))
    unfinished = files.temporary(path)
    try:
        files.make_private(unfinished)
        unfinished.write_text(f"{zlib.crc32(text.encode('ascii')):08x} {text}\n", "ascii")
        files.install(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
