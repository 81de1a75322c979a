"""What happens to the files of a TV while it is off."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

_PAGE = 4_096
_YEAR = 365.25 * 86_400
_AGES = {
    "adaptive": 3_600.0,
    "deliberative": 2 * 86_400.0,
    "evolutionary": 8 * 86_400.0,
    "transformative": 1.1 * _YEAR,
    "transcendent": 10.1 * _YEAR,
}
"""Seconds ago that each loop is made to have run last."""


def damage_index(storage: Path, rng: random.Random) -> str:
    """Flips, cuts or removes what was saved of the index; names what was done."""
    directory = storage / "index"
    files = [path for path in directory.rglob("*") if path.is_file() and path.stat().st_size]
    if not files:
        return "index: nothing there"
    path, way = rng.choice(files), rng.randrange(4)
    if way == 0:
        shutil.rmtree(directory)
        return "index removed"
    if way == 1:
        path.unlink()
        return "index file removed"
    if way == 2:  # noqa: PLR2004 - one way of four
        cut(path, rng.random())
        return "index cut"
    _overwrite(path, rng.randrange(path.stat().st_size), bytes([rng.randrange(256)]))
    return "index flipped"


def damage_database(storage: Path, rng: random.Random) -> str:
    """Cuts the database or overwrites one of its pages; names what was done."""
    path = storage / "brain.db"
    if rng.random() < 0.5:  # noqa: PLR2004 - one of two
        cut(path, rng.uniform(0, 0.95))
        return "database cut"
    pages = max(path.stat().st_size // _PAGE, 1)
    _overwrite(path, rng.randrange(pages) * _PAGE, rng.randbytes(_PAGE))
    return "database page overwritten"


def sound(storage: Path) -> bool:
    """Whether SQLite finds nothing wrong with the database and the log beside it.

    A page that is free, or that the log has a newer version of, may be damaged without loss.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in ("brain.db", "brain.db-wal"):
            if (storage / name).exists():
                shutil.copy(storage / name, folder)
        try:
            with closing(sqlite3.connect(Path(folder, "brain.db"))) as connection:
                (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError:
            return False
    return bool(verdict == "ok")


def damage_log(storage: Path, rng: random.Random) -> str:
    """Removes or cuts the write-ahead log, where a kill left one; names what was done."""
    path = storage / "brain.db-wal"
    if not path.exists():
        return "log: nothing there"
    if rng.random() < 0.5:  # noqa: PLR2004 - one of two
        path.unlink()
        return "log removed"
    cut(path, rng.random())
    return "log cut"


def age_loops(storage: Path, loops: Sequence[str] = tuple(_AGES)) -> None:
    """Makes loops overdue. After an orderly stop only: SQLite would take a log up and away."""
    now = time.time()
    with closing(sqlite3.connect(storage / "brain.db")) as connection, connection:
        connection.executemany(
            "INSERT INTO loops (name, completed_at, cycle) VALUES (?, ?, 1)"
            " ON CONFLICT (name) DO UPDATE SET completed_at = excluded.completed_at",
            [(name, int((now - _AGES[name]) * 1e6)) for name in loops],
        )


def cut(path: Path, share: float) -> None:
    """Leaves the first `share` of a file."""
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))


def _overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        before = file.read(len(data))
        file.seek(at)
        # A byte that is replaced by itself would be no damage.
        file.write(data if data != before else bytes(255 - value for value in data))
