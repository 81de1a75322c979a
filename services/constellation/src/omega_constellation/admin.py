"""omega.constellation.v1.AdminService: what operators do to a shard."""

from __future__ import annotations

from datetime import UTC

import grpc

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2_grpc, release_pb2
from omega_constellation import answers, checks, release_admin
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, claims, devices


class AdminServicer(constellation_service_pb2_grpc.AdminServiceServicer):
    """Claims, revocations and releases.

    Args:
        store: the shard.
        clock: stamps what is stored.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def CreateClaims(  # noqa: N802 - named by the contract
        self, request: pb.CreateClaimsRequest, context: grpc.ServicerContext
    ) -> pb.CreateClaimsResponse:
        """All of them, or none."""
        del context
        valid_for = checks.claims(request)
        with self._store.transaction() as conn:
            made = claims.create(conn, request.count, valid_for, self._clock.now())
        return pb.CreateClaimsResponse(claims=made)

    def RevokeDevice(  # noqa: N802 - named by the contract
        self, request: pb.RevokeDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RevokeDeviceResponse:
        """Durable when it is answered; gateways hear of it at their next look."""
        del context
        checks.revocation(request)
        with self._store.transaction() as conn:
            revoked_at = devices.revoke(conn, request.device_id, self._clock.now())
        if revoked_at is None:
            raise OmegaError(ErrorCode.UNKNOWN_DEVICE, field="device_id")
        return pb.RevokeDeviceResponse(revoked_at=answers.timestamp(revoked_at.astimezone(UTC)))

    def ListReleases(  # noqa: N802 - named by the contract
        self, request: release_pb2.ListReleasesRequest, context: grpc.ServicerContext
    ) -> release_pb2.ListReleasesResponse:
        """Counts and estimates as they stand."""
        del context
        return release_admin.list_releases(self._store, request)

    def EndRelease(  # noqa: N802 - named by the contract
        self, request: release_pb2.EndReleaseRequest, context: grpc.ServicerContext
    ) -> release_pb2.EndReleaseResponse:
        """Durable when it is answered; gateways hear of it at their next look."""
        del context
        return release_admin.end_release(self._store, request, self._clock)
