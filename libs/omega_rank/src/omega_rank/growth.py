"""Rows that grow in place, so that a catalogue with a few more titles is no copy."""

from __future__ import annotations

import threading

import numpy as np

from omega_core import vectors
from omega_core.vectors import FloatArray

_BLOCK = 1024
_SPARE_SHARE = 8
_LEAST_SPARE = 256


class GrowingRows:
    """Float32 rows in one block of memory with room behind them.

    Each catalogue sees the rows that were there when it was made; only rows behind those are ever
    written. Memory for the room is taken up by the operating system when it is first written to.
    Safe for threads.

    Args:
        rows: how many there are at first; the caller fills them through `first`.
        width: of each row.
    """

    def __init__(self, rows: int, width: int) -> None:
        spare = max(rows // _SPARE_SHARE, _LEAST_SPARE)
        self._lock = threading.Lock()
        self._block = np.empty((rows + spare, width), np.float32)
        self._used = rows

    @property
    def first(self) -> FloatArray:
        """View of the rows there are."""
        return self._block[: self._used]

    def appended(self, held: FloatArray, more: FloatArray) -> FloatArray | None:
        """`held` and then `more` (k, width), as a view.

        None when there is no room, or `held` is no view of all rows that there are: another
        catalogue has grown from it already.
        """
        n = len(held)
        with self._lock:
            if held.base is not self._block or n != self._used or n + len(more) > len(self._block):
                return None
            self._block[n : n + len(more)] = more
            self._used = n + len(more)
            return self.first


def centred(rows: FloatArray, mean: FloatArray) -> GrowingRows:
    """vectors.centre(rows, mean) with room to grow, made without temporary copies of its size."""
    result = GrowingRows(len(rows), rows.shape[1])
    filled = result.first
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        filled[block] = vectors.centre(rows[block], mean)
    return result
