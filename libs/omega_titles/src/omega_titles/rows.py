"""Rows of any form: each becomes a title, or is kept with what is wrong with it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from omega_core.content import Content
from omega_core.errors import OmegaError, invalid

MAX_LINE = 262_144
"""Longest line in bytes: ten times what the longest title takes, escaped."""
MAX_TITLES = 2_000_000
"""Most titles of a file, so that a file cannot take all memory."""
MAX_BAD = 1_000
"""Bad rows that are kept one by one; of the others only the number."""


@dataclass(frozen=True)
class BadRow:
    """A row that is no title."""

    line: int
    """Line of the file on which it begins, from 1."""
    field: str
    """What is wrong in it, such as "year"; empty = the row itself."""
    bound: str
    """What that must be."""

    def __str__(self) -> str:
        """ "line 7: year must be 0 or between 1870 and 2200"."""  # noqa: D210 - a quotation
        return f"line {self.line}: {self.field or 'it'} must be {self.bound}"


@dataclass(frozen=True)
class TitleFile:
    """What stands in a file."""

    contents: tuple[Content, ...]
    """Titles with distinct ids, in the order of the file, each within its bounds."""
    bad: tuple[BadRow, ...]
    """The first rows that are none, at most MAX_BAD."""
    bad_rows: int
    """How many there are."""


@dataclass(frozen=True)
class Line:
    """A line of bytes."""

    number: int
    """From 1."""
    data: bytes
    """Without its end; empty where it is too long."""
    whole: bool
    """Whether it has at most MAX_LINE bytes."""

    @property
    def name(self) -> str:
        """What errors about it begin with."""
        return str(self.number)

    def text(self) -> str:
        """The line as text.

        Raises:
            OmegaError: INVALID_FIELD that names the line.
        """
        if not self.whole:
            raise invalid(self.name, f"a line of at most {MAX_LINE:,} bytes")
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError:
            raise invalid(self.name, "UTF-8") from None


def lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines of a file, without a byte order mark; what is too long is passed over unread."""
    number = 0
    while data := stream.readline(MAX_LINE + 2):
        number += 1
        ended = data.endswith(b"\n")
        kept = data.removesuffix(b"\n").removesuffix(b"\r")
        if number == 1:
            kept = kept.removeprefix(codecs.BOM_UTF8)
            if not kept and not ended:
                return
        whole = len(kept) <= MAX_LINE
        yield Line(number, kept if whole else b"", whole)
        while data and not ended:
            data = stream.readline(MAX_LINE)
            ended = data.endswith(b"\n")


class Collector:
    """Takes titles row by row."""

    def __init__(self) -> None:
        self._contents: dict[str, Content] = {}
        self._lines: dict[str, int] = {}
        self._bad: list[BadRow] = []
        self._bad_rows = 0

    @contextmanager
    def row(self, line: int) -> Iterator[None]:
        """What is refused inside, by a name that begins with the line, makes the row a bad one."""
        try:
            yield
        except OmegaError as error:
            field = error.field.removeprefix(str(line)).removeprefix(".")
            self.refuse(BadRow(line, field, error.bound))

    def refuse(self, row: BadRow) -> None:
        """Keeps a bad row."""
        self._bad_rows += 1
        if len(self._bad) < MAX_BAD:
            self._bad.append(row)

    def add(self, line: int, content: Content) -> None:
        """Takes a title.

        Raises:
            OmegaError: INVALID_FIELD when its id was taken before, or there are too many.
        """
        first = self._lines.setdefault(content.content_id, line)
        if content.content_id in self._contents:
            raise invalid(f"{line}.content_id", f"unique in the file; it stands on line {first}")
        if len(self._contents) >= MAX_TITLES:
            raise invalid(f"{line}", f"one of at most {MAX_TITLES:,} titles")
        self._contents[content.content_id] = content

    def file(self) -> TitleFile:
        """All of them."""
        bad = sorted(self._bad, key=lambda row: row.line)
        return TitleFile(tuple(self._contents.values()), tuple(bad), self._bad_rows)
