"""Unit vectors in numbered rows, as float32 or as float16."""

from __future__ import annotations

from enum import StrEnum
from typing import BinaryIO, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from omega_agentdb.half import HalfArray, products
from omega_agentdb.port import IdArray
from omega_core.vectors import FloatArray, unit

F = TypeVar("F", np.float16, np.float32)


class RowType(StrEnum):
    """How an index keeps its vectors."""

    FLOAT32 = "float32"
    """As they are."""
    FLOAT16 = "float16"
    """Rounded to float16 and scaled back to norm 1: half the memory, cosines of vectors of 384
    dimensions within 1e-4 of the exact ones. Embeddings that were stored as float16 lose nothing
    that counts."""


class Table(Protocol):
    """Rows that are written once; those not written yet are undefined."""

    def stored(self, vectors: FloatArray) -> FloatArray:
        """Unit vectors (n, d) as the table would give them back."""
        ...

    def put(self, first: int, vectors: FloatArray) -> None:
        """Writes unit vectors (n, d) from row `first` on."""
        ...

    def take(self, rows: IdArray) -> FloatArray:
        """Rows (n,) as unit vectors (n, d) float32."""
        ...

    def kept(self, rows: IdArray) -> FloatArray:
        """Rows (n,) float32 that `put` into another table makes the same rows there.

        Unit vectors would be rounded once more, by another part each time.
        """
        ...

    def cosines(self, query: FloatArray, rows: IdArray | int) -> FloatArray:
        """Cosines (n,) with a unit query (d,) of rows (n,), or of the first n rows."""
        ...

    def grow(self, used: int, capacity: int) -> None:
        """Makes room for `capacity` rows; the first `used` stay."""
        ...

    def write(self, used: int, file: BinaryIO) -> None:
        """Writes the first rows in the byte order of the machine."""
        ...

    def read(self, used: int, file: BinaryIO) -> None:
        """Reads what `write` wrote, straight into place.

        Raises:
            ValueError: the file is too short.
        """
        ...


def table(row_type: RowType, dimension: int, capacity: int) -> Table:
    """An empty table."""
    made: type[_Single | _Half] = _Half if row_type is RowType.FLOAT16 else _Single
    return made(dimension, capacity)


class _Single:
    def __init__(self, dimension: int, capacity: int) -> None:
        self._rows: FloatArray = np.empty((capacity, dimension), np.float32)

    def stored(self, vectors: FloatArray) -> FloatArray:
        return vectors

    def put(self, first: int, vectors: FloatArray) -> None:
        self._rows[first : first + len(vectors)] = vectors

    def take(self, rows: IdArray) -> FloatArray:
        return self._rows[rows]

    def kept(self, rows: IdArray) -> FloatArray:
        return self._rows[rows]

    def cosines(self, query: FloatArray, rows: IdArray | int) -> FloatArray:
        chosen = self._rows[:rows] if isinstance(rows, int) else self._rows[rows]
        return np.asarray(chosen @ query, np.float32)

    def grow(self, used: int, capacity: int) -> None:
        self._rows = _grown(self._rows, used, capacity)

    def write(self, used: int, file: BinaryIO) -> None:
        _dump(self._rows[:used], file)

    def read(self, used: int, file: BinaryIO) -> None:
        _fill(self._rows[:used], file)


class _Half:
    def __init__(self, dimension: int, capacity: int) -> None:
        self._rows: HalfArray = np.empty((capacity, dimension), np.float16)
        self._scales: FloatArray = np.empty(capacity, np.float32)  # back to norm 1

    def stored(self, vectors: FloatArray) -> FloatArray:
        return unit(vectors.astype(np.float16).astype(np.float32))

    def put(self, first: int, vectors: FloatArray) -> None:
        rounded = vectors.astype(np.float16)
        self._rows[first : first + len(vectors)] = rounded
        norms = np.linalg.norm(rounded.astype(np.float32), axis=1)
        self._scales[first : first + len(vectors)] = 1 / norms

    def take(self, rows: IdArray) -> FloatArray:
        return unit(self.kept(rows))

    def kept(self, rows: IdArray) -> FloatArray:
        return self._rows[rows].astype(np.float32)

    def cosines(self, query: FloatArray, rows: IdArray | int) -> FloatArray:
        if isinstance(rows, int):
            return products(self._rows[:rows], query) * self._scales[:rows]
        return products(self._rows[rows], query) * self._scales[rows]

    def grow(self, used: int, capacity: int) -> None:
        self._rows = _grown(self._rows, used, capacity)
        self._scales = _grown(self._scales, used, capacity)

    def write(self, used: int, file: BinaryIO) -> None:
        _dump(self._rows[:used], file)
        _dump(self._scales[:used], file)

    def read(self, used: int, file: BinaryIO) -> None:
        _fill(self._rows[:used], file)
        _fill(self._scales[:used], file)


def _grown(array: NDArray[F], used: int, capacity: int) -> NDArray[F]:
    grown: NDArray[F] = np.empty((capacity, *array.shape[1:]), array.dtype)
    grown[:used] = array[:used]
    return grown


def _dump(array: NDArray[F], file: BinaryIO) -> None:
    file.write(array.view(np.uint8).data)


def _fill(array: NDArray[F], file: BinaryIO) -> None:
    left = array.view(np.uint8).reshape(-1)
    while left.size:  # a file may give less than is asked for
        read = file.readinto(left.data)  # type: ignore[attr-defined]  # every binary file has it
        if not read:
            raise ValueError(f"{file.name} ends too early")
        left = left[read:]
