"""How much has been written, told beside the database, so that a loss can be stated in numbers.

The file is written after each commit and before its caller goes on, into pages of the kernel and
not to the disk: that costs microseconds. It survives the death of the process; a power cut may take
its last half minute. Closing and backing up force it to the disk.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sqlite3
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_log = logging.getLogger(__name__)
_SIZE = 2_048
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMES = {
    "events": "viewing events",
    "interactions": "moments of viewings",
    "recommendations": "served lists",
    "skills": "taste patterns",
    "settings": "ranking settings",
    "loop_reports": "reports of loops",
    "contents": "titles",
}
"""Tables that number their rows and never give a number twice, and what a person calls a row."""


@dataclass(frozen=True)
class Count:
    """What had been written at an instant."""

    lineage: str
    """The database's line of history; numbers of another one mean nothing here."""
    writes: int = 0
    """Transactions since the lineage began."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """Last number given out, by table."""
    at: str = ""
    """When the last of them ended, in ISO 8601."""
    boot: str = ""
    """The machine's start in which it ended; empty = not known."""

    def survived(self) -> bool:
        """Whether the machine has run ever since, so that no power cut can have taken the end."""
        return bool(self.boot) and self.boot == _boot()

    def rows_after(self, numbers: Mapping[str, int]) -> str:
        """How many rows were numbered after `numbers`, for a person; empty when none was.

        A number can be drawn for a row that is not stored in the end: therefore `up to`.
        """
        more = {
            name: self.numbers.get(table, 0) - numbers.get(table, 0)
            for table, name in _NAMES.items()
        }
        return ", ".join(f"up to {count:,} {name}" for name, count in more.items() if count > 0)


class Mark:
    """The file `<database>.mark` of mode 0600. It stays when its household is erased."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".mark")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.found = _parse(os.pread(self._descriptor, _SIZE, 0))
        """What the last owner told; None when that cannot be read."""
        self._count = self.found or Count("")
        self._told = True

    def writes(self, lineage: str) -> int:
        """Transactions of a lineage: none of one that has just begun."""
        return self._count.writes if self._count.lineage == lineage else 0

    def note(self, lineage: str, numbers: Mapping[str, int], at: str) -> None:
        """Tells of one more transaction; a disk that refuses it costs exact notes, no more."""
        self._count = Count(lineage, self.writes(lineage) + 1, numbers, at, _boot())
        try:
            os.pwrite(self._descriptor, _packed(self._count), 0)
        except OSError as error:
            if self._told:
                _log.warning("the mark is not written: %s", error)
            self._told = False
        else:
            self._told = True

    def sync(self) -> None:
        """Forces what was told to the disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Ends it."""
        os.close(self._descriptor)


def numbers(connection: sqlite3.Connection) -> dict[str, int]:
    """Last number given out, by table."""
    return dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())


@functools.cache
def _boot() -> str:
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""


def _packed(count: Count) -> bytes:
    text = json.dumps(vars(count))
    return f"{zlib.crc32(text.encode('ascii')):08x} {text}".ljust(_SIZE - 1).encode("ascii") + b"\n"


def _parse(record: bytes) -> Count | None:
    checksum, _, text = record.strip().partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            return None
        return Count(**json.loads(text))
    except (ValueError, TypeError):
        return None
