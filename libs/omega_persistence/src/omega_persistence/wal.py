"""Reads how much of a database its file and write-ahead log hold between them.

SQLite fills what is missing at the end of a file with zeros and finds nothing wrong with them
where a row's bytes were. Formats: https://www.sqlite.org/fileformat2.html, sections 1.3 and 4.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

_LOG_HEADER = struct.Struct(">8I")
_FRAME_HEADER = struct.Struct(">6I")
_LARGEST_PAGE = 65_536


class Log(NamedTuple):
    """What a write-ahead log holds."""

    pages: set[int]
    """Numbers of the pages in it, from 1."""
    database_pages: int
    """Length of the database in pages after its last commit; 0 = it holds no commit."""


def missing_pages(database: Path, log: Path) -> int:
    """Number of pages that are neither whole in the file nor in the log."""
    with database.open("rb") as file:
        header = file.read(100)
    (page_size,) = struct.unpack_from(">H", header, 16)
    page_size = _LARGEST_PAGE if page_size == 1 else max(page_size, 1)
    held = read_log(log, page_size)
    (in_header,) = struct.unpack_from(">I", header, 28)
    needed = held.database_pages or in_header
    whole = database.stat().st_size // page_size
    return sum(1 for page in range(whole + 1, needed + 1) if page not in held.pages)


def read_log(log: Path, page_size: int) -> Log:
    """The pages of the log's present generation; empty when there is no log of that page size."""
    pages: set[int] = set()
    length = 0
    data = log.read_bytes() if log.exists() else b""
    if len(data) >= _LOG_HEADER.size:
        _, _, size, _, *salts, _, _ = _LOG_HEADER.unpack_from(data)
        step = _FRAME_HEADER.size + page_size
        last = len(data) - step if size == page_size else -1
        for at in range(_LOG_HEADER.size, last + 1, step):
            page, committed, *frame_salts, _, _ = _FRAME_HEADER.unpack_from(data, at)
            if frame_salts != salts:
                break  # left over from before the last checkpoint
            pages.add(page)
            length = committed or length
    return Log(pages, length)
