"""Proofs that a caller holds a key (RFC 9449, DPoP), each good for one call.

A proof names the method of the contract as its target: a gateway has many names and listeners, and
what it is called by is no part of what is proven.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import jwt

from omega_core import validate
from omega_core.clock import Clock, SystemClock
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.device_keys import DeviceIdentityKey, DeviceKey, admitted, encoded

SCHEME = "DPoP"
"""Scheme of the authorization metadata."""
METADATA = "dpop"
"""Metadata key or header field of the proof."""
WINDOW = timedelta(seconds=60)
"""How far the instant of a proof may lie from the server's clock."""
MAX_PROOF = 1_024
"""Longest proof, in characters."""

_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+\Z", re.ASCII)
_TYPE = "dpop+jwt"
_VERB = "POST"
_SECONDS = int(WINDOW.total_seconds())
_LONGEST_ID = 64
_ALGORITHMS = {"EC": "ES256", "OKP": "EdDSA"}
_MEMBERS = {"EC": {"kty", "crv", "x", "y"}, "OKP": {"kty", "crv", "x"}}


class Prover:
    """Makes the metadata of a device's calls.

    Args:
        key: of the device.
        token: that RegisterDevice gave; empty = none yet, for RegisterDevice itself.
        clock: stamps proofs.
    """

    def __init__(self, key: DeviceKey, token: str = "", clock: Clock | None = None) -> None:
        self._key = key
        self._token = token
        self._clock = clock or SystemClock()

    def metadata(self, method: str) -> tuple[tuple[str, str], ...]:
        """Metadata, or header fields, of one call of `method`, "/package.Service/Method".

        A call that is sent again needs another: a server takes each proof once.
        """
        claims: dict[str, Any] = {
            "jti": encoded(secrets.token_bytes(16)),
            "htm": _VERB,
            "htu": method,
            "iat": int(self._clock.now().timestamp()),
        }
        if self._token:
            claims["ath"] = hashed(self._token)
        header = {"typ": _TYPE, "jwk": self._key.public.jwk}
        proof = jwt.encode(claims, self._key.private, self._key.algorithm, header)
        shown = (("authorization", f"{SCHEME} {self._token}"),) if self._token else ()
        return (*shown, (METADATA, proof))


@dataclass(frozen=True)
class Proof:
    """What a valid proof says."""

    key: DeviceIdentityKey
    """The key that its maker holds."""
    unique: bytes
    """Names the proof among all proofs of all keys, 16 bytes."""


class Replays:
    """Proofs seen while they are good: none is taken twice. Not for several threads at once.

    Two generations, each twice the window long: whatever is older than both is no longer good.

    Args:
        clock: as of the proofs' verifier.
        most: proofs remembered a generation, at least 1. Beyond it calls are refused, for a proof
            that is forgotten could be shown again.
    """

    def __init__(self, clock: Clock, most: int = 262_144) -> None:
        validate.integer("most", most, 1, 2**31)
        self._clock = clock
        self._most = most
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._turned = clock.now()

    def take(self, proof: Proof) -> None:
        """Notes a proof.

        Raises:
            OmegaError: UNAUTHENTICATED with field `dpop` when it was seen before; OVERLOADED when
                too many are remembered.
        """
        now = self._clock.now()
        if now - self._turned >= 2 * WINDOW:
            idle = now - self._turned >= 4 * WINDOW
            self._old = set() if idle else self._young
            self._young, self._turned = set(), now
        if proof.unique in self._young or proof.unique in self._old:
            raise refused(METADATA, "the proof was shown before")
        if len(self._young) >= self._most:
            left = 2 * WINDOW - (now - self._turned)
            raise OmegaError(ErrorCode.OVERLOADED, retry_after=left.total_seconds())
        self._young.add(proof.unique)


def verify(shown: str, method: str, clock: Clock, token: str = "") -> Proof:
    """Checks a proof; whether it was shown before is for Replays.

    Args:
        shown: the metadata `dpop`.
        method: "/package.Service/Method" of the call.
        clock: of the server.
        token: that the call shows beside it; empty = none.

    Raises:
        OmegaError: UNAUTHENTICATED with field `dpop`.
    """
    if not 0 < len(shown) <= MAX_PROOF:
        raise refused(METADATA, "no proof, or one too long")
    key, claims = _signed(shown)
    instant, unique = claims.get("iat"), claims.get("jti")
    if claims.get("htm") != _VERB or claims.get("htu") != method:
        raise refused(METADATA, "a proof of another call")
    # A boolean is an int to Python and none to anybody else.
    if type(instant) is not int or abs(int(clock.now().timestamp()) - instant) > _SECONDS:
        raise refused(METADATA, "a proof of another time")
    if not isinstance(unique, str) or not 0 < len(unique) <= _LONGEST_ID:
        raise refused(METADATA, "a proof without a jti")
    if token and claims.get("ath") != hashed(token):
        raise refused(METADATA, "a proof of another token")
    named = f"{key.thumbprint}.{unique}".encode("utf-8", "surrogatepass")
    return Proof(key, hashlib.sha256(named).digest()[:16])


def shown_token(metadata: Mapping[str, str]) -> str:
    """The token of the authorization metadata, or ""."""
    scheme, _, token = metadata.get("authorization", "").partition(" ")
    return token if scheme.lower() == SCHEME.lower() else ""


def hashed(token: str) -> str:
    """Claim `ath` of a token: base64url of its SHA-256 (RFC 9449, section 4.2)."""
    return encoded(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())


def refused(field: str, detail: str) -> OmegaError:
    """UNAUTHENTICATED that names what of the credentials is at fault."""
    return OmegaError(ErrorCode.UNAUTHENTICATED, field=field, detail=detail)


def _signed(shown: str) -> tuple[DeviceIdentityKey, Mapping[str, Any]]:
    """Key and claims of a compact JWS (RFC 7515) that is signed by the key in its header."""
    if not _COMPACT.match(shown):
        raise refused(METADATA, "no compact JWS")
    stem, _, signature = shown.rpartition(".")
    header_part, _, claims_part = stem.partition(".")
    try:
        header, claims = json.loads(_decoded(header_part)), json.loads(_decoded(claims_part))
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise refused(METADATA, "no JSON objects")
        key = _key(header)
        algorithm = jwt.get_algorithm_by_name(header["alg"])
        good = algorithm.verify(stem.encode("ascii"), key.public, _decoded(signature))
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise refused(METADATA, f"{type(error).__name__}: {error}") from error
    if not good:
        raise refused(METADATA, "signed by another key")
    return key, claims


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "==")


def _key(header: Mapping[str, Any]) -> DeviceIdentityKey:
    """The key in a proof's header, which states nothing that is not understood."""
    if set(header) != {"typ", "alg", "jwk"} or header["typ"] != _TYPE:
        raise refused(METADATA, "another header than typ, alg and jwk")
    jwk = header["jwk"]
    kind = jwk.get("kty") if isinstance(jwk, dict) else None
    # Also refuses a private key, whose members are more.
    if not isinstance(kind, str) or set(jwk) != _MEMBERS.get(kind):
        raise refused(METADATA, "no public key on P-256 or Ed25519")
    if header["alg"] != _ALGORITHMS[kind]:
        raise refused(METADATA, "another algorithm than its key's")
    return _loaded(json.dumps(jwk, sort_keys=True))


@lru_cache(maxsize=16_384)
def _loaded(jwk: str) -> DeviceIdentityKey:
    """A key costs as much to load as its signature to check, and a device calls again."""
    return DeviceIdentityKey(admitted(METADATA, jwt.PyJWK.from_json(jwk).key))
