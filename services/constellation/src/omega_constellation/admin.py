"""omega.constellation.v1.AdminService: what operators do to a shard."""

from __future__ import annotations

from datetime import UTC

import grpc

from omega.constellation.v1 import admin_pb2, constellation_service_pb2_grpc
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_constellation import answers, checks
from omega_constellation.directories import Directories
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, claims, devices, status


class AdminServicer(constellation_service_pb2_grpc.AdminServiceServicer):
    """Claims and revocations.

    Args:
        store: the shard.
        clock: stamps what is stored.
        directories: the shards of the fleet; None = this one is alone.
    """

    def __init__(self, store: Store, clock: Clock, directories: Directories | None = None) -> None:
        self._directories = directories or Directories("local")
        self._store = store
        self._clock = clock

    def GetShardStats(  # noqa: N802 - named by the contract
        self, request: admin_pb2.GetShardStatsRequest, context: grpc.ServicerContext
    ) -> admin_pb2.GetShardStatsResponse:
        """Counts the shard."""
        del request, context
        now = self._clock.now()
        with self._store.snapshot() as conn:
            found = status.figures(conn, now)
            stats = admin_pb2.ShardStats(
                shard=self._directories.shard,
                counted_at=answers.timestamp(now),
                total_devices=found.total_devices,
                active_devices=found.active_devices,
                pushes=found.pushes,
                sketches=found.sketches,
                contents=found.contents,
                catalogue_version=found.catalogue_version,
                state_version=found.state_version,
                last_push_at=answers.timestamp(found.last_push_at),
                directory_version=self._directories.held(conn).version,
                leaving_devices=self._directories.leaving(conn),
            )
        return admin_pb2.GetShardStatsResponse(stats=stats)

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
