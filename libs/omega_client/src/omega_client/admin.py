"""Client of what operators do to a shard."""

from __future__ import annotations

from datetime import timedelta

from omega.constellation.v1 import admin_pb2, constellation_service_pb2_grpc, directory_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client.base import ServiceClient
from omega_rpc.tls import ClientTls

ADMIN_SECONDS = 10.0
"""Default deadline of a call."""


class AdminClient(ServiceClient):
    """omega.constellation.v1.AdminService. Every method raises ServiceError."""

    # A call whose answer is lost has made claims that nobody knows; a second try makes more.
    single = ("omega.constellation.v1.AdminService/CreateClaims",)

    def __init__(
        self, target: str, *, timeout: float | None = None, tls: ClientTls | None = None
    ) -> None:
        super().__init__(target, timeout=timeout, tls=tls)
        self._stub = constellation_service_pb2_grpc.AdminServiceStub(self._channel)

    def create_claims(self, count: int, valid_for: timedelta) -> list[str]:
        """Makes 1 to 1,000 one-time claims that can be shown for 1 minute to 366 days."""
        request = pb.CreateClaimsRequest(count=count)
        request.valid_for.FromTimedelta(valid_for)
        return list(self._call(self._stub.CreateClaims, request, ADMIN_SECONDS).claims)

    def revoke_device(self, device_id: str) -> pb.RevokeDeviceResponse:
        """Shuts a device out; gateways refuse it within 60 seconds."""
        request = pb.RevokeDeviceRequest(device_id=device_id)
        return self._call(self._stub.RevokeDevice, request, ADMIN_SECONDS)

    # Shards.

    def list_shards(self) -> admin_pb2.ListShardsResponse:
        """The shards of the fleet, each asked for its figures."""
        request = admin_pb2.ListShardsRequest()
        return self._call(self._stub.ListShards, request, ADMIN_SECONDS)

    def get_shard_stats(self, shard: str = "", minutes: int = 0) -> admin_pb2.GetShardStatsResponse:
        """Figures of a shard, empty = of the one asked, with 0 to 1,440 minutes of traffic."""
        request = admin_pb2.GetShardStatsRequest(shard=shard, minutes=minutes)
        return self._call(self._stub.GetShardStats, request, ADMIN_SECONDS)

    def publish_directory(
        self, directory: directory_pb2.Directory
    ) -> directory_pb2.PublishDirectoryResponse:
        """Has the shard that is asked hold a directory, durably; the same one changes nothing."""
        request = directory_pb2.PublishDirectoryRequest(directory=directory)
        return self._call(self._stub.PublishDirectory, request, ADMIN_SECONDS)
