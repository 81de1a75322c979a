"""Who calls and what they may do: bearer tokens (RFC 6750) that are JWTs (RFC 7519, RFC 8725)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import jwt

from omega_console.config import ConsoleConfig
from omega_console.keys import SigningKeys, UnknownKeyError, algorithm
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.rate_limits import Rate, RateLimit, network

LONGEST_TOKEN = 8_192
"""Characters of a token; longer ones are not looked at."""
_LONGEST_ACTOR = 128
_LEEWAY = 30.0
_NEEDED = ["iss", "aud", "exp", "sub"]


class Role(IntEnum):
    """What an operator may do; each may do what those below it may."""

    VIEWER = 1
    """Reads."""
    OPERATOR = 2
    """Uploads titles, asks for rounds, shuts devices out."""
    ADMIN = 3
    """Erases devices, ends releases, makes claims."""

    @property
    def word(self) -> str:
        """As it stands in tokens, without the prefix of the setting."""
        return self.name.lower()


@dataclass(frozen=True)
class Operator:
    """Who calls."""

    subject: str
    """`sub` of the token, which the audit log names."""
    role: Role
    """The highest of the token's roles."""
    expires_at: float
    """When the token ends, in seconds since 1970."""

    def needs(self, role: Role) -> None:
        """Holds the caller to a role.

        Raises:
            OmegaError: ROLE_MISSING.
        """
        if self.role < role:
            raise OmegaError(ErrorCode.ROLE_MISSING, bound=role.word)


class SignIn:
    """Turns the Authorization header field of a request into an operator.

    Safe to share between threads.
    """

    def __init__(
        self,
        config: ConsoleConfig,
        keys: SigningKeys,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._keys = keys
        rate = Rate(config.failures_per_minute, config.failure_burst)
        self._failures = RateLimit(rate, "network", seconds, most=16_384)
        self._lock = threading.Lock()

    def operator(self, authorization: str, address: str) -> Operator:
        """Who calls.

        Args:
            authorization: the header field, or empty.
            address: IP address of the caller, or empty.

        Raises:
            OmegaError: UNAUTHENTICATED; ROLE_MISSING when the token carries no role at all;
                RATE_LIMITED when too many tokens from there were refused.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _refused("no bearer token")
        try:
            claims = self._claims(token.strip())
        except OmegaError:
            with self._lock:
                self._failures.take(network(address))
            raise
        roles = _roles(claims, self._config.role_claim, self._config.role_prefix)
        if not roles:
            raise OmegaError(ErrorCode.ROLE_MISSING, bound=Role.VIEWER.word)
        return Operator(claims["sub"], max(roles), float(claims["exp"]))

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN:
            raise _refused("too long")
        try:
            key = self._keys.key(str(jwt.get_unverified_header(token).get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                # The key says which, never the token: RFC 8725, section 3.1.
                algorithms=[algorithm(key)],
                audience=self._config.audience,
                issuer=self._config.issuer,
                leeway=_LEEWAY,
                options={"require": _NEEDED},
            )
        except (jwt.PyJWTError, UnknownKeyError, ValueError, TypeError) as error:
            raise _refused(type(error).__name__) from error
        subject = claims["sub"]
        if not (isinstance(subject, str) and 0 < len(subject) <= _LONGEST_ACTOR):
            raise _refused("sub")
        if not (subject.isascii() and subject.isprintable()):
            raise _refused("sub")
        return claims


def _roles(claims: Mapping[str, Any], path: str, prefix: str) -> list[Role]:
    """Roles that a token carries."""
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    words = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return [role for role in Role if prefix + role.word in words]


def _refused(detail: str) -> OmegaError:
    return OmegaError(ErrorCode.UNAUTHENTICATED, field="authorization", detail=detail)
