"""Who may call: a device by its certificate, or by a token with a proof of its key."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from omega_core import validate
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import dpop
from omega_rpc.authorities import read_certificate
from omega_rpc.call import Caller, Principal
from omega_rpc.device_keys import DeviceIdentityKey, csr_key
from omega_rpc.dpop import Proof, Replays, refused
from omega_rpc.rate_limits import Rate, RateLimit, network
from omega_rpc.tokens import TokenClaims, TokenKeys, read_secret
from omega_sync import metering
from omega_sync.audit import Audit

REGISTER = "/omega.sync.v1.SyncService/RegisterDevice"
"""The one method that needs no credentials: it proves a key by itself."""
ERASE = "/omega.sync.v1.SyncService/EraseDevice"
"""The one method that a device may call that was shut out."""
RELAYED = "/omega.threshold.v1.GatewayService/"
"""What methods begin with that relays call, and nobody shows credentials for."""
CERTIFICATE, PROOF, CSR, NOTHING = "certificate", "proof", "csr", "none"


@dataclass(frozen=True)
class AccessTerms:
    """On which terms devices call."""

    shard: str
    """The shard whose credentials are good here."""
    token_lifetime: timedelta
    """How long a token is good."""
    syncs: Rate
    """Pushes and exchanges of one device."""
    calls: Rate
    """All calls of one device."""
    network: Rate
    """All calls of one network, a /24 or /64."""
    relays: Rate
    """Calls of a network that a relay makes."""


class _Shown(NamedTuple):
    """What a call's credentials say."""

    principal: Principal
    shard: str
    proof: Proof | None


class Access:
    """The authenticator of the gateway; on the event loop, and waits for nothing.

    Args:
        keys: sign and verify tokens.
        terms: limits and lifetimes.
        shut_out: raises REVOKED for a device that was revoked.
        clock: the time of credentials.
        audit: told of every decision.
        seconds: the time of limits, never going back.
    """

    def __init__(
        self,
        keys: TokenKeys,
        terms: AccessTerms,
        shut_out: Callable[[Principal], None],
        clock: Clock,
        audit: Audit,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._terms = terms
        self._shut_out = shut_out
        self._clock = clock
        self._audit = audit
        self._replays = Replays(clock)
        self._syncs = RateLimit(terms.syncs, "device", seconds)
        self._calls = RateLimit(terms.calls, "device", seconds)
        self._networks = RateLimit(terms.network, "network", seconds)
        self._relays = RateLimit(terms.relays, "network", seconds)

    def __call__(self, caller: Caller) -> Principal | None:
        """The calling device; None for RegisterDevice and for relays.

        No line says that a relay called: the order of reports is in none.

        Raises:
            OmegaError: UNAUTHENTICATED with field `authorization`, `dpop` or `certificate`;
                WRONG_SHARD; REVOKED; RATE_LIMITED with field `device` or `network`; OVERLOADED.
        """
        if caller.method.startswith(RELAYED):
            self._relay(caller)
            return None
        form = CERTIFICATE if caller.certificate else PROOF
        device_id = ""
        try:
            self._count_network(caller)
            if caller.method == REGISTER:
                return None
            shown = self._certificate(caller) if caller.certificate else self._proof(caller)
            device_id = shown.principal.device_id
            self._admit(shown, caller.method)
        except OmegaError as error:
            self._audit.refused(caller.method, form, error, device_id)
            raise
        self._audit.admitted(caller.method, form, device_id)
        return shown.principal

    def registrant(self, csr: bytes, caller: Caller) -> DeviceIdentityKey:
        """The key that the caller of RegisterDevice proves to hold.

        Raises:
            OmegaError: INVALID_FIELD csr; UNAUTHENTICATED with field `dpop` when there is neither a
                csr nor a good proof, or both and of two keys.
        """
        shown = caller.metadata.get(dpop.METADATA, "")
        key = csr_key("csr", csr) if csr else None
        if key is None or shown:
            proof = dpop.verify(shown, caller.method, self._clock)
            if key is not None and key.thumbprint != proof.key.thumbprint:
                raise refused(dpop.METADATA, "a proof of another key than the csr's")
            self._replays.take(proof)
            key = proof.key
        return key

    def token(self, device_id: str, key: DeviceIdentityKey) -> tuple[str, TokenClaims]:
        """A fresh token for a device, bound to its key, and what it says."""
        now = self._clock.now().replace(microsecond=0)
        ends = now + self._terms.token_lifetime
        claims = TokenClaims(device_id, self._terms.shard, key.thumbprint, now, ends)
        return self._keys.issue(claims), claims

    def count_sync(self, principal: Principal, method: str) -> None:
        """Counts a push or an exchange of a device.

        Raises:
            OmegaError: RATE_LIMITED with field `device`.
        """
        try:
            self._syncs.take(principal.device_id)
        except OmegaError as error:
            form = CERTIFICATE if principal.serial else PROOF
            self._audit.refused(method, form, error, principal.device_id)
            raise

    def _count_network(self, caller: Caller) -> None:
        named = network(caller.address)
        if named:
            self._networks.take(named)

    def _relay(self, caller: Caller) -> None:
        named = network(caller.address)
        try:
            if named:
                self._relays.take(named)
        except OmegaError as error:
            metering.refused.add(1, {"omega.reason": error.code.value})
            raise

    def _certificate(self, caller: Caller) -> _Shown:
        said = read_certificate(caller.certificate)
        # TLS looked at the handshake only, and a connection may stay open for long.
        if self._clock.now() >= said.not_after:
            raise refused("certificate", "expired")
        principal = Principal(said.device_id, said.serial, said.not_after.timestamp())
        return _Shown(principal, said.shard, None)

    def _proof(self, caller: Caller) -> _Shown:
        token = dpop.shown_token(caller.metadata)
        claims = self._keys.check(token, self._clock.now())
        shown = caller.metadata.get(dpop.METADATA, "")
        proof = dpop.verify(shown, caller.method, self._clock, token)
        if not hmac.compare_digest(proof.key.thumbprint, claims.thumbprint):
            raise refused(dpop.METADATA, "a proof of another key than the token's")
        principal = Principal(claims.device_id, expires_at=claims.expires_at.timestamp())
        return _Shown(principal, claims.shard, proof)

    def _admit(self, shown: _Shown, method: str) -> None:
        if shown.shard != self._terms.shard:
            raise OmegaError(ErrorCode.WRONG_SHARD, detail=shown.shard)
        # A household may take back what it gave, welcome or not.
        if method != ERASE:
            self._shut_out(shown.principal)
        # Before the proof is noted: a device must not fill the memory of proofs for all others.
        self._calls.take(shown.principal.device_id)
        if shown.proof is not None:
            self._replays.take(shown.proof)


class Enrolment:
    """The operator's enrolment key, or none."""

    def __init__(self, key: str | None) -> None:
        self._key = None if key is None else key.encode()

    @classmethod
    def read(cls, name: str, path: Path | None) -> Enrolment:
        """Reads the key; `name` is the setting that holds the file's path.

        Raises:
            OmegaError: INVALID_FIELD when the file cannot be used.
        """
        return cls(None if path is None else validate.text(name, read_secret(name, path), 256, 1))

    def check(self, shown: str) -> None:
        """Compares in constant time.

        Raises:
            OmegaError: ENROLMENT_REFUSED.
        """
        if self._key is not None and not hmac.compare_digest(self._key, shown.encode()):
            raise OmegaError(ErrorCode.ENROLMENT_REFUSED, field="enrolment_key")
