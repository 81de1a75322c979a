"""Looks for byte strings in many megabytes: all of them in one pass.

Each string is filed under its last six bytes. A pass hashes every window of four bytes with numpy
and looks closer only where a hash is one of the strings'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHORTEST = 6
"""Bytes below which a string says nothing: it turns up anywhere by chance."""
_PIECE = 48
"""Longer strings are looked for by three pieces: SQLite spreads them over pages."""
_DISTINCT = 4
"""Distinct bytes below which a string says nothing either."""
_HASH_BITS = 20
_FACTOR = np.uint32(2_654_435_761)
"""Knuth's multiplicative hash."""
_CHUNK = 1 << 20
_BETWEEN = b"\xff\x00\xff"
"""Between two rows; in no text."""


class Traces:
    """A set of byte strings of 6 to 48 bytes."""

    def __init__(self, strings: Iterable[bytes]) -> None:
        self._strings = frozenset(strings)
        self._by_end: dict[bytes, list[bytes]] = defaultdict(list)
        for string in self._strings:
            self._by_end[string[-SHORTEST:]].append(string)
        self._hashes = np.zeros(1 << _HASH_BITS, np.bool_)
        ends = b"".join(end[:4] for end in self._by_end)
        self._hashes[_hashed(np.frombuffer(ends, "<u4"))] = True

    def __len__(self) -> int:
        return len(self._strings)

    @classmethod
    def of(cls, rows: Iterable[tuple[Any, ...]]) -> Traces:
        """Those that the texts and blobs of `rows` leave; what says nothing is left out."""
        values = {value for row in rows for value in _bytes(row)}
        return cls(piece for value in values for piece in _pieces(value))

    def of_length(self, shortest: int) -> Traces:
        """Those of at least `shortest` bytes."""
        return Traces(string for string in self._strings if len(string) >= shortest)

    def without(self, rows: Iterable[tuple[Any, ...]]) -> Traces:
        """Those that do not stand in `rows` as well."""
        known: set[bytes] = set()
        for block in _blocks(rows):
            known |= self.found_in(block)
        return Traces(self._strings - known)

    def found_in(self, data: bytes) -> set[bytes]:
        """Those that stand in `data`."""
        found: set[bytes] = set()
        for start in range(0, len(data), _CHUNK):
            # Ends that begin in this chunk; their strings may begin before it.
            chunk = data[start : start + _CHUNK + SHORTEST - 1]
            for at in self._candidates(chunk):
                for string in self._by_end.get(chunk[at : at + SHORTEST], ()):
                    end = start + at + SHORTEST
                    if data[max(end - len(string), 0) : end] == string:
                        found.add(string)
        return found

    def found_in_file(self, path: Path) -> set[bytes]:
        """Those that stand in a file.

        Raises:
            OSError: it cannot be read.
        """
        found: set[bytes] = set()
        with path.open("rb") as file:
            before = b""
            while read := file.read(_CHUNK):
                found |= self.found_in(before + read)
                before = (before + read)[-_PIECE:]
        return found

    def _candidates(self, chunk: bytes) -> list[int]:
        if len(chunk) < SHORTEST or not self._strings:
            return []
        places = [
            np.flatnonzero(self._hashes[_hashed(_words(chunk, shift))]) * 4 + shift
            for shift in range(4)
        ]
        return [int(place) for place in np.concatenate(places)]


def _words(chunk: bytes, shift: int) -> NDArray[np.uint32]:
    """The words of four bytes that begin at `shift`, `shift` + 4 and so on."""
    return np.frombuffer(chunk, "<u4", (len(chunk) - shift) // 4, shift)


def _hashed(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return (words * _FACTOR) >> np.uint32(32 - _HASH_BITS)


def _bytes(row: tuple[Any, ...]) -> Iterator[bytes]:
    for value in row:
        if isinstance(value, str):
            yield value.encode("utf-8")
        elif isinstance(value, bytes):
            yield value


def _pieces(value: bytes) -> Iterator[bytes]:
    middle = (len(value) - _PIECE) // 2
    whole = len(value) <= _PIECE
    pieces = [value] if whole else [value[:_PIECE], value[middle:][:_PIECE], value[-_PIECE:]]
    for piece in pieces:
        if len(piece) >= SHORTEST and len(set(piece)) >= _DISTINCT:
            yield piece


def _blocks(rows: Iterable[tuple[Any, ...]]) -> Iterator[bytes]:
    """The rows' texts and blobs, side by side as in the file, in pieces of a megabyte or more."""
    waiting: list[bytes] = []
    size = 0
    for row in rows:
        # In an index a column stands alone, in the table next to its neighbour.
        waiting.append(b"".join(_bytes(row)))
        size += len(waiting[-1])
        if size >= _CHUNK:
            yield _BETWEEN.join(waiting)
            waiting, size = [], 0
    yield _BETWEEN.join(waiting)
