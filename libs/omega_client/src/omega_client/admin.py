"""Client of what operators do to a shard."""

from __future__ import annotations

from datetime import timedelta

from omega.constellation.v1 import (
    admin_pb2,
    constellation_service_pb2_grpc,
    directory_pb2,
    release_pb2,
)
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client.base import Metadata, ServiceClient
from omega_rpc.tls import ClientTls

ADMIN_SECONDS = 10.0
"""Default deadline of a call."""


class AdminClient(ServiceClient):
    """omega.constellation.v1.AdminService. Every method raises ServiceError.

    Args:
        target: HOST:PORT or unix:/absolute/path.
        timeout: deadline of every call in seconds, in place of each method's own; at most a day.
        tls: how to trust the server; None = no TLS.
        actor: who acts, for the audit log, at most 128 printable ASCII characters; empty = the name
            in the certificate that is shown.
    """

    # A call whose answer is lost has made claims that nobody knows; a second try makes more.
    single = ("omega.constellation.v1.AdminService/CreateClaims",)

    def __init__(
        self,
        target: str,
        *,
        timeout: float | None = None,
        tls: ClientTls | None = None,
        actor: str = "",
    ) -> None:
        super().__init__(target, timeout=timeout, tls=tls)
        self._metadata: Metadata = (("x-omega-actor", actor),) if actor else ()
        self._stub = constellation_service_pb2_grpc.AdminServiceStub(self._channel)

    def create_claims(self, count: int, valid_for: timedelta) -> list[str]:
        """Makes 1 to 1,000 one-time claims that can be shown for 1 minute to 366 days."""
        request = pb.CreateClaimsRequest(count=count)
        request.valid_for.FromTimedelta(valid_for)
        return list(
            self._call(self._stub.CreateClaims, request, ADMIN_SECONDS, self._metadata).claims
        )

    def revoke_device(self, device_id: str) -> pb.RevokeDeviceResponse:
        """Shuts a device out; gateways refuse it within 60 seconds."""
        request = pb.RevokeDeviceRequest(device_id=device_id)
        return self._call(self._stub.RevokeDevice, request, ADMIN_SECONDS, self._metadata)

    def get_shard_stats(self, shard: str = "", minutes: int = 0) -> admin_pb2.ShardStats:
        """Figures of a shard (empty = the one that is asked) and up to 1,440 minutes of traffic."""
        request = admin_pb2.GetShardStatsRequest(shard=shard, minutes=minutes)
        return self._call(self._stub.GetShardStats, request, ADMIN_SECONDS, self._metadata).stats

    def list_devices(
        self,
        request: admin_pb2.ListDevicesRequest | None = None,
    ) -> admin_pb2.ListDevicesResponse:
        """A page of a shard's devices; without a request, the first of the shard that is asked."""
        wanted = request or admin_pb2.ListDevicesRequest()
        return self._call(self._stub.ListDevices, wanted, ADMIN_SECONDS, self._metadata)

    def get_device(self, device_id: str) -> admin_pb2.DeviceRecord:
        """One device, wherever it is."""
        request = admin_pb2.GetDeviceRequest(device_id=device_id)
        return self._call(self._stub.GetDevice, request, ADMIN_SECONDS, self._metadata).device

    def erase_device(self, device_id: str) -> int:
        """Erases a device, wherever it is; returns the pushes that went with it."""
        request = admin_pb2.AdminServiceEraseDeviceRequest(device_id=device_id)
        return self._call(self._stub.EraseDevice, request, ADMIN_SECONDS, self._metadata).pushes

    def list_contents(
        self, request: admin_pb2.ListContentsRequest | None = None
    ) -> admin_pb2.ListContentsResponse:
        """A page of titles; without a request, the first."""
        wanted = request or admin_pb2.ListContentsRequest()
        return self._call(self._stub.ListContents, wanted, ADMIN_SECONDS, self._metadata)

    def list_trends(self, region: str = "") -> admin_pb2.ListTrendsResponse:
        """Trends in force of a region; empty = over all regions."""
        request = admin_pb2.ListTrendsRequest(region=region)
        return self._call(self._stub.ListTrends, request, ADMIN_SECONDS, self._metadata)

    def list_audit(
        self, page_size: int = 0, before_entry_id: int = 0
    ) -> admin_pb2.ListAuditResponse:
        """What operators did, newest first; the next page begins before the last entry's id."""
        request = admin_pb2.ListAuditRequest(page_size=page_size, before_entry_id=before_entry_id)
        return self._call(self._stub.ListAudit, request, ADMIN_SECONDS, self._metadata)

    # Rounds.

    def trigger_federation(
        self, request_id: str, *, refresh: bool = False
    ) -> admin_pb2.TriggerFederationResponse:
        """Asks for a round, durably; a worker runs it. request_id is a UUID, the key."""
        request = admin_pb2.TriggerFederationRequest(request_id=request_id, refresh=refresh)
        return self._call(self._stub.TriggerFederation, request, ADMIN_SECONDS, self._metadata)

    def list_rounds(
        self, page_size: int = 0, before_round_id: int = 0
    ) -> admin_pb2.ListRoundsResponse:
        """Records of rounds, newest first: 1 to 1,000 of them, 0 = 100."""
        request = admin_pb2.ListRoundsRequest(page_size=page_size, before_round_id=before_round_id)
        return self._call(self._stub.ListRounds, request, ADMIN_SECONDS, self._metadata)

    # Releases.

    def list_releases(
        self, page_size: int = 0, *, before: int = 0
    ) -> release_pb2.ListReleasesResponse:
        """Releases and how they fare, the newest first, of those below `before` where it is not 0.

        At most `page_size`, 1 to 1,000; 0 = 100.
        """
        request = release_pb2.ListReleasesRequest(page_size=page_size, before_release_id=before)
        return self._call(self._stub.ListReleases, request, ADMIN_SECONDS, self._metadata)

    def end_release(self, release_id: int, *, complete: bool) -> release_pb2.Release:
        """Gives a version to all devices, or takes it back from those that have it."""
        request = release_pb2.EndReleaseRequest(release_id=release_id, complete=complete)
        return self._call(self._stub.EndRelease, request, ADMIN_SECONDS, self._metadata).release

    # Shards.

    def list_shards(self) -> admin_pb2.ListShardsResponse:
        """The shards of the fleet, each asked for its figures."""
        request = admin_pb2.ListShardsRequest()
        return self._call(self._stub.ListShards, request, ADMIN_SECONDS, self._metadata)

    def publish_directory(
        self, directory: directory_pb2.Directory
    ) -> directory_pb2.PublishDirectoryResponse:
        """Has the shard that is asked hold a directory, durably; the same one changes nothing."""
        request = directory_pb2.PublishDirectoryRequest(directory=directory)
        return self._call(self._stub.PublishDirectory, request, ADMIN_SECONDS, self._metadata)
