"""Who becomes a device of the shard, and the certificate that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_constellation import answers
from omega_constellation.directories import ALONE
from omega_core.directory import Directory, derived_device_id
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_rpc.authorities import DeviceAuthority, IssuedCertificate
from omega_rpc.device_keys import DeviceIdentityKey, csr_key
from omega_store import Connection, certificates, claims, counts, devices


@dataclass(frozen=True)
class Enrolment:
    """Terms of registration."""

    shard: str = "local"
    """Name of the shard."""
    fleet: str = ""
    """What certificates name in the place of the shard, so that they are good at all shards; empty
    = the shard."""
    require_claim: bool = False
    """Whether a new device shows a one-time claim."""
    authority: DeviceAuthority | None = None
    """Signs certificates; None = none are given."""
    lifetime: timedelta = timedelta(hours=168)
    """Of a certificate."""
    max_devices: int = 4_000_000
    """Most devices that are welcome."""

    def register(
        self,
        conn: Connection,
        request: pb.RegisterDeviceRequest,
        now: datetime,
        directory: Directory = ALONE,
    ) -> pb.RegisterDeviceResponse:
        """Makes an identity, or repeats the one that the request_id made with the same key.

        Call it in a transaction: an identity that is refused is not stored, and its claim is not
        spent; and in one that holds other directories up (locks.share_directory).

        Raises:
            OmegaError: INVALID_FIELD csr; ENROLMENT_REFUSED with field `csr` or `dpop` (another
                key than before) or `claim`; REVOKED; RATE_LIMITED (too many certificates);
                DEVICE_MOVING; UNKNOWN_DEVICE where only a known one is wanted; DIRECTORY_CONFLICT
                where a new one belongs to another shard; SHARD_FULL.
        """
        key = _requested(request)
        drawn = request.device_id or derived_device_id(request.request_id)
        known = devices.requested(conn, request.request_id)
        if known is None:
            self._admit(request, drawn, directory)
        elif known.leaving_for is not None:
            raise OmegaError(ErrorCode.DEVICE_MOVING, detail=known.device_id, retry_after=1.0)
        device = devices.register(
            conn,
            device_id=drawn,
            request_id=request.request_id,
            platform=request.platform,
            app_version=request.app_version,
            now=now,
            region=request.region,
            key_sha256=request.key_sha256 or None,
            proof="csr" if request.csr else "dpop",
        )
        if device.revoked_at is not None:
            raise OmegaError(ErrorCode.REVOKED, detail=device.device_id)
        if (
            known is None
            and self.require_claim
            and not request.claim_spent
            and not claims.spend(conn, request.claim, drawn, now)
        ):
            raise OmegaError(ErrorCode.ENROLMENT_REFUSED, field="claim")
        if known is None:
            counts.check_room(conn, self.max_devices)
        answer = pb.RegisterDeviceResponse(
            device_id=device.device_id, registered_at=answers.timestamp(device.registered_at)
        )
        if key is not None and self.authority is not None:
            made = self.authority.sign(
                key.public, device.device_id, self.fleet or self.shard, now, self.lifetime
            )
            _note(conn, made, now)
            answer.certificates.extend(made.chain)
            answer.certificate_expires_at.FromDatetime(made.said.not_after)
        return answer

    def _admit(
        self, request: pb.RegisterDeviceRequest, device_id: str, directory: Directory
    ) -> None:
        """Whether a new identity may be made here."""
        if request.known_only:
            raise OmegaError(ErrorCode.UNKNOWN_DEVICE, field="request_id")
        owner = directory.owner_beside(device_id, self.shard)
        if owner not in {None, self.shard}:
            raise OmegaError(
                ErrorCode.DIRECTORY_CONFLICT,
                field="device_id",
                bound=f"a device of this shard; directory {directory.version} gives it to {owner}",
            )


def _requested(request: pb.RegisterDeviceRequest) -> DeviceIdentityKey | None:
    """The key that a certificate is wanted for; None = none is."""
    if not request.csr:
        return None
    key = csr_key("csr", request.csr)
    if key.sha256 != request.key_sha256:
        raise invalid("csr", "a request of the key that key_sha256 names")
    return key


def _note(conn: Connection, made: IssuedCertificate, now: datetime) -> None:
    said = made.said
    certificates.note(conn, said.serial, said.device_id, said.not_after, now)
