"""Range asymmetric numeral system (Duda 2013, arXiv:1311.2540): symbols under static tables.

32-bit state, byte-wise renormalisation, frequencies that sum to 2^15. The decoder has to end on the
state the encoder began with and on the last byte, which refuses most damage before the CRC does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import invalid

PRECISION = 15
"""Bits of a frequency."""
TOTAL = 1 << PRECISION
"""Sum of a table's frequencies."""
LEAST = 1 << 23
"""Least state between two symbols, and the first one of an encoder."""
CLASSES = 33
"""Symbols of a number's table: the bits of the number plus one, less one."""
_MASK = TOTAL - 1
Table = Sequence[int]
"""Cumulative frequencies of a table, one more than it has symbols."""


class Writer:
    """Collects symbols in the order of reading."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._frequencies: list[int] = []

    def symbol(self, table: Table, index: int) -> None:
        """The symbol of that index."""
        self._starts.append(table[index])
        self._frequencies.append(table[index + 1] - table[index])

    def bits(self, value: int, count: int) -> None:
        """The lowest `count` bits of a value, in pieces of 8 from the highest on."""
        while count > 0:
            piece = min(count, 8)
            count -= piece
            self._starts.append((value >> count & (1 << piece) - 1) << PRECISION - piece)
            self._frequencies.append(TOTAL >> piece)

    def number(self, table: Table, value: int) -> None:
        """A number from 0 to 2^33 - 2: the class, then its bits below the highest."""
        length = (value + 1).bit_length() - 1
        self.symbol(table, length)
        self.bits(value + 1 - (1 << length), length)

    def signed(self, table: Table, value: int) -> None:
        """A number of either sign: 0, -1, 1, -2, ... are 0, 1, 2, 3, ..."""
        self.number(table, 2 * value if value >= 0 else -2 * value - 1)

    def symbols(self, starts: NDArray[np.int64], frequencies: NDArray[np.int64]) -> None:
        """Many symbols at once."""
        self._starts += starts.tolist()
        self._frequencies += frequencies.tolist()

    def append(self, other: Writer) -> None:
        """Everything that another one collected."""
        self._starts += other._starts
        self._frequencies += other._frequencies

    def estimate(self) -> int:
        """Bytes that finish() takes, within 4."""
        bits = PRECISION * len(self._frequencies) - np.log2(self._frequencies or [1]).sum()
        return int(bits) // 8 + 4

    def finish(self) -> bytes:
        """The stream."""
        state, out = LEAST, bytearray()
        for start, frequency in zip(
            reversed(self._starts), reversed(self._frequencies), strict=True
        ):
            most = frequency << 16  # (LEAST / TOTAL) * 256 * frequency
            while state >= most:
                out.append(state & 255)
                state >>= 8
            state = (state // frequency << PRECISION) + state % frequency + start
        while state:
            out.append(state & 255)
            state >>= 8
        out.reverse()
        return bytes(out)


class Reader:
    """Reads what a Writer collected.

    Raises:
        OmegaError: INVALID_FIELD payload, from any method, when the stream ends too early.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._state = 0
        self._fill()

    def symbol(self, table: Table) -> int:
        """Index of the next symbol."""
        slot = self._state & _MASK
        index = bisect_right(table, slot) - 1
        start = table[index]
        self._state = (table[index + 1] - start) * (self._state >> PRECISION) + slot - start
        self._fill()
        return index

    def bits(self, count: int) -> int:
        """The next bits as a number."""
        value = 0
        while count > 0:
            piece = min(count, 8)
            count -= piece
            shift = PRECISION - piece
            slot = self._state & _MASK
            value = value << piece | slot >> shift
            self._state = (self._state >> PRECISION << shift) + (slot & (1 << shift) - 1)
            self._fill()
        return value

    def number(self, table: Table) -> int:
        """The next number."""
        length = self.symbol(table)
        return (1 << length) + self.bits(length) - 1

    def signed(self, table: Table) -> int:
        """The next number of either sign."""
        value = self.number(table)
        return -(value + 1 >> 1) if value & 1 else value >> 1

    def levels(self, tables: Sequence[Table], span: int, escape: Table) -> list[int]:
        """The next levels, one a table, each from -span to span; the ends are followed by more."""
        data, at, state = self._data, self._at, self._state
        found = []
        try:
            for table in tables:
                slot = state & _MASK
                index = bisect_right(table, slot) - 1
                start = table[index]
                state = (table[index + 1] - start) * (state >> PRECISION) + slot - start
                while state < LEAST:
                    state = state << 8 | data[at]
                    at += 1
                level = index - span
                if level in (-span, span):
                    self._at, self._state = at, state
                    more = self.number(escape)
                    level += more if level > 0 else -more
                    at, state = self._at, self._state
                found.append(level)
        except IndexError:
            raise _short() from None
        self._at, self._state = at, state
        return found

    def end(self) -> None:
        """Refuses a stream that does not end here.

        Raises:
            OmegaError: INVALID_FIELD payload.
        """
        if self._state != LEAST or self._at != len(self._data):
            raise invalid("payload", "a stream that ends with its last symbol")

    def _fill(self) -> None:
        while self._state < LEAST:
            if self._at >= len(self._data):
                raise _short()
            self._state = self._state << 8 | self._data[self._at]
            self._at += 1


def _short() -> Exception:
    return invalid("payload", "a whole stream")
