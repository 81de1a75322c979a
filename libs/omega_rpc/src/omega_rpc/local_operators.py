"""Operators' tokens for a desk or a test: a key, its JWK set, and signed JWTs.

A fleet takes its tokens from its own identity provider.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from omega_core.errors import invalid

ISSUER = "omega-desk"
"""`iss` of what is signed here, unless another is given."""
AUDIENCE = "omega-tv"
"""`aud` of the same."""
ROLES = ("viewer", "operator", "admin")
"""What an operator may be."""


class OperatorKey:
    """A key on P-256 that signs operators' tokens with ES256."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        # RFC 7638: the members that are needed, sorted, without white space.
        thumbprint = json.dumps(
            {name: public[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":")
        )
        self.kid = hashlib.sha256(thumbprint.encode("ascii")).hexdigest()[:16]
        """Names the key: the first 16 hexadecimal digits of its RFC 7638 thumbprint."""
        self._public = {**public, "use": "sig", "alg": "ES256", "kid": self.kid}

    @classmethod
    def generate(cls) -> OperatorKey:
        """A new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, field: str, pem: bytes) -> OperatorKey:
        """A key that was written by pem().

        Raises:
            OmegaError: INVALID_FIELD with `field`.
        """
        try:
            key = serialization.load_pem_private_key(pem, None)
        except (ValueError, TypeError) as error:
            raise invalid(field, "an unencrypted PEM key") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise invalid(field, "a key on P-256")
        return cls(key)

    def pem(self) -> bytes:
        """The key in PEM (PKCS #8), without encryption."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def sign(
        self,
        subject: str,
        roles: Sequence[str],
        now: datetime,
        lifetime: timedelta,
        *,
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
    ) -> str:
        """A token of `subject`, 1 to 128 characters, with some of ROLES."""
        claims = {
            "iss": issuer,
            "aud": audience,
            "sub": subject,
            "roles": list(roles),
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
        }
        return jwt.encode(claims, self._key, "ES256", {"kid": self.kid})

    @property
    def public(self) -> dict[str, str]:
        """The public key as a JWK."""
        return dict(self._public)


def key_set(keys: Sequence[OperatorKey]) -> bytes:
    """Public keys as a JWK set (RFC 7517)."""
    return json.dumps({"keys": [key.public for key in keys]}, indent=1).encode("ascii") + b"\n"
