"""What operators ask of other shards than this one."""

from __future__ import annotations

from typing import Protocol

from omega.constellation.v1 import admin_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError


class Elsewhere(Protocol):
    """The other shards of the fleet. Each method answers as the shard that is meant would."""

    def stats(self, request: pb.GetShardStatsRequest) -> pb.GetShardStatsResponse:
        """Figures of the shard that the request names."""
        ...

    def devices(self, request: pb.ListDevicesRequest) -> pb.ListDevicesResponse:
        """Devices of the shard that the request names."""
        ...

    def device(self, request: pb.GetDeviceRequest) -> pb.GetDeviceResponse:
        """A device that is not here."""
        ...

    def erase(
        self, request: pb.AdminServiceEraseDeviceRequest
    ) -> pb.AdminServiceEraseDeviceResponse:
        """Erases a device that is not here."""
        ...


class Nowhere:
    """Of a shard that is alone."""

    def stats(self, request: pb.GetShardStatsRequest) -> pb.GetShardStatsResponse:
        """Refuses.

        Raises:
            OmegaError: UNKNOWN_SHARD.
        """
        del request
        raise OmegaError(ErrorCode.UNKNOWN_SHARD, field="shard")

    def devices(self, request: pb.ListDevicesRequest) -> pb.ListDevicesResponse:
        """Refuses.

        Raises:
            OmegaError: UNKNOWN_SHARD.
        """
        del request
        raise OmegaError(ErrorCode.UNKNOWN_SHARD, field="shard")

    def device(self, request: pb.GetDeviceRequest) -> pb.GetDeviceResponse:
        """Refuses.

        Raises:
            OmegaError: UNKNOWN_DEVICE.
        """
        del request
        raise OmegaError(ErrorCode.UNKNOWN_DEVICE, field="device_id")

    def erase(
        self, request: pb.AdminServiceEraseDeviceRequest
    ) -> pb.AdminServiceEraseDeviceResponse:
        """Nothing is left of it."""
        del request
        return pb.AdminServiceEraseDeviceResponse()
