"""Plans and parts of a round as bytes: a list of what comes, and then piece after piece of it.

They travel between workers of one fleet, through its own database.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import zstandard
from numpy.typing import NDArray

from omega_learn import Partial, Sums
from omega_learn.arrays import Arrays

_PIECE = 8 << 20
"""Bytes of a piece before it is compressed, at most."""
_LEVEL = 1
"""Of zstd: pieces are written and read once."""
_LENGTH = struct.Struct("<I")

S = TypeVar("S", bound=Partial)


def pieces(arrays: Arrays) -> Iterator[bytes]:
    """Arrays as bytes; each array begins a piece of its own."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    listed = [(name, each.dtype.str, each.shape) for name, each in arrays.items()]
    yield compressor.compress(json.dumps(listed).encode())
    for each in arrays.values():
        flat = np.ascontiguousarray(each).reshape(-1)
        for start, stop in _cuts(flat):
            yield compressor.compress(flat[start:stop].tobytes())


def arrays_of(found: Iterable[bytes], into: dict[str, NDArray[Any]] | None = None) -> Arrays:
    """The arrays of pieces(), or those of `into` to which they were added in place.

    Raises:
        ValueError: pieces are missing, or `into` has other arrays.
    """
    rest = iter(found)
    reader = zstandard.ZstdDecompressor()
    listed = json.loads(reader.decompress(next(rest)))
    arrays = {name: np.zeros(shape, dtype) for name, dtype, shape in listed if into is None}
    if into is not None:
        arrays = into
        if [[n, a.dtype.str, list(a.shape)] for n, a in into.items()] != listed:
            raise ValueError("sums of other titles, regions or windows")
    for each in arrays.values():
        flat = each.reshape(-1)
        for start, stop in _cuts(flat):
            piece = np.frombuffer(reader.decompress(next(rest)), each.dtype)
            if into is None:
                flat[start:stop] = piece
            else:
                flat[start:stop] += piece
    if next(rest, None) is not None:
        raise ValueError("more pieces than are listed")
    return arrays


def merged(
    partial: type[S],
    parts: Iterable[Iterable[bytes]],
    note: Callable[[Arrays], None] = lambda _: None,
) -> S:
    """What the parts of several shards come to, at least one.

    Args:
        partial: what they are; of sums, one piece is in memory beside the total.
        parts: of each shard, as pieces().
        note: hears the total after each part.
    """
    rest = iter(parts)
    if partial is not Sums:
        total = partial.of(arrays_of(next(rest)))
        note(total.arrays())
        for part in rest:
            total = total.merge(partial.of(arrays_of(part)))
            note(total.arrays())
        return total
    sums = dict(arrays_of(next(rest)))
    note(sums)
    for part in rest:
        arrays_of(part, sums)
        note(sums)
    return partial.of(sums)


def pack(arrays: Arrays) -> bytes:
    """Arrays as one body: pieces() with the length of each before it."""
    return b"".join(_LENGTH.pack(len(piece)) + piece for piece in pieces(arrays))


def unpack(body: bytes) -> Arrays:
    """The arrays of pack()."""

    def split() -> Iterator[bytes]:
        at = 0
        while at < len(body):
            (size,) = _LENGTH.unpack_from(body, at)
            at += _LENGTH.size + size
            yield body[at - size : at]

    return arrays_of(split())


def _cuts(flat: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Where the pieces of a flat array begin and end."""
    together = max(_PIECE // max(flat.dtype.itemsize, 1), 1)
    for start in range(0, len(flat), together):
        yield start, min(start + together, len(flat))
