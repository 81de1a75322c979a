"""A report as the operator stores it: always of one length, and nothing in it names a TV."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from omega_core import validate
from omega_core.errors import invalid
from omega_threshold.epochs import MAX_EPOCH
from omega_threshold.pair import PAIR_BYTES
from omega_threshold.ristretto import ORDER, SCALAR_BYTES

VERSION = 1
"""Of the layout."""
MIN_THRESHOLD, MAX_THRESHOLD = 2, 32
"""Bounds of t, the number of reports that open a pair."""
TAG_BYTES, POINT_BYTES = 16, 16
"""Length of a tag, and of the x of a share."""
SEALED_BYTES = PAIR_BYTES + 16
"""Length of a sealed pair: AES-SIV adds 16 bytes."""
_LAYOUT = struct.Struct(f">BBI{TAG_BYTES}s{POINT_BYTES}s{SCALAR_BYTES}s{SEALED_BYTES}s")
REPORT_BYTES = _LAYOUT.size
"""Length of every report."""


@dataclass(frozen=True)
class Report:
    """One TV's word on one pair.

    All but `x` and `y` is the same in every report of the pair, epoch and threshold; `x` is chance.
    """

    epoch: int
    """Whose key its coins come from."""
    threshold: int
    """How many reports open it."""
    tag: bytes
    """The same for the same pair; TAG_BYTES."""
    x: int
    """Where the share lies: drawn a report, 1 to 2^128 - 1."""
    y: int
    """The share."""
    sealed: bytes
    """The pair, encrypted; SEALED_BYTES."""

    def __post_init__(self) -> None:
        validate.integer("epoch", self.epoch, 0, MAX_EPOCH)
        validate.integer("threshold", self.threshold, MIN_THRESHOLD, MAX_THRESHOLD)
        validate.size("tag", self.tag, TAG_BYTES)
        validate.size("sealed", self.sealed, SEALED_BYTES)
        if not 0 < self.x < 2 ** (8 * POINT_BYTES):
            raise invalid("x", "1 to 2^128 - 1")
        if not 0 <= self.y < ORDER:
            raise invalid("y", "a scalar of ristretto255")

    @property
    def group(self) -> tuple[int, int, bytes, bytes]:
        """What honest reports of one pair have in common; reports that differ in it never mix."""
        return self.epoch, self.threshold, self.tag, self.sealed

    def encode(self) -> bytes:
        """REPORT_BYTES."""
        x, y = self.x.to_bytes(POINT_BYTES, "big"), self.y.to_bytes(SCALAR_BYTES, "little")
        return _LAYOUT.pack(VERSION, self.threshold, self.epoch, self.tag, x, y, self.sealed)

    @classmethod
    def decode(cls, data: bytes) -> Report:
        """The report that encode() wrote.

        Raises:
            OmegaError: INVALID_FIELD report, or the field at fault.
        """
        validate.size("report", data, REPORT_BYTES)
        version, threshold, epoch, tag, x, y, sealed = _LAYOUT.unpack(data)
        if version != VERSION:
            raise invalid("report", f"of version {VERSION}")
        point, value = int.from_bytes(x, "big"), int.from_bytes(y, "little")
        return cls(epoch, threshold, tag, point, value, sealed)
