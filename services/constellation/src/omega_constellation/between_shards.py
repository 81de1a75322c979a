"""What gateways and other shards ask of a shard of a fleet."""

from __future__ import annotations

import grpc

from omega.constellation.v1 import constellation_service_pb2_grpc
from omega.constellation.v1 import directory_pb2 as pb
from omega_constellation import adoption
from omega_constellation.directories import Directories
from omega_core import limits, validate
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import bounds
from omega_rpc import directories as messages
from omega_store import Store, claims, counts, locks, moves


class BetweenShards(constellation_service_pb2_grpc.ConstellationServiceServicer):
    """The directory, devices that come from other shards, and claims, which are one for the fleet.

    Args:
        store: the shard.
        directories: what it holds.
        clock: stamps what is stored.
        max_devices: most devices that the shard takes.
    """

    def __init__(
        self, store: Store, directories: Directories, clock: Clock, max_devices: int
    ) -> None:
        self._max_devices = max_devices
        self._shard_store = store
        self._directories = directories
        self._shard_clock = clock

    def GetDirectory(  # noqa: N802 - named by the contract
        self, request: pb.GetDirectoryRequest, context: grpc.ServicerContext
    ) -> pb.GetDirectoryResponse:
        """Reads it."""
        del request, context
        with self._shard_store.statements("read directory") as conn:
            held = self._directories.held(conn)
        return pb.GetDirectoryResponse(directory=messages.to_proto(held))

    def AdoptDevices(  # noqa: N802 - named by the contract
        self, request: pb.AdoptDevicesRequest, context: grpc.ServicerContext
    ) -> pb.AdoptDevicesResponse:
        """One transaction: all that are taken, or nothing."""
        del context
        devices = adoption.devices(request)
        with self._shard_store.transaction("adopt devices") as conn:
            locks.share_directory(conn)
            held = self._directories.held(conn)
            if held.version < request.directory_version:
                raise OmegaError(
                    ErrorCode.DIRECTORY_CONFLICT,
                    field="directory_version",
                    bound=f"at most {held.version}, which this shard holds",
                )
            done = moves.adopt(
                conn,
                devices,
                request.from_shard,
                lambda device_id: (
                    held.owner_beside(device_id, self._directories.shard) == self._directories.shard
                ),
                counts.room(conn, self._max_devices),
            )
        return pb.AdoptDevicesResponse(adopted=done.added, refused=done.refused)

    def SpendClaim(  # noqa: N802 - named by the contract
        self, request: pb.SpendClaimRequest, context: grpc.ServicerContext
    ) -> pb.SpendClaimResponse:
        """Durable when it is answered."""
        del context
        validate.text("claim", request.claim, limits.MAX_CLAIM, 1)
        bounds.claim("claim", request.claim)
        validate.device_id("device_id", request.device_id)
        with self._shard_store.transaction("spend claim") as conn:
            now = self._shard_clock.now()
            if not claims.spend(conn, request.claim, request.device_id, now):
                raise OmegaError(ErrorCode.ENROLMENT_REFUSED, field="claim")
        return pb.SpendClaimResponse()
