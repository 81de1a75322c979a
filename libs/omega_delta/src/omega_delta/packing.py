"""Messages to compressed bodies and back, within bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from google.protobuf.message import DecodeError, Message

from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_delta.zstd import compress, decompress


def pack(field: str, message: Message, limit: int, raw_limit: int) -> bytes:
    """A zstd frame of a message, the same bytes for the same message.

    Raises:
        OmegaError: INVALID_FIELD when the frame exceeds `limit` bytes, or the serialised message
            `raw_limit` bytes.
    """
    raw = message.SerializeToString(deterministic=True)
    if len(raw) > raw_limit:
        raise invalid(field, f"at most {raw_limit:,} bytes before compression")
    body = compress(raw)
    if len(body) > limit:
        raise invalid(field, f"at most {limit:,} bytes when compressed")
    return body


def unpack(field: str, data: bytes, into: Message, limit: int, raw_limit: int) -> None:
    """Fills a message from pack's bytes, under the same limits.

    Raises:
        OmegaError: INVALID_FIELD when `data` is too large, no zstd frame or no such message.
    """
    if len(data) > limit:
        raise invalid(field, f"at most {limit:,} bytes")
    try:
        into.ParseFromString(decompress(field, data, raw_limit))
    except DecodeError:
        raise invalid(field, f"a serialised {into.DESCRIPTOR.full_name}") from None


def halves(rows: Sequence[bytes], field: str) -> FloatArray:
    """float16 rows of 384 as one float32 matrix (n, 384); values are not checked.

    Raises:
        OmegaError: INVALID_FIELD that names the row, `field` with its index in the braces, when
            a row has another length.
    """
    width = 2 * DIMENSION
    for i, row in enumerate(rows):
        if len(row) != width:
            raise invalid(field.format(i), f"exactly {width} bytes")
    matrix = np.frombuffer(b"".join(rows), "<f2").reshape(-1, DIMENSION)
    return matrix.astype(np.float32)
