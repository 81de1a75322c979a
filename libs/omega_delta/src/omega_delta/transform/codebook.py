"""The codebook: everything that coding vectors needs, as integers in one body."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import OmegaError, invalid
from omega_core.limits import DIMENSION
from omega_delta import checks
from omega_delta.transform import layout
from omega_delta.transform.rans import CLASSES, PRECISION, TOTAL, Table

Int64Array = NDArray[np.int64]
_HEAD = struct.Struct("<4s7H")
_SYMBOLS = 2 * layout.SPAN + 1
_MOST_SCALE = 1_023
_COST_POINT = 8


@dataclass(frozen=True, eq=False)
class Codebook:
    """A shared basis, the spread of every coefficient along it, and tables of frequencies."""

    model_version: str
    """Encoder of the vectors, 1 to 64 characters of ASCII."""
    mean: NDArray[np.int16]
    """Mean pattern, (384,), in units of 2^-15."""
    scales: NDArray[np.uint16]
    """What a basis row is multiplied by, (K,), in units of 2^-16, 1 to 1,023; K is 1 to 384."""
    starts: NDArray[np.int16]
    """Coefficients from which titles are coded, (K,), in units of 2^-12."""
    spreads: NDArray[np.int8]
    """Binary logarithm of each coefficient's spread in eighths, a row a kind, (3, K)."""
    anchors: NDArray[np.int8]
    """Coefficients from which patterns are coded, (A, W), in units of 2^-8.

    A is a power of two from 1 to 4,096, W is 1 to K; coefficients from W on are 0.
    """
    gains: NDArray[np.int8]
    """What a gain class adds to spreads, in eighths, a row a kind, (3, 16)."""
    basis: NDArray[np.int8]
    """Rows of the transform, (K, 384)."""
    steps: NDArray[np.uint32]
    """Quantiser steps, falling, (80,), in units of 2^-20, 1 to 2^20."""
    gain_table: NDArray[np.uint16]
    """Frequencies of gain classes, a row a kind, (3, 16); each row of any table sums to 2^15."""
    level_table: NDArray[np.uint16]
    """Frequencies of levels from -31 to 31, a row a spread over step, (80, 63)."""
    number_table: NDArray[np.uint16]
    """Frequencies of the classes of numbers, a row a field, (10, 33)."""
    operation_table: NDArray[np.uint16]
    """Frequencies of changed, replaced, removed, (1, 3)."""

    @classmethod
    def decode(cls, body: bytes) -> Codebook:
        """The codebook of a body.

        Raises:
            OmegaError: INVALID_FIELD codebook when it breaks a bound of docs/codec.md.
        """
        try:
            return cls(**_parse(body))
        except (ValueError, struct.error, UnicodeDecodeError) as error:
            raise invalid("codebook", f"a codebook as docs/codec.md states: {error}") from error

    def __post_init__(self) -> None:
        try:
            checks.model("codebook", self.model_version)
            _check(self)
        except (OmegaError, ValueError) as error:
            raise invalid("codebook", f"a codebook as docs/codec.md states: {error}") from error

    @cached_property
    def body(self) -> bytes:
        """Its bytes; those it was decoded from."""
        name = self.model_version.encode()
        count, width = self.anchors.shape
        head = _HEAD.pack(
            layout.MAGIC,
            DIMENSION,
            self.size,
            layout.STEPS,
            layout.SPAN,
            len(name),
            count,
            width,
        )
        shapes = _shapes(self.size, count, width)
        parts = (getattr(self, field).astype(kind).tobytes() for field, kind, _ in shapes)
        return head + name + b"".join(parts)

    @cached_property
    def id(self) -> int:
        """The first 4 bytes of the body's SHA-256 as a little-endian number."""
        return int.from_bytes(hashlib.sha256(self.body).digest()[:4], "little")

    @property
    def anchor_bits(self) -> int:
        """Bits of an anchor's index, 0 to 12."""
        return len(self.anchors).bit_length() - 1

    def anchor_levels(self, step: int) -> Int64Array:
        """Anchors in steps, rounded, (A, K)."""
        wide = int(self.steps[step])
        fixed = self.anchors.astype(np.int64) << layout.POINT - layout.ANCHOR_POINT + 1
        levels = np.zeros((len(self.anchors), self.size), np.int64)
        levels[:, : self.anchors.shape[1]] = (fixed + wide) // (2 * wide)
        return levels

    @property
    def size(self) -> int:
        """K, coefficients a vector."""
        return len(self.scales)

    @cached_property
    def wide_basis(self) -> NDArray[np.float64]:
        """The basis as float64, in which products of its integers are exact, (K, 384)."""
        return self.basis.astype(np.float64)

    @cached_property
    def level_tables(self) -> list[Table]:
        """Cumulative frequencies of levels."""
        return _cumulative(self.level_table)

    @cached_property
    def gain_tables(self) -> list[Table]:
        """Cumulative frequencies of gain classes, one a kind."""
        return _cumulative(self.gain_table)

    @cached_property
    def number_tables(self) -> list[Table]:
        """Cumulative frequencies of classes of numbers."""
        return _cumulative(self.number_table)

    @cached_property
    def operation_tables(self) -> Table:
        """Cumulative frequencies of operations."""
        return _cumulative(self.operation_table)[0]

    @cached_property
    def level_starts(self) -> Int64Array:
        """Cumulative frequencies of levels below each, (80, 63)."""
        wide = self.level_table.astype(np.int64)
        return np.asarray(np.cumsum(wide, axis=1) - wide, np.int64)

    @cached_property
    def level_costs(self) -> NDArray[np.int32]:
        """Bits of each level in units of 2^-8, (80, 63); what follows an end is not counted."""
        return _costs(self.level_table)

    @cached_property
    def gain_costs(self) -> NDArray[np.int32]:
        """Bits of each gain class in units of 2^-8, (3, 16)."""
        return _costs(self.gain_table)

    def tables_of(self, kind: int, gain: int, step: int) -> Int64Array:
        """Table of each coefficient of a vector, (K,), 0 to 79."""
        shift = (step >> 1) + layout.CENTRE + int(self.gains[kind, gain])
        tables = self.spreads[kind].astype(np.int64) + shift
        return np.asarray(np.clip(tables, 0, layout.STEPS - 1), np.int64)

    def start_of(self, kind: int) -> Int64Array:
        """Coefficients from which vectors of a kind are coded, (K,), in units of 2^-20."""
        if kind != layout.TITLE:
            return np.zeros(self.size, np.int64)
        return self.starts.astype(np.int64) << layout.POINT - layout.START_POINT


def _shapes(size: int, anchors: int, width: int) -> list[tuple[str, str, tuple[int, ...]]]:
    """Fields in the order of the body, with their types and shapes."""
    return [
        ("mean", "<i2", (DIMENSION,)),
        ("scales", "<u2", (size,)),
        ("starts", "<i2", (size,)),
        ("spreads", "i1", (3, size)),
        ("anchors", "i1", (anchors, width)),
        ("gains", "i1", (3, layout.GAINS)),
        ("basis", "i1", (size, DIMENSION)),
        ("steps", "<u4", (layout.STEPS,)),
        ("gain_table", "<u2", (3, layout.GAINS)),
        ("level_table", "<u2", (layout.STEPS, _SYMBOLS)),
        ("number_table", "<u2", (layout.NUMBERS, CLASSES)),
        ("operation_table", "<u2", (1, layout.OPERATIONS)),
    ]


def _parse(body: bytes) -> dict[str, Any]:
    magic, dimension, size, steps, span, named, anchors, width = _HEAD.unpack_from(body)
    if (magic, dimension, steps, span) != (layout.MAGIC, DIMENSION, layout.STEPS, layout.SPAN):
        raise ValueError("its head is another")
    at = _HEAD.size + named
    fields: dict[str, Any] = {"model_version": body[_HEAD.size : at].decode()}
    for field, kind, shape in _shapes(size, anchors, width):
        count = int(np.prod(shape))
        found = np.frombuffer(body, kind, count, at).reshape(shape)
        fields[field] = found.astype(found.dtype.newbyteorder("="))
        at += found.nbytes
    if at != len(body):
        raise ValueError("its length is another")
    return fields


def _check(book: Codebook) -> None:
    if not book.model_version.isascii():
        raise ValueError("model_version is ASCII")
    if not 1 <= book.size <= DIMENSION:
        raise ValueError(f"1 to {DIMENSION} coefficients")
    count, width = book.anchors.shape
    if not 1 <= count <= 1 << layout.MOST_ANCHOR_BITS or count & count - 1:
        raise ValueError("anchors are a power of two up to 4,096")
    if not 1 <= width <= book.size:
        raise ValueError("anchors have 1 to K coefficients")
    for field, kind, shape in _shapes(book.size, count, width):
        found = getattr(book, field)
        if found.shape != shape or found.dtype != np.dtype(kind).newbyteorder("="):
            raise ValueError(f"{field} has another form")
    _check_values(book)


def _check_values(book: Codebook) -> None:
    if not book.mean.any():
        raise ValueError("the mean is not zero")
    if not ((book.scales >= 1) & (book.scales <= _MOST_SCALE)).all():
        raise ValueError(f"scales are 1 to {_MOST_SCALE:,}")
    steps = book.steps.astype(np.int64)
    if steps[0] > 1 << layout.POINT or steps[-1] < 1 or (np.diff(steps) >= 0).any():
        raise ValueError("steps fall from at most 2^20 to at least 1")
    for tables in (book.gain_table, book.level_table, book.number_table, book.operation_table):
        if not tables.all() or (tables.astype(np.int64).sum(-1) != TOTAL).any():
            raise ValueError("rows of a table sum to 2^15, without zeros")


def _cumulative(tables: NDArray[np.uint16]) -> list[Table]:
    return [[0, *np.cumsum(row.astype(np.int64)).tolist()] for row in tables]


def _costs(tables: NDArray[np.uint16]) -> NDArray[np.int32]:
    bits = PRECISION - np.log2(tables.astype(np.float64))
    return np.asarray(np.rint(bits * (1 << _COST_POINT)), np.int32)


def frequencies(weights: Sequence[float] | NDArray[np.float64]) -> NDArray[np.uint16]:
    """Frequencies of a table, at least 1 each, in proportion to weights (n,) or (m, n)."""
    rows = np.atleast_2d(np.asarray(weights, np.float64))
    shares = rows / rows.sum(-1, keepdims=True)
    found = np.maximum(1, np.rint(shares * (TOTAL - rows.shape[1]))).astype(np.int64)
    greatest = found.argmax(-1)
    found[np.arange(len(found)), greatest] += TOTAL - found.sum(-1)
    return np.asarray(found, np.uint16)
