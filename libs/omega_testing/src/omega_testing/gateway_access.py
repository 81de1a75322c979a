"""Who may speak to the gateway under test: keys, claims, tokens with proofs, certificates."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta

import grpc

from omega.sync.v1 import sync_service_pb2 as pb
from omega_core.clock import Clock, SystemClock
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import peers
from omega_rpc.authorities import DeviceAuthority, read_certificate
from omega_rpc.device_keys import DeviceIdentityKey, csr_key
from omega_rpc.dpop import METADATA, SCHEME, Proof, Replays, verify

_SERVICE = "/omega.sync.v1.SyncService/"


class Access:
    """Gives out identities and knows them again; every proof is taken once."""

    def __init__(self) -> None:
        self.claims: set[str] | None = None
        """Claims that are good, each for one device; None = none is asked for."""
        self.lives: timedelta | None = None
        """How long credentials live, as TVs are told; None = they are not told."""
        self.authority: DeviceAuthority | None = None
        """Signs certificates for those who ask for one; None = there are none."""
        self.clock: Clock | None = None
        """Tells the instant that proofs must be of; None = any instant will do."""
        self._tokens: dict[str, tuple[str, str]] = {}
        self._keys: dict[str, DeviceIdentityKey] = {}
        self._serials: dict[bytes, str] = {}
        self._replays = Replays(SystemClock())
        self._lock = threading.Lock()

    def admit(
        self, request: pb.RegisterDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RegisterDeviceResponse:
        """The identity of a registration: the same one for the same request id and key.

        Raises:
            OmegaError: ENROLMENT_REFUSED, UNAUTHENTICATED.
        """
        by_csr = bool(request.csr)
        key = csr_key("csr", request.csr) if by_csr else self._proof(context, "RegisterDevice").key
        known = self._keys.get(request.request_id)
        if known is not None and known.thumbprint != key.thumbprint:
            raise OmegaError(ErrorCode.ENROLMENT_REFUSED, field="csr" if by_csr else "dpop")
        if known is None and self.claims is not None:
            if request.claim not in self.claims:
                raise OmegaError(ErrorCode.ENROLMENT_REFUSED, field="claim")
            self.claims.remove(request.claim)
        self._keys[request.request_id] = key
        device_id = "tv-" + request.request_id.replace("-", "")
        token = f"token-{len(self._tokens) + 1}"
        self._tokens[token] = (device_id, key.thumbprint)
        answer = pb.RegisterDeviceResponse(device_id=device_id, auth_token=token)
        now = datetime.now(UTC)
        if self.lives is not None:
            answer.token_expires_at.FromDatetime(now + self.lives)
        if by_csr and self.authority:
            lives = self.lives or timedelta(hours=1)
            given = self.authority.sign(key.public, device_id, "test", now, lives)
            answer.certificates.extend(given.chain)
            answer.certificate_expires_at.FromDatetime(given.said.not_after)
            self._serials[given.said.serial] = device_id
        return answer

    def device(self, context: grpc.ServicerContext, method: str) -> str:
        """The device that the credentials of a call name, known or not.

        Raises:
            OmegaError: UNAUTHENTICATED.
        """
        certificate = peers.certificate(context.auth_context())
        if certificate:
            return self._serials[read_certificate(certificate).serial]
        shown = str(dict(context.invocation_metadata()).get("authorization", ""))
        token = shown.removeprefix(f"{SCHEME} ")
        device_id, thumbprint = self._tokens.get(token, ("", ""))
        if not device_id or self._proof(context, method, token).key.thumbprint != thumbprint:
            raise OmegaError(ErrorCode.UNAUTHENTICATED, field="authorization")
        return device_id

    def forget_tokens(self) -> None:
        """From now on no token is good, as when its time is over; registrations are known."""
        self._tokens = dict.fromkeys(self._tokens, ("", ""))

    def forget_keys(self) -> None:
        """From now on nobody's key is known, as before devices had any."""
        self._keys.clear()

    def _proof(self, context: grpc.ServicerContext, method: str, token: str = "") -> Proof:
        shown = str(dict(context.invocation_metadata()).get(METADATA, ""))
        proof = verify(shown, _SERVICE + method, self.clock or _InstantOf(shown), token)
        with self._lock:
            self._replays.take(proof)
        return proof


class _InstantOf:
    """A clock that stands at the instant which a proof states: brains under test move theirs."""

    def __init__(self, proof: str) -> None:
        self._proof = proof

    def now(self) -> datetime:
        """The instant, or that of 1970 where there is none."""
        try:
            body = self._proof.split(".")[1]
            claims = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            return datetime.fromtimestamp(claims["iat"], UTC)
        except (IndexError, ValueError, KeyError, TypeError):
            return datetime.fromtimestamp(0, UTC)
