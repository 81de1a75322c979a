"""An oblivious pseudo-random function (RFC 9497): a server helps to compute it and learns nothing.

The TV blinds an input, the server multiplies by its key, the TV takes the blinding off and hashes.
In mode VOPRF a proof shows that the server used the key that it had published. So it can use no
key of its own for a TV, which would mark that TV's results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_threshold import dleq, ristretto
from omega_threshold.suite import Mode, derive_key, hash_to_group, prefixed

MAX_BATCH = 128
"""Most elements of one evaluation."""


@dataclass(frozen=True)
class SecretKey:
    """A server's key for one mode."""

    secret: bytes = field(repr=False)
    """A scalar other than 0."""
    mode: Mode = Mode.VOPRF
    """The mode that it serves."""

    def __post_init__(self) -> None:
        if not any(ristretto.decode_scalar("secret", self.secret)):
            raise invalid("secret", "a scalar other than 0")

    @classmethod
    def derived(cls, seed: bytes, info: bytes, mode: Mode = Mode.VOPRF) -> SecretKey:
        """The key that DeriveKeyPair makes of 32 bytes of chance and what the key is for."""
        return cls(derive_key(mode, seed, info), mode)

    @property
    def public(self) -> bytes:
        """The public key: an element."""
        return ristretto.generated(self.secret)

    def evaluate(self, value: bytes) -> bytes:
        """The function's output for an input that is known here: OUTPUT_BYTES."""
        return _output(value, ristretto.times(self.secret, hash_to_group(self.mode, value)))


@dataclass(frozen=True)
class Evaluation:
    """A server's answer to a batch."""

    elements: tuple[bytes, ...]
    """One element for each that was asked, in their order."""
    proof: bytes
    """That all were made with one key, dleq.PROOF_BYTES; empty in mode OPRF."""


def evaluate(key: SecretKey, blinded: Sequence[bytes], *, nonce: bytes | None = None) -> Evaluation:
    """BlindEvaluate: what a server does.

    Args:
        key: the server's.
        blinded: 1 to MAX_BATCH elements as they came.
        nonce: see dleq.prove.

    Raises:
        OmegaError: INVALID_FIELD blinded.
    """
    validate.count("blinded", blinded, MAX_BATCH, 1)
    asked = [ristretto.decode_element("blinded", each) for each in blinded]
    answered = tuple(ristretto.times(key.secret, each) for each in asked)
    if key.mode is Mode.OPRF:
        return Evaluation(answered, b"")
    return Evaluation(answered, dleq.prove(key.secret, key.public, asked, answered, nonce=nonce))


@dataclass(frozen=True)
class Blinded:
    """A TV's side of a batch: what it asks, and how it will read the answer."""

    values: tuple[bytes, ...] = field(repr=False)
    """The inputs."""
    blinds: tuple[bytes, ...] = field(repr=False)
    """A scalar an input, used once."""
    elements: tuple[bytes, ...]
    """What the server gets; each is a uniform element whatever its input is."""
    mode: Mode
    """The mode that was asked for."""

    def finalize(self, answer: Evaluation, public: bytes) -> list[bytes]:
        """Finalize: the outputs, OUTPUT_BYTES each, in the order of the inputs.

        Args:
            answer: the server's, as it came.
            public: the key that the server had published; not looked at in mode OPRF.

        Raises:
            OmegaError: INVALID_FIELD public, elements or proof; PROOF_REFUSED where the answer was
                not made with `public`.
        """
        if len(answer.elements) != len(self.elements):
            raise invalid("elements", f"exactly {len(self.elements)} items")
        answered = [ristretto.decode_element("elements", each) for each in answer.elements]
        if self.mode is Mode.VOPRF:
            ristretto.decode_element("public", public)
            dleq.verify(public, self.elements, answered, answer.proof)
        return [
            _output(value, ristretto.times(ristretto.inverse(blind), each))
            for value, blind, each in zip(self.values, self.blinds, answered, strict=True)
        ]


def blind(
    values: Sequence[bytes], *, mode: Mode = Mode.VOPRF, blinds: Sequence[bytes] | None = None
) -> Blinded:
    """Blind: hides inputs from the server.

    Args:
        values: 1 to MAX_BATCH inputs of at most 65,535 bytes.
        mode: of the server's key.
        blinds: scalars other than 0; drawn where none are given, which only published vectors do.

    Raises:
        OmegaError: INVALID_FIELD values; INTERNAL for an input that hashes to the identity, which
            nobody is able to find.
    """
    validate.count("values", values, MAX_BATCH, 1)
    drawn = tuple(blinds or (ristretto.random_scalar() for _ in values))
    hashed = [hash_to_group(mode, value) for value in values]
    if ristretto.IDENTITY in hashed:
        raise OmegaError(ErrorCode.INTERNAL, detail="an input hashes to the identity")
    elements = tuple(ristretto.times(b, h) for b, h in zip(drawn, hashed, strict=True))
    return Blinded(tuple(values), drawn, elements, mode)


def _output(value: bytes, unblinded: bytes) -> bytes:
    return hashlib.sha512(prefixed(value, unblinded) + b"Finalize").digest()
