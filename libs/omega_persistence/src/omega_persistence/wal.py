"""Reads what a database's write-ahead log holds, to find what SQLite would not tell.

SQLite fills what is missing at the end of a file with zeros and finds nothing wrong with them
where a row's bytes were; and it takes the first bad frame of a log for its end, because a kill may
have cut the last transaction short. Formats: https://www.sqlite.org/fileformat2.html, sections 1.3
and 4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC = 0x377F0682
"""The lowest bit says that checksums read words as big-endian."""
_LARGEST_PAGE = 65_536


@dataclass(frozen=True)
class Log:
    """A write-ahead log."""

    sound: bool
    """Whether it has a header, as every log of an open database."""
    pages: frozenset[int] = frozenset()
    """Numbers of the pages that were committed, from 1."""
    database_pages: int = 0
    """Length of the database in pages after the last commit; 0 = it holds no commit."""
    commits: tuple[int, ...] = field(default=())
    """Numbers of the frames that end a transaction, from 1."""

    def lost_commits(self, frames: int) -> int:
        """Transactions that were certainly durable and that SQLite passes over.

        The last one may have been cut short by the kill, before anybody was told of it.

        Args:
            frames: those that SQLite takes for valid.
        """
        return max(sum(1 for commit in self.commits if commit > frames) - 1, 0)


def missing_pages(database: Path, log: Path) -> int:
    """Number of pages that are neither whole in the file nor in the log."""
    with database.open("rb") as file:
        header = file.read(100)
    (page_size,) = struct.unpack_from(">H", header, 16)
    page_size = _LARGEST_PAGE if page_size == 1 else max(page_size, 1)
    held = read_log(log)
    (in_header,) = struct.unpack_from(">I", header, 28)
    needed = held.database_pages or in_header
    whole = database.stat().st_size // page_size
    # A damaged header can ask for billions.
    return max(needed - whole, 0) - sum(1 for page in held.pages if whole < page <= needed)


def read_log(path: Path) -> Log:
    """The log's present generation. Frames are told apart by its salts, not by their checksums."""
    data = path.read_bytes() if path.exists() else b""
    if len(data) < _HEADER.size:
        return Log(sound=False)
    magic, _, page_size, _, *salts, sum1, sum2 = _HEADER.unpack_from(data)
    if magic & ~1 != _MAGIC or _checksum(data[:24], big_endian=bool(magic & 1)) != (sum1, sum2):
        return Log(sound=False)
    pages: set[int] = set()
    pending: set[int] = set()
    commits: list[int] = []
    length = 0
    step = _FRAME.size + page_size
    for number, at in enumerate(range(_HEADER.size, len(data) - step + 1, step), start=1):
        page, committed, *frame_salts, _, _ = _FRAME.unpack_from(data, at)
        if frame_salts != salts:
            break  # left over from before the last checkpoint
        pending.add(page)
        if committed:
            pages |= pending
            pending.clear()
            commits.append(number)
            length = committed
    return Log(sound=True, pages=frozenset(pages), database_pages=length, commits=tuple(commits))


def _checksum(data: bytes, *, big_endian: bool) -> tuple[int, int]:
    words = struct.unpack(f"{'>' if big_endian else '<'}{len(data) // 4}I", data)
    sum1 = sum2 = 0
    for first, second in zip(words[::2], words[1::2], strict=True):
        sum1 = (sum1 + first + sum2) & 0xFFFFFFFF
        sum2 = (sum2 + second + sum1) & 0xFFFFFFFF
    return sum1, sum2
