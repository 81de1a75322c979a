"""Bounds of packs: each check raises INVALID_FIELD that names the field, or the first bad row.

A field written with braces, such as "entries[{}].ordinal", is completed with the row's index.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omega_core import limits, validate
from omega_core.errors import invalid
from omega_core.vectors import FloatArray

UNIT_TOLERANCE = 1e-2
"""How far from 1 a unit vector's norm may lie; float16 rounding moves it by less than 1e-3."""


def version(field: str, value: int) -> None:
    """A version from 1."""
    validate.integer(field, value, 1, limits.MAX_VERSION)


def model(field: str, value: str) -> None:
    """An encoder's name, 1 to 64 characters."""
    validate.text(field, value, 64, 1)


def shape(field: str, array: NDArray[Any], expected: tuple[int, ...]) -> None:
    """Exactly the expected shape."""
    if array.shape != expected:
        raise invalid(field, "an array of " + " x ".join(f"{n:,}" for n in expected))


def finite(field: str, array: FloatArray) -> None:
    """Finite in every component."""
    if not np.isfinite(array).all():
        raise invalid(field, "finite in every component")


def ascending(field: str, values: NDArray[np.uint32]) -> None:
    """Strictly ascending, so free of duplicates."""
    wrong = np.flatnonzero(values[1:] <= values[:-1])
    if wrong.size:
        raise invalid(field.format(int(wrong[0]) + 1), "greater than the one before")


def unit_rows(field: str, rows: FloatArray) -> None:
    """Rows (n, d) that are finite and of Euclidean norm 1 as float16, within UNIT_TOLERANCE."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = rows.astype(np.float16).astype(np.float32)
        norms = np.sqrt(np.einsum("ij,ij->i", rounded, rounded))
    wrong = np.flatnonzero(~(np.abs(norms - 1.0) <= UNIT_TOLERANCE))
    if wrong.size:
        raise invalid(field.format(int(wrong[0])), "a finite vector of norm 1")


def distinct(field: str, values: Sequence[Hashable]) -> None:
    """No value twice."""
    if len(set(values)) == len(values):
        return
    seen: set[Hashable] = set()
    for i, value in enumerate(values):
        if value in seen:
            raise invalid(field.format(i), "free of duplicates")
        seen.add(value)
