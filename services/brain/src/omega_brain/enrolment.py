"""Who this TV is to the fleet: its key, its registration, and the renewal of what that gives."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain.config import BrainConfig
from omega_brain.deltas import start_afresh
from omega_brain.stores import Stores
from omega_client import Credential, ServiceError
from omega_core import limits, validate
from omega_core.clock import Clock
from omega_core.errors import invalid
from omega_persistence.identity import Credentials, Identity
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover

_log = logging.getLogger(__name__)
_RENEW_AT = 2 / 3
"""Part of their life after which credentials are renewed: the last third is for lines that fail."""
Register = Callable[[pb.RegisterDeviceRequest, Credential | None], pb.RegisterDeviceResponse]
"""Sends a registration by whatever way the fleet is reached."""


class Enrolment:
    """The identity of one TV. Not safe for threads.

    The key is drawn at the first need and stands in the database, as does the request id of the
    registration before it is sent: a lost answer costs nothing, and registering again with both
    gives the same identity with fresh credentials. The fleet is told the key's public half alone.

    Args:
        config: what a registration states.
        stores: keeps all of it.
        clock: dates credentials and stamps proofs.
        register: sends a registration.

    Raises:
        OmegaError: INVALID_FIELD enrolment_key_file when it cannot be read.
    """

    def __init__(
        self, config: BrainConfig, stores: Stores, clock: Clock, register: Register
    ) -> None:
        self._config = config
        self._stores = stores
        self._clock = clock
        self._send = register
        self._enrolment_key = _text_of("enrolment_key_file", config.enrolment_key_file)

    def current(self) -> Identity:
        """The identity; registers where there is none, and renews what is about to end.

        Raises:
            ServiceError: there is none and the fleet gave none.
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; INVALID_FIELD claim_file.
        """
        meta = self._stores.meta
        identity = meta.identity()
        if identity is None or not identity.device_key:
            return self.register()
        moved = meta.registered_region() != self._config.region
        if not moved and not self._is_due(meta.credentials()):
            return identity
        try:
            return self.register()
        except ServiceError as error:
            # What is held may serve still; the next exchange tries again.
            _log.warning("the registration is not renewed yet: %s", error)
            return identity

    def register(self) -> Identity:
        """Asks for an identity, or for the same one with fresh credentials.

        What holds for a region that was left is forgotten with it.

        Raises:
            ServiceError: the fleet refuses or does not answer.
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; INVALID_FIELD claim_file.
        """
        meta, region = self._stores.meta, self._config.region
        known = meta.identity()
        with self._stores.database.transaction():
            key = self._key()
            request_id = meta.register_request_id()
        claim = "" if known else _claim(self._config.claim_file)
        answer = self._ask(request_id, key, claim)
        identity = Identity(answer.device_id, answer.auth_token, key.pem().decode(), request_id)
        with self._stores.database.transaction():
            if known is not None and meta.registered_region() != region:
                start_afresh(self._stores)
            meta.set_identity(identity, self._given(answer), region)
        if known is None or known.device_id != identity.device_id:
            # Of all that a restore could lose, this alone cannot be asked for again: a claim is
            # spent once.
            self._stores.database.backup()
        return identity

    def begin_anew(self) -> Identity:
        """Registers as a TV that the fleet has never seen, with the same key.

        For credentials of another shard, whose versions mean nothing here.
        """
        with self._stores.database.transaction():
            self._stores.meta.forget_identity()
            start_afresh(self._stores)
        return self.register()

    def prover(self, identity: Identity) -> Prover:
        """What shows the fleet that a call is this identity's."""
        return Prover(_read_key(identity.device_key), identity.auth_token, self._clock)

    def renewed(self, identity: Identity) -> Identity:
        """An identity that was laid down, with a token that is valid; nothing of it is kept.

        Raises:
            ServiceError: the fleet refuses or does not answer.
        """
        # One of a release without keys gets its first and last one now.
        key = _read_key(identity.device_key) if identity.device_key else DeviceKey.generate()
        answer = self._ask(identity.request_id, key)
        return Identity(
            answer.device_id, answer.auth_token, key.pem().decode(), identity.request_id
        )

    def _ask(self, request_id: str, key: DeviceKey, claim: str = "") -> pb.RegisterDeviceResponse:
        wanted = bool(self._config.constellation_mtls_url)
        request = pb.RegisterDeviceRequest(
            request_id=request_id,
            platform=self._config.platform,
            app_version=version("omega-brain"),
            enrolment_key=self._enrolment_key,
            region=self._config.region,
            claim=claim,
            csr=key.csr() if wanted else b"",
        )
        return self._send(request, None if wanted else Prover(key, clock=self._clock))

    def _key(self) -> DeviceKey:
        pem = self._stores.meta.device_key(lambda: DeviceKey.generate().pem().decode())
        return _read_key(pem)

    def _given(self, answer: pb.RegisterDeviceResponse) -> Credentials:
        ends = [
            getattr(answer, field).ToDatetime(UTC)
            for field in ("token_expires_at", "certificate_expires_at")
            if answer.HasField(field)
        ]
        return Credentials(
            certificates=tuple(answer.certificates),
            since=self._clock.now(),
            until=min(ends) if ends else None,
        )

    def _is_due(self, held: Credentials | None) -> bool:
        if held is None or (self._config.constellation_mtls_url and not held.certificates):
            return True
        if held.until is None:
            return False
        return self._clock.now() >= _renewal(held.since, held.until)


def _renewal(since: datetime, until: datetime) -> datetime:
    return since + (until - since) * _RENEW_AT


def _read_key(pem: str) -> DeviceKey:
    return DeviceKey.from_pem("device_key", pem.encode())


def _claim(path: Path | None) -> str:
    """The claim that firmware laid down; empty = none."""
    if path is None or not path.exists():
        return ""
    return validate.text("claim_file", _text_of("claim_file", path), limits.MAX_SHORT_ID)


def _text_of(name: str, path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise invalid(name, "a readable text file") from error
