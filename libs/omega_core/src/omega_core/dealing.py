"""Devices dealt out by chance that everybody can compute: who gets a new version first."""

from __future__ import annotations

import hashlib

PERMILLE = 1_000
"""Numbers that devices have."""
SALT_BYTES = 8
"""Length of a salt."""


def device_number(salt: bytes, device_id: str) -> int:
    """The number of a device under a salt, 0 to 999, as omega.constellation.v1.StagedResource says.

    The SHA-256 of salt and id, its first 8 bytes as a big-endian number, modulo 1,000: no number is
    likelier than another by more than 1e-16.
    """
    digest = hashlib.sha256(salt + device_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % PERMILLE
