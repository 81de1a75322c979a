"""The keys that sign operators' tokens: a JWK set (RFC 7517) from a file or an https:// URL."""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from omega_core.errors import invalid

ALGORITHMS = ("ES256", "EdDSA", "RS256")
"""Algorithms that may sign; each needs a key of its own kind."""
_LARGEST = 262_144
_FETCH_SECONDS = 5.0
_AGAIN_SECONDS = 10.0
_LEAST_RSA_BITS = 2_048
_log = logging.getLogger(__name__)


class UnknownKeyError(Exception):
    """No key of the set has the wanted id."""


class SigningKeys:
    """Keys by id, read again when they are old, or when a token names one that is not there.

    Keys that were read stay good while the source does not answer. Safe to share between threads.

    Args:
        source: a file, or an https:// URL.
        ca: PEM certificates that sign the URL's server; None = the platform's.
        seconds: how long keys are good before they are read again.
        clock: seconds that never go back.

    Raises:
        OmegaError: INVALID_FIELD `jwks` when a file holds no usable key, or `jwks_ca`. A URL need
            not answer yet.
    """

    def __init__(
        self,
        source: str,
        ca: Path | None = None,
        seconds: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at = self._tried_at = -_AGAIN_SECONDS - seconds
        self._opener: urllib.request.OpenerDirector | None = None
        if source.startswith("https://"):
            self._opener = _opener(ca)
            return
        try:
            self._keys = parse(_file(source))
        except (OSError, ValueError) as error:
            raise invalid("jwks", "a readable file of a JWK set with a signing key") from error
        self._read_at = self._tried_at = clock()

    def key(self, kid: str) -> jwt.PyJWK:
        """The key of this id.

        Raises:
            UnknownKeyError: there is none, also after the set was read again.
        """
        with self._lock:
            now = self._clock()
            old = now - self._read_at > self._seconds
            if (old or kid not in self._keys) and now - self._tried_at >= _AGAIN_SECONDS:
                self._tried_at = now
                self._refresh(now)
            if kid not in self._keys:
                raise UnknownKeyError(kid)
            return self._keys[kid]

    def known(self) -> bool:
        """Whether any key is known; asks the source where none is."""
        try:
            self.key("")
        except UnknownKeyError:
            return bool(self._keys)
        return True

    def _refresh(self, now: float) -> None:
        try:
            self._keys = parse(self._fetch() if self._opener else _file(self._source))
            self._read_at = now
        except (OSError, ValueError, HTTPException) as error:
            _log.warning("the keys of operators were not read again: %s", type(error).__name__)

    def _fetch(self) -> bytes:
        if self._opener is None:
            raise ValueError("a file is not fetched")
        with self._opener.open(self._source, timeout=_FETCH_SECONDS) as answer:
            body: bytes = answer.read(_LARGEST + 1)
            return body


def parse(body: bytes) -> dict[str, jwt.PyJWK]:
    """Usable keys of a JWK set by their ids; others are left out.

    Raises:
        ValueError: it is larger than 256 KiB, no JWK set, or has no usable key.
    """
    if len(body) > _LARGEST:
        raise ValueError("a JWK set of this size is not read")
    document = json.loads(body)
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("no JWK set")  # noqa: TRY004 - what json raises too
    found: dict[str, jwt.PyJWK] = {}
    for entry in listed:
        key = _usable(entry)
        if key is not None and key.key_id:
            found[key.key_id] = key
    if not found:
        raise ValueError("no usable key")
    return found


def _usable(entry: Any) -> jwt.PyJWK | None:
    """A public key for signatures with its one algorithm; None for any other."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(entry)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    algorithm = _algorithm(key.key)
    return key if algorithm and entry.get("alg", algorithm) in {algorithm, "Ed25519"} else None


def _algorithm(key: object) -> str:
    """The one algorithm that a public key may be used with; empty = none."""
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "EdDSA"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS:
        return "RS256"
    return ""


def algorithm(key: jwt.PyJWK) -> str:
    """The one algorithm that a key of the set may be used with."""
    return _algorithm(key.key)


def _file(source: str) -> bytes:
    with Path(source).open("rb") as file:
        return file.read(_LARGEST + 1)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come from where the operator said, and from nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Follows nothing."""


def _opener(ca: Path | None) -> urllib.request.OpenerDirector:
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise invalid("jwks_ca", "a readable file of PEM certificates") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return urllib.request.build_opener(
        urllib.request.ProxyHandler(), urllib.request.HTTPSHandler(context=context), _NoRedirect()
    )
