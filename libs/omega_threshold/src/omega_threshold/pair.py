"""An unordered pair of titles, or one title, and how it is put to the randomness server."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from omega_core import limits, validate
from omega_core.errors import invalid

KEY_BYTES = 16
"""Length of a title's key."""
PAIR_BYTES = 2 * KEY_BYTES
"""Length of a pair, whatever its titles are called."""


def title_key(content_id: str) -> bytes:
    """KEY_BYTES that stand for a title: everyone who knows the catalogue knows whose they are.

    Two titles of 80,000 have the same with a chance of 10^-29.

    Raises:
        OmegaError: INVALID_FIELD content_id.
    """
    validate.identifier("content_id", content_id, limits.MAX_ID)
    return hashlib.sha256(b"omega.threshold.v1 title\0" + content_id.encode()).digest()[:KEY_BYTES]


@dataclass(frozen=True, order=True)
class Pair:
    """Two titles that one household likes; a title with itself is that title alone."""

    low: bytes
    """The lesser key."""
    high: bytes
    """The greater key, or the same."""

    def __post_init__(self) -> None:
        validate.size("pair", self.low + self.high, PAIR_BYTES)
        if self.low > self.high:
            raise invalid("pair", "titles in the order of their keys")

    @classmethod
    def of(cls, one: str, other: str) -> Pair:
        """The pair of two content ids, in whichever order; twice the same is a title alone.

        Raises:
            OmegaError: INVALID_FIELD content_id.
        """
        return cls(*sorted((title_key(one), title_key(other))))

    @classmethod
    def decode(cls, data: bytes) -> Pair:
        """The pair that encode() wrote.

        Raises:
            OmegaError: INVALID_FIELD pair.
        """
        return cls(data[:KEY_BYTES], data[KEY_BYTES:])

    def encode(self) -> bytes:
        """PAIR_BYTES."""
        return self.low + self.high

    @property
    def alone(self) -> bool:
        """Whether it is one title."""
        return self.low == self.high

    @property
    def asked(self) -> bytes:
        """What the oblivious function is computed of."""
        return b"omega.threshold.v1 pair\0" + self.encode()
