"""Vectors: packing, unit norm, centring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import invalid

FloatArray = NDArray[np.float32]
"""A float32 array."""
_BLOCK = 512


def unit(rows: FloatArray) -> FloatArray:
    """Rows (n, d) or one vector (d,) scaled to Euclidean norm 1; zero rows stay zero. float32."""
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(norm, 1e-12), dtype=np.float32)


def make_unit(rows: FloatArray) -> FloatArray:
    """`unit` in place of rows (n, d) float32, without a copy as large as they are; returns them."""
    for begin in range(0, len(rows), _BLOCK):
        rows[begin : begin + _BLOCK] = unit(rows[begin : begin + _BLOCK])
    return rows


def centre(rows: FloatArray, mean: FloatArray) -> FloatArray:
    """unit(rows - mean): rows (n, d) or (d,), mean (d,). float32.

    Sentence encoders put every text in a narrow cone; without its mean, cosines discriminate
    (Mu & Viswanath 2018, all-but-the-top).
    """
    return unit(np.asarray(rows, np.float32) - mean)


def pack_f16(vector: FloatArray) -> bytes:
    """float16 little-endian bytes, 2 a component."""
    return np.asarray(vector).astype("<f2").tobytes()


def unpack_f16(field: str, data: bytes, dimension: int) -> FloatArray:
    """The inverse of pack_f16 as float32 (dimension,).

    Raises:
        OmegaError: INVALID_FIELD when the length is not 2 x dimension, a component is not
            finite, or the vector is zero.
    """
    if len(data) != 2 * dimension:
        raise invalid(field, f"exactly {2 * dimension:,} bytes of float16")
    vector = np.frombuffer(data, "<f2").astype(np.float32)
    if not np.isfinite(vector).all():
        raise invalid(field, "finite in every component")
    if not vector.any():
        raise invalid(field, "a vector other than zero")
    return vector


def pack_f32(vector: FloatArray) -> bytes:
    """float32 little-endian bytes, 4 a component."""
    return np.asarray(vector).astype("<f4").tobytes()


def unpack_f32(field: str, data: bytes, length: int) -> FloatArray:
    """The inverse of pack_f32 as float32 (length,).

    Raises:
        OmegaError: INVALID_FIELD when the length is not 4 x length or a component is not finite.
    """
    if len(data) != 4 * length:
        raise invalid(field, f"exactly {4 * length:,} bytes of float32")
    vector = np.frombuffer(data, "<f4").astype(np.float32)
    if not np.isfinite(vector).all():
        raise invalid(field, "finite in every component")
    return vector
