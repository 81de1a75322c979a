"""How many batches of reports of pairs have left, told beside the database.

A pair counts once because the database knows that it was told. An older database that is put in its
place does not. So before a batch leaves, its number stands in the file `<database>.pairs` of mode
0600. A database that has counted less than the file says has forgotten what was told, and then all
pairs of what the household likes count as told: losing some is better than counting some twice.
"""

from __future__ import annotations

import logging
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from omega_persistence import files, keys
from omega_persistence.failures import storage_errors

if TYPE_CHECKING:
    from omega_persistence.database import Database

_log = logging.getLogger(__name__)
NOTE = (
    "Which pairs of titles were told is forgotten in part: those of what the household likes now"
    " count as told."
)
"""What a repair says of it."""


def file_of(database: Path) -> Path:
    """The file beside a database."""
    return database.with_name(database.name + ".pairs")


def tell(database: Database, batch: int) -> None:
    """Notes, durably, that a batch is about to leave.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    path = file_of(database.path)
    with storage_errors("telling of reports"):
        if _read(path) >= batch:
            return
        unfinished = files.temporary(path)
        try:
            files.make_private(unfinished)
            text = str(batch)
            unfinished.write_text(f"{zlib.crc32(text.encode('ascii')):08x} {text}\n", "ascii")
            files.install(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def drop(database: Path) -> None:
    """Removes the file: the household begins anew.

    Raises:
        OSError: the machine fails.
    """
    path = file_of(database)
    if path.exists():
        path.unlink()
        files.sync(path.parent)


def reconcile(database: Database) -> bool:
    """Notes in the database that it has forgotten what was told, where it has; whether it has.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; it is done at the next start.
    """
    with storage_errors("reading what was reported"):
        told = _read(file_of(database.path))
    with database.transaction() as connection:
        row = connection.execute(
            "SELECT value FROM meta WHERE key = ?", (keys.PAIR_BATCHES,)
        ).fetchone()
        if told <= (0 if row is None else int(row[0])):
            return False
        connection.execute(keys.SET, (keys.PAIR_BATCHES, str(told)))
        connection.execute(keys.SET, (keys.PAIRS_FORGOTTEN, "1"))
    _log.error("%s", NOTE)
    return True


def _read(path: Path) -> int:
    """The number in the file; 0 where there is none that can be read."""
    try:
        checksum, _, text = path.read_bytes().strip().partition(b" ")
    except FileNotFoundError:
        return 0
    try:
        return int(text) if int(checksum, 16) == zlib.crc32(text) else 0
    except ValueError:
        return 0
