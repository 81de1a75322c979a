"""Array types of this library, and the checks that its entry points share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray

Int8Array = NDArray[np.int8]
"""An int8 array."""
Int32Array = NDArray[np.int32]
"""An int32 array."""
Int64Array = NDArray[np.int64]
"""An int64 array."""
DoubleArray = NDArray[np.float64]
"""A float64 array."""
Arrays = Mapping[str, NDArray[Any]]
"""Arrays by name: how what shards exchange is written down."""


class Sketches(Protocol):
    """Sketches (n, 384) of +-1, as an array or as what unpacks them a slice at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, 384)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> FloatArray: ...


def check_inputs(
    sketches: Sketches, embeddings: FloatArray, sigma: float | FloatArray, **at_least_one: int
) -> None:
    """Holds sketches (n, 384), embeddings (m >= 1, 384), sigma or (n,) of it and counts to bounds.

    Raises:
        OmegaError: INVALID_FIELD that names the argument.
    """
    for field, rows in (("sketches", sketches), ("embeddings", embeddings)):
        if rows.shape != (rows.shape[0], DIMENSION):
            raise invalid(field, f"a matrix of {DIMENSION} columns")
    if not embeddings.shape[0]:
        raise invalid("embeddings", "a matrix with at least one row")
    if np.shape(sigma) not in {(), (sketches.shape[0],)} or not np.all(np.asarray(sigma) > 0):
        raise invalid("sigma", "greater than 0, one for all sketches or one for each")
    for field, value in at_least_one.items():
        if value < 1:
            raise invalid(field, "at least 1")
