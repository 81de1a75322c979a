"""Vectors as a byte a component, with the least component and the step of each as float16."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit

PACKED_BYTES = 4 + DIMENSION
"""Bytes of a vector."""
_STEPS = 255


def pack_u8(vector: FloatArray) -> bytes:
    """388 bytes of a vector (384,) with components from -1 to 1.

    Least component and step, float16 little-endian, then a byte a component.
    """
    least = np.float16(vector.min())
    step = np.float16((np.float32(vector.max()) - np.float32(least)) / _STEPS)
    # A float16 step may be a little short: the greatest components are then clipped.
    scale = np.float32(step) or np.float32(1.0)
    levels = np.rint((np.asarray(vector, np.float32) - np.float32(least)) / scale)
    packed = np.clip(levels, 0, _STEPS).astype(np.uint8)
    return b"".join((np.array([least, step], "<f2").tobytes(), packed.tobytes()))


def unpack_u8(rows: Sequence[bytes], field: str) -> FloatArray:
    """The inverse as unit vectors, float32 (n, 384).

    Args:
        rows: 388 bytes each.
        field: name of a row, with its index in the braces, for errors.

    Raises:
        OmegaError: INVALID_FIELD that names the row when its length is another, its least component
            or step is not finite, or all its components are 0.
    """
    for i, row in enumerate(rows):
        if len(row) != PACKED_BYTES:
            raise invalid(field.format(i), f"exactly {PACKED_BYTES} bytes")
    packed = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, PACKED_BYTES)
    heads = np.frombuffer(packed[:, :4].tobytes(), "<f2").reshape(-1, 2).astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        vectors = heads[:, :1] + heads[:, 1:] * packed[:, 4:].astype(np.float32)
    wrong = np.flatnonzero(~(np.isfinite(vectors).all(1) & vectors.any(1)))
    if wrong.size:
        raise invalid(field.format(int(wrong[0])), "a finite vector other than zero")
    return unit(vectors)
