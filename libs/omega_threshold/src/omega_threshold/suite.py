"""The ciphersuite ristretto255-SHA512 of RFC 9497, section 4.1: its hashes, by mode."""

from __future__ import annotations

import hashlib
from enum import IntEnum

from omega_core.errors import invalid
from omega_threshold import ristretto

_DIGEST, _BLOCK = 64, 128  # of SHA-512, in bytes
_LONGEST = 2**16 - 1
OUTPUT_BYTES = _DIGEST
"""Length of an output of the function."""


class Mode(IntEnum):
    """What an evaluation shows beside its result (RFC 9497, section 3.1)."""

    OPRF = 0
    """Nothing."""
    VOPRF = 1
    """That it was made with the key of a public key."""

    @property
    def context(self) -> bytes:
        """contextString, which keeps the modes' hashes apart."""
        return b"OPRFV1-" + bytes([self]) + b"-ristretto255-SHA512"


def prefixed(*parts: bytes) -> bytes:
    """Each part behind its length in two bytes, one after the other.

    Raises:
        OmegaError: INVALID_FIELD input for a part of more than 65,535 bytes.
    """
    if any(len(part) > _LONGEST for part in parts):
        raise invalid("input", f"at most {_LONGEST:,} bytes")
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def expand(message: bytes, tag: bytes) -> bytes:
    """64 uniform bytes: expand_message_xmd with SHA-512 (RFC 9380, section 5.3.1).

    Args:
        message: any bytes.
        tag: DST, at most 255 bytes.
    """
    domain = tag + bytes([len(tag)])
    length = ristretto.UNIFORM_BYTES.to_bytes(2, "big")
    first = hashlib.sha512(bytes(_BLOCK) + message + length + b"\0" + domain).digest()
    return hashlib.sha512(first + b"\1" + domain).digest()


def hash_to_group(mode: Mode, message: bytes) -> bytes:
    """HashToGroup: an element of which nobody knows a logarithm."""
    return ristretto.element(expand(message, b"HashToGroup-" + mode.context))


def hash_to_scalar(mode: Mode, message: bytes, *, tag: bytes = b"HashToScalar-") -> bytes:
    """HashToScalar, or its like under another tag."""
    return ristretto.scalar(expand(message, tag + mode.context))


def derive_key(mode: Mode, seed: bytes, info: bytes) -> bytes:
    """DeriveKeyPair: the secret key of a seed (RFC 9497, section 3.2.1).

    Args:
        mode: the key serves no other.
        seed: 32 bytes of secure chance.
        info: what the key is for.

    Raises:
        OmegaError: INVALID_FIELD seed or input.
    """
    if len(seed) != ristretto.SCALAR_BYTES:
        raise invalid("seed", f"exactly {ristretto.SCALAR_BYTES} bytes")
    start = seed + prefixed(info)
    keys = (hash_to_scalar(mode, start + bytes([n]), tag=b"DeriveKeyPair") for n in range(256))
    return next(key for key in keys if any(key))
