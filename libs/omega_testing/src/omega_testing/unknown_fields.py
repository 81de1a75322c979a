"""A line that adds to every message, both ways, what only a release to come would know."""

from __future__ import annotations

from omega_testing.between import Between, Spoilt

_FIELD = 536_870_911
"""The largest number of a field; no contract comes near it."""
_TEXT = b"of a release to come"


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


EXTRA = _varint(_FIELD << 3 | 2) + _varint(len(_TEXT)) + _TEXT
"""An unknown field on the wire: its number with type 2 (bytes), the length, and the bytes."""


class UnknownFields(Between):
    """Passes every call on to a server without TLS; a context manager.

    Args:
        target: HOST:PORT of the server.
    """

    def __init__(self, target: str) -> None:
        self.passed = 0
        """Messages that were added to, of both ways."""
        super().__init__(target, Spoilt(request=self._added, answer=self._added))

    def _added(self, _method: str, message: bytes) -> bytes:
        self.passed += 1
        return message + EXTRA
