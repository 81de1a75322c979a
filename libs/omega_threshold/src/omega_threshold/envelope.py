"""Messages through a relay that cannot read them: the encapsulation of RFC 9458 (Oblivious HTTP).

The TV encrypts a request for a gateway by HPKE (RFC 9180), the relay hands it on, and what comes
back is encrypted for this exchange alone. The relay sees who calls and no message; the gateway
sees a message and no caller. No HTTP is inside: section 4.6 has other formats use labels of their
own.

One suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pyhpke import AEADId, CipherSuite, ContextInterface, KDFId, KEMId, KEMKeyPair, PyHPKEError

from omega_core import validate
from omega_core.errors import invalid

_SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES128_GCM)
_ALGORITHMS = (_SUITE.kem.id.value, _SUITE.kdf.id.value, _SUITE.aead.id.value)
_HEADER = struct.Struct(">BHHH")
_PAIR = struct.Struct(">HH")
KEY_BYTES = 32
"""Length of a key, public or private, and of what carries a request's secret."""
_KEY, _NONCE, _TAG = 16, 12, 16  # of AES-128-GCM, in bytes
REQUEST_OVERHEAD = _HEADER.size + KEY_BYTES + _TAG
"""Bytes that an encapsulated request is longer than its message."""
RESPONSE_OVERHEAD = max(_KEY, _NONCE) + _TAG
"""Bytes that an encapsulated response is longer than its message."""


@dataclass(frozen=True)
class Labels:
    """What keeps messages of different kinds apart."""

    request: bytes = b"omega.threshold.v1 request"
    """Of requests."""
    response: bytes = b"omega.threshold.v1 response"
    """Of responses."""


LABELS = Labels()
"""Those of threshold reports."""


@dataclass(frozen=True)
class KeyConfig:
    """A gateway's public key, as TVs are told it (RFC 9458, section 3.1)."""

    key_id: int
    """0 to 255."""
    public: bytes
    """KEY_BYTES."""

    def __post_init__(self) -> None:
        validate.integer("key_id", self.key_id, 0, 255)
        validate.size("public", self.public, KEY_BYTES)

    def encode(self) -> bytes:
        """The key with the one pair of algorithms that is spoken here."""
        kem, *pair = _ALGORITHMS
        head = struct.pack(">BH", self.key_id, kem) + self.public
        return head + struct.pack(">H", _PAIR.size) + _PAIR.pack(*pair)

    @classmethod
    def decode(cls, data: bytes) -> KeyConfig:
        """What any gateway published, if it speaks this suite.

        Raises:
            OmegaError: INVALID_FIELD key_config.
        """
        kem, *pair = _ALGORITHMS
        rest = data[5 + KEY_BYTES :]
        if (
            len(rest) < _PAIR.size
            or len(rest) % _PAIR.size
            or struct.unpack(">H", data[3 + KEY_BYTES : 5 + KEY_BYTES]) != (len(rest),)
            or struct.unpack(">H", data[1:3]) != (kem,)
            or tuple(pair) not in _PAIR.iter_unpack(rest)
        ):
            raise invalid("key_config", "a key for X25519, HKDF-SHA256 and AES-128-GCM")
        return cls(data[0], data[3 : 3 + KEY_BYTES])


@dataclass(frozen=True)
class Exchange:
    """What both sides of one exchange hold once the request is read."""

    carried: bytes
    """`enc` of the request; KEY_BYTES."""
    secret: bytes = field(repr=False)
    """Exported from the HPKE context."""

    def seal(self, response: bytes, nonce: bytes | None = None) -> bytes:
        """The encapsulated response (section 4.4).

        Args:
            response: the message.
            nonce: 16 bytes, drawn where none are given, which only published vectors do.
        """
        nonce = nonce or os.urandom(max(_KEY, _NONCE))
        return nonce + self._cipher(nonce).encrypt(self._derived(nonce, b"nonce"), response, None)

    def open(self, encapsulated: bytes) -> bytes:
        """The response inside.

        Raises:
            OmegaError: INVALID_FIELD encapsulated for one of another exchange, or a damaged one.
        """
        nonce, sealed = encapsulated[: max(_KEY, _NONCE)], encapsulated[max(_KEY, _NONCE) :]
        try:
            return self._cipher(nonce).decrypt(self._derived(nonce, b"nonce"), sealed, None)
        except InvalidTag:
            raise invalid("encapsulated", "a response to this very request") from None

    def _cipher(self, nonce: bytes) -> AESGCM:
        return AESGCM(self._derived(nonce, b"key"))

    def _derived(self, nonce: bytes, label: bytes) -> bytes:
        length = _KEY if label == b"key" else _NONCE
        return HKDF(SHA256(), length, self.carried + nonce, label).derive(self.secret)


def encapsulate(
    config: KeyConfig,
    request: bytes,
    labels: Labels = LABELS,
    ephemeral: KEMKeyPair | None = None,
) -> tuple[bytes, Exchange]:
    """A TV's side (section 4.3): what the relay gets, and how the answer will be read.

    Args:
        config: the gateway's key.
        request: the message; pad() it, for its length shows.
        labels: of its kind.
        ephemeral: drawn where none is given, which only published vectors do.

    Raises:
        OmegaError: INVALID_FIELD key_config for a key of small order.
    """
    header = _HEADER.pack(config.key_id, *_ALGORITHMS)
    public = _SUITE.kem.deserialize_public_key(config.public)
    info = labels.request + b"\0" + header
    try:
        carried, context = _SUITE.create_sender_context(public, info, eks=ephemeral)
    except (PyHPKEError, ValueError):
        raise invalid("key_config", "a key that is no element of small order") from None
    return header + carried + context.seal(request), _exchange(carried, context, labels)


@dataclass(frozen=True)
class Gateway:
    """Who reads what relays hand on."""

    keys: Mapping[int, bytes] = field(repr=False)
    """Key id -> private key of KEY_BYTES; the last one too while TVs still hold it."""

    def config(self, key_id: int) -> KeyConfig:
        """What TVs are told of a key."""
        private = X25519PrivateKey.from_private_bytes(self.keys[key_id])
        return KeyConfig(key_id, private.public_key().public_bytes_raw())

    def decapsulate(self, encapsulated: bytes, labels: Labels = LABELS) -> tuple[bytes, Exchange]:
        """The request inside, and how the answer is sealed.

        Raises:
            OmegaError: INVALID_FIELD encapsulated for what was sealed for another key or in another
                form, or is damaged.
        """
        header, rest = encapsulated[: _HEADER.size], encapsulated[_HEADER.size :]
        carried, sealed = rest[:KEY_BYTES], rest[KEY_BYTES:]
        if len(sealed) < _TAG:
            raise invalid("encapsulated", f"at least {REQUEST_OVERHEAD} bytes")
        key_id, *algorithms = _HEADER.unpack(header)
        if key_id not in self.keys or tuple(algorithms) != _ALGORITHMS:
            raise invalid("encapsulated", "sealed for a key that is served, in its suite")
        private = _SUITE.kem.deserialize_private_key(self.keys[key_id])
        try:
            info = labels.request + b"\0" + header
            context = _SUITE.create_recipient_context(carried, private, info)
            return context.open(sealed), _exchange(carried, context, labels)
        except (PyHPKEError, ValueError):
            raise invalid("encapsulated", f"sealed for key {key_id}") from None


def _exchange(carried: bytes, context: ContextInterface, labels: Labels) -> Exchange:
    return Exchange(carried, context.export(labels.response, max(_KEY, _NONCE)))


def pad(message: bytes, size: int) -> bytes:
    """`message` behind its length, filled up to `size` bytes with zeros.

    Raises:
        OmegaError: INVALID_FIELD message when it has more than size - 2 bytes.
    """
    validate.integer("size", size, 2, 65_537)
    if len(message) > size - 2:
        raise invalid("message", f"at most {size - 2:,} bytes")
    return (len(message).to_bytes(2, "big") + message).ljust(size, b"\0")


def unpad(padded: bytes) -> bytes:
    """The message that pad() was given.

    Raises:
        OmegaError: INVALID_FIELD message for what pad() does not make.
    """
    end = 2 + int.from_bytes(padded[:2], "big")
    if len(padded) < max(2, end) or any(padded[end:]):
        raise invalid("message", "its length, itself, and zeros")
    return padded[2:end]
