"""Vectors of the fallback codecs: float16, or a byte a component with a least value and a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omega.common.v1 import resource_pb2
from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, pack_f16
from omega_delta import packing

F16 = resource_pb2.Codec.CODEC_F16_ZSTD
"""768 bytes a vector, exact to float16."""
U8 = resource_pb2.Codec.CODEC_U8_ZSTD
"""388 bytes a vector."""

_LEVELS = 255
_RANGE = np.dtype("<f2")
_U8_BYTES = 2 * _RANGE.itemsize + DIMENSION


def encode_vector(codec: int, vector: FloatArray) -> bytes:
    """A unit vector, float32 (384,), under F16 or U8.

    Raises:
        OmegaError: INVALID_FIELD codec for any other.
    """
    if codec == F16:
        return pack_f16(vector)
    if codec != U8:
        raise invalid("codec", "CODEC_F16_ZSTD or CODEC_U8_ZSTD")
    least = _RANGE.type(vector.min())
    step = _RANGE.type((float(vector.max()) - float(least)) / _LEVELS)
    if float(least) + _LEVELS * float(step) < float(vector.max()):
        step = np.nextafter(step, _RANGE.type(np.inf))  # float16 rounded the step down
    places = np.rint((vector.astype(np.float64) - float(least)) / max(float(step), 1e-12))
    levels = places.clip(0, _LEVELS).astype(np.uint8)
    return np.array([least, step], _RANGE).tobytes() + levels.tobytes()


def decode_vectors(codec: int, rows: Sequence[bytes], field: str) -> FloatArray:
    """encode_vector's rows as one float32 matrix (n, 384). The norms of F16 are not checked.

    The arithmetic is float64 in a fixed order, so every TV reads the same numbers.

    Args:
        codec: F16 or U8.
        rows: as received.
        field: names a row when its index is put in the braces, "patterns[{}].embedding".

    Raises:
        OmegaError: INVALID_FIELD that names the row: another length, a range that is not finite,
            or no direction at all.
    """
    if codec == F16:
        return packing.halves(rows, field)
    matrix = np.empty((len(rows), DIMENSION), np.float32)
    for i, row in enumerate(rows):
        if len(row) != _U8_BYTES:
            raise invalid(field.format(i), f"exactly {_U8_BYTES} bytes")
        least, step = np.frombuffer(row, _RANGE, 2).astype(np.float64)
        if not (np.isfinite(least) and np.isfinite(step) and step >= 0):
            raise invalid(field.format(i), "a finite least component and a step of at least 0")
        values = least + step * np.frombuffer(row, np.uint8, offset=2 * _RANGE.itemsize)
        norm = float(np.sqrt((values * values).sum()))
        if not norm:
            raise invalid(field.format(i), "a vector that has a direction")
        matrix[i] = values / norm
    return matrix
