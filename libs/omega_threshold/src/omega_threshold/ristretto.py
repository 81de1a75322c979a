"""The group ristretto255 (RFC 9496), by libsodium.

Elements and scalars are their encodings: 32 bytes, scalars little-endian and below ORDER. libsodium
itself reduces no scalar and adds what is no element to nothing, so whatever comes from outside goes
through decode_element or decode_scalar first.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from omega_core.errors import invalid
from omega_threshold.in_memory import FOLDER, libraries_in_memory

with warnings.catch_warnings(), libraries_in_memory():
    # The package writes libsodium to a file of its own at import, and leaves it open and behind.
    warnings.simplefilter("ignore", ResourceWarning)
    import rbcl

    if not rbcl._sodium._name.startswith(FOLDER):  # noqa: SLF001 - its only name
        Path(rbcl._sodium._name).unlink(missing_ok=True)  # noqa: SLF001

ELEMENT_BYTES = 32
"""Length of an element."""
SCALAR_BYTES = 32
"""Length of a scalar."""
UNIFORM_BYTES = 64
"""Length of the uniform bytes that an element or a scalar is made from."""
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Number of elements: a prime (RFC 9496, section 4)."""
IDENTITY = bytes(ELEMENT_BYTES)
"""The element that changes nothing."""


def decode_element(field: str, data: bytes) -> bytes:
    """`data`, if it is the one encoding of an element other than IDENTITY.

    Raises:
        OmegaError: INVALID_FIELD `field`.
    """
    if (
        len(data) != ELEMENT_BYTES
        or data == IDENTITY
        or not rbcl.crypto_core_ristretto255_is_valid_point(data)
    ):
        raise invalid(field, "an element of ristretto255 other than the identity")
    return data


def decode_scalar(field: str, data: bytes) -> bytes:
    """`data`, if it is the encoding of a number below ORDER; 0 is one.

    Raises:
        OmegaError: INVALID_FIELD `field`.
    """
    if len(data) != SCALAR_BYTES or int.from_bytes(data, "little") >= ORDER:
        raise invalid(field, "a scalar of ristretto255")
    return data


def element(uniform: bytes) -> bytes:
    """The element that UNIFORM_BYTES uniform bytes stand for (RFC 9496, section 4.3.4)."""
    return bytes(rbcl.crypto_core_ristretto255_from_hash(uniform))


def scalar(uniform: bytes) -> bytes:
    """UNIFORM_BYTES bytes, little-endian, modulo ORDER."""
    return bytes(rbcl.crypto_core_ristretto255_scalar_reduce(uniform))


def random_scalar() -> bytes:
    """A scalar other than 0 by the operating system's secure chance."""
    return bytes(rbcl.crypto_core_ristretto255_scalar_random())


def generated(factor: bytes) -> bytes:
    """The generator, `factor` times."""
    return bytes(rbcl.crypto_scalarmult_ristretto255_base_allow_scalar_zero(factor))


def times(factor: bytes, of: bytes) -> bytes:
    """An element, `factor` times; in constant time."""
    return bytes(rbcl.crypto_scalarmult_ristretto255_allow_scalar_zero(factor, of))


def plus(one: bytes, other: bytes) -> bytes:
    """The sum of two elements."""
    return bytes(rbcl.crypto_core_ristretto255_add(one, other))


def product(one: bytes, other: bytes) -> bytes:
    """The product of two scalars."""
    return bytes(rbcl.crypto_core_ristretto255_scalar_mul(one, other))


def minus(one: bytes, other: bytes) -> bytes:
    """The difference of two scalars."""
    return bytes(rbcl.crypto_core_ristretto255_scalar_sub(one, other))


def inverse(of: bytes) -> bytes:
    """The scalar whose product with `of`, which is not 0, is 1."""
    return bytes(rbcl.crypto_core_ristretto255_scalar_invert(of))
