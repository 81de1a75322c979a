"""A field as a release to come may send it: what reads a message must not stumble over it."""

from __future__ import annotations

from typing import Final

NUMBER: Final = 536_870_911
"""The largest number of a field (Protocol Buffers, language guide); no contract comes near it."""
TEXT: Final = b"of a release to come"


def later_field(data: bytes = TEXT) -> bytes:
    """The field on the wire, to be put behind a message: its key with type 2, length and bytes."""
    return _varint(NUMBER << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
