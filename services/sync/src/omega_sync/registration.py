"""RegisterDevice: who proves a key becomes a device, and gets a token for it."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core.errors import OmegaError
from omega_rpc.call import Caller
from omega_sync import checks
from omega_sync.access import CSR, PROOF, Access, Enrolment
from omega_sync.audit import Audit
from omega_sync.identities import Identities


class Registration:
    """Checks a request and its proof, and hands it on.

    Args:
        identities: makes and repeats them.
        access: proves keys and signs tokens.
        enrolment: who may register.
        audit: told of every decision.
    """

    def __init__(
        self, identities: Identities, access: Access, enrolment: Enrolment, audit: Audit
    ) -> None:
        self._identities = identities
        self._access = access
        self._enrolment = enrolment
        self._audit = audit

    async def __call__(
        self, request: pb.RegisterDeviceRequest, caller: Caller
    ) -> pb.RegisterDeviceResponse:
        """An identity; a repeated request_id renews token and certificate, and may move it.

        Raises:
            OmegaError: INVALID_FIELD, UNAUTHENTICATED, ENROLMENT_REFUSED, REVOKED, RATE_LIMITED,
                UPSTREAM_UNAVAILABLE.
        """
        form = CSR if request.csr else PROOF
        try:
            answer = await self._answer(request, caller)
        except OmegaError as error:
            self._audit.refused(caller.method, form, error)
            raise
        self._audit.admitted(caller.method, form, answer.device_id)
        return answer

    async def _answer(
        self, request: pb.RegisterDeviceRequest, caller: Caller
    ) -> pb.RegisterDeviceResponse:
        checks.registration(request)
        self._enrolment.check(request.enrolment_key)
        key = self._access.registrant(request.csr, caller)
        made = await self._identities.register(
            upstream_pb.RegisterDeviceRequest(
                request_id=request.request_id,
                platform=request.platform,
                app_version=request.app_version,
                region=request.region,
                key_sha256=key.sha256,
                claim=request.claim,
                csr=request.csr,
            )
        )
        token, claims = self._access.token(made.device_id, key)
        certificate_ends = made.HasField("certificate_expires_at")
        return pb.RegisterDeviceResponse(
            device_id=made.device_id,
            auth_token=token,
            registered_at=made.registered_at,
            token_expires_at=Timestamp(seconds=int(claims.expires_at.timestamp())),
            certificates=made.certificates,
            certificate_expires_at=made.certificate_expires_at if certificate_ends else None,
        )
