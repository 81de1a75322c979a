"""What every index holds its input to: hnswlib reads past short vectors and takes NaN silently."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from omega_agentdb.port import IdArray
from omega_core import validate
from omega_core.errors import invalid
from omega_core.vectors import FloatArray, unit


class Batch(NamedTuple):
    """Checked input of an add."""

    ids: IdArray
    """(n,) distinct, ascending."""
    vectors: FloatArray
    """(n, dimension) unit rows, contiguous."""


def ids_of(field: str, ids: IdArray) -> IdArray:
    """Ids as contiguous int64 (n,).

    Raises:
        OmegaError: INVALID_FIELD when they are not integers of at least 0 in one dimension.
    """
    array = np.asarray(ids)
    if array.ndim != 1 or not (array.size == 0 or np.issubdtype(array.dtype, np.integer)):
        raise invalid(field, "one dimension of integers")
    # Unsigned ids above the range of int64 turn negative here and are refused below.
    array = np.ascontiguousarray(array, dtype=np.int64)
    if array.size and array.min() < 0:
        raise invalid(field, "between 0 and 2^63 - 1")
    return array


def batch(ids: IdArray, vectors: FloatArray, dimension: int) -> Batch:
    """Input of an add, the last of equal ids kept.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    checked = ids_of("ids", ids)
    rows = np.asarray(vectors)
    if rows.shape != (checked.size, dimension):
        raise invalid("vectors", f"of shape ({checked.size}, {dimension})")
    rows = _unit_rows(rows, "vectors")
    # np.unique keeps the first of equal ones, so it looks from the end.
    distinct, last = np.unique(checked[::-1], return_index=True)
    return Batch(distinct, np.ascontiguousarray(rows[::-1][last]))


def query(vector: FloatArray, k: int, dimension: int) -> FloatArray:
    """A query as a contiguous unit vector.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.integer("k", k, 1, 2**31 - 1)
    row = np.asarray(vector)
    if row.shape != (dimension,):
        raise invalid("vector", f"a vector of {dimension} dimensions")
    return np.ascontiguousarray(_unit_rows(row[np.newaxis], "vector")[0])


def _unit_rows(rows: FloatArray, field: str) -> FloatArray:
    if rows.dtype.kind != "f":
        raise invalid(field, "of floating point numbers")
    if not np.isfinite(rows).all():
        raise invalid(field, "finite in every component")
    wide = rows.astype(np.float32) if rows.dtype == np.float16 else rows
    # Divided by its largest component first, neither a huge nor a tiny vector loses its norm.
    largest = np.abs(wide).max(axis=1, initial=0.0)
    if not largest.all():
        raise invalid(field, "a vector other than zero")
    return unit(np.asarray(wide / largest[:, np.newaxis], dtype=np.float32))
