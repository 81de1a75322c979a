"""Proofs that many elements were multiplied by one secret key (RFC 9497, section 2.2).

A batch needs one proof of 64 bytes: both sides fold the elements into one by factors that are
hashes of all that they prove, so that none can be chosen after the fact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from omega_core.errors import ErrorCode, OmegaError
from omega_threshold import ristretto
from omega_threshold.ristretto import SCALAR_BYTES, generated, plus, times
from omega_threshold.suite import Mode, hash_to_scalar, prefixed

PROOF_BYTES = 2 * SCALAR_BYTES
"""Length of a proof: challenge and response."""


def prove(
    secret: bytes,
    public: bytes,
    asked: Sequence[bytes],
    answered: Sequence[bytes],
    *,
    nonce: bytes | None = None,
) -> bytes:
    """GenerateProof: that each of `answered` is `secret` times its element of `asked`.

    Args:
        secret: the key.
        public: generated(secret).
        asked: elements, 1 to 65,535.
        answered: as many elements.
        nonce: a scalar that is used once and known to nobody; drawn where none is given, which only
            published vectors do.
    """
    nonce = nonce or ristretto.random_scalar()
    folded = _fold(asked, _factors(public, asked, answered))
    challenge = _challenge(
        public, folded, times(secret, folded), generated(nonce), times(nonce, folded)
    )
    return challenge + ristretto.minus(nonce, ristretto.product(challenge, secret))


def verify(public: bytes, asked: Sequence[bytes], answered: Sequence[bytes], proof: bytes) -> None:
    """VerifyProof: passes where prove() of the key behind `public` made `proof` of the same lists.

    Args:
        public: an element.
        asked: elements.
        answered: as many elements.
        proof: any bytes.

    Raises:
        OmegaError: INVALID_FIELD proof for what is no proof, PROOF_REFUSED for one that shows
            nothing.
    """
    challenge = ristretto.decode_scalar("proof", proof[:SCALAR_BYTES])
    response = ristretto.decode_scalar("proof", proof[SCALAR_BYTES:])
    factors = _factors(public, asked, answered)
    folded, result = _fold(asked, factors), _fold(answered, factors)
    expected = _challenge(
        public,
        folded,
        result,
        plus(generated(response), times(challenge, public)),
        plus(times(response, folded), times(challenge, result)),
    )
    if expected != challenge:
        raise OmegaError(ErrorCode.PROOF_REFUSED, field="proof")


def _factors(public: bytes, asked: Sequence[bytes], answered: Sequence[bytes]) -> list[bytes]:
    """What each element is multiplied by, from ComputeComposites."""
    seed = hashlib.sha512(prefixed(public, b"Seed-" + Mode.VOPRF.context)).digest()
    return [
        hash_to_scalar(
            Mode.VOPRF,
            prefixed(seed) + n.to_bytes(2, "big") + prefixed(ask, answer) + b"Composite",
        )
        for n, (ask, answer) in enumerate(zip(asked, answered, strict=True))
    ]


def _fold(elements: Sequence[bytes], factors: Sequence[bytes]) -> bytes:
    folded = ristretto.IDENTITY
    for factor, each in zip(factors, elements, strict=True):
        folded = plus(folded, times(factor, each))
    return folded


def _challenge(public: bytes, *commitments: bytes) -> bytes:
    return hash_to_scalar(Mode.VOPRF, prefixed(public, *commitments) + b"Challenge")
