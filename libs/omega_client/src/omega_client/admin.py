"""Client of what operators do to a shard."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from omega.constellation.v1 import (
    admin_pb2,
    constellation_service_pb2_grpc,
    directory_pb2,
    release_pb2,
)
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client.base import Client, ServiceClient
from omega_client.methods import unary
from omega_rpc.tls import ClientTls

ADMIN_SECONDS = 10.0
"""Default deadline of a call."""
_SERVICE = "omega.constellation.v1.AdminService"


class AdminMethods(Client):
    """omega.constellation.v1.AdminService. Every method raises ServiceError.

    Args:
        target: HOST:PORT or unix:/absolute/path.
        timeout: deadline of every call in seconds, in place of each method's own; at most a day.
        tls: how to trust the server; None = no TLS.
        actor: who acts, for the audit log, at most 128 printable ASCII characters; empty = the name
            in the certificate that is shown.
    """

    service: ClassVar[str] = _SERVICE
    stub = constellation_service_pb2_grpc.AdminServiceStub
    # A call whose answer is lost has made claims that nobody knows; a second try makes more.
    single: ClassVar[tuple[str, ...]] = (f"{_SERVICE}/CreateClaims",)

    def __init__(
        self,
        target: str,
        *,
        timeout: float | None = None,
        tls: ClientTls | None = None,
        actor: str = "",
    ) -> None:
        super().__init__(target, timeout=timeout, tls=tls)
        if actor:
            self._metadata = (("x-omega-actor", actor),)

    @unary(pb.CreateClaimsResponse, ADMIN_SECONDS, lambda answer: list(answer.claims))
    def create_claims(self, count: int, valid_for: timedelta) -> pb.CreateClaimsRequest:
        """Makes 1 to 1,000 one-time claims that can be shown for 1 minute to 366 days.

        Never sent twice by itself: claims of an answer that was lost are known to nobody.
        """
        request = pb.CreateClaimsRequest(count=count)
        request.valid_for.FromTimedelta(valid_for)
        return request

    @unary(pb.RevokeDeviceResponse, ADMIN_SECONDS)
    def revoke_device(self, device_id: str) -> pb.RevokeDeviceRequest:
        """Shuts a device out; gateways refuse it within 60 seconds."""
        return pb.RevokeDeviceRequest(device_id=device_id)

    @unary(admin_pb2.GetShardStatsResponse, ADMIN_SECONDS, lambda answer: answer.stats)
    def get_shard_stats(self, shard: str = "", minutes: int = 0) -> admin_pb2.GetShardStatsRequest:
        """Figures of a shard (empty = the one that is asked) and up to 1,440 minutes of traffic."""
        return admin_pb2.GetShardStatsRequest(shard=shard, minutes=minutes)

    @unary(admin_pb2.ListDevicesResponse, ADMIN_SECONDS)
    def list_devices(
        self, request: admin_pb2.ListDevicesRequest | None = None
    ) -> admin_pb2.ListDevicesRequest:
        """A page of a shard's devices; without a request, the first of the shard that is asked."""
        return request or admin_pb2.ListDevicesRequest()

    @unary(admin_pb2.GetDeviceResponse, ADMIN_SECONDS, lambda answer: answer.device)
    def get_device(self, device_id: str) -> admin_pb2.GetDeviceRequest:
        """One device, wherever it is."""
        return admin_pb2.GetDeviceRequest(device_id=device_id)

    @unary(admin_pb2.AdminServiceEraseDeviceResponse, ADMIN_SECONDS, lambda answer: answer.pushes)
    def erase_device(self, device_id: str) -> admin_pb2.AdminServiceEraseDeviceRequest:
        """Erases a device, wherever it is; returns the pushes that went with it."""
        return admin_pb2.AdminServiceEraseDeviceRequest(device_id=device_id)

    @unary(admin_pb2.ListContentsResponse, ADMIN_SECONDS)
    def list_contents(
        self, request: admin_pb2.ListContentsRequest | None = None
    ) -> admin_pb2.ListContentsRequest:
        """A page of titles; without a request, the first."""
        return request or admin_pb2.ListContentsRequest()

    @unary(admin_pb2.ListTrendsResponse, ADMIN_SECONDS)
    def list_trends(self, region: str = "") -> admin_pb2.ListTrendsRequest:
        """Trends in force of a region; empty = over all regions."""
        return admin_pb2.ListTrendsRequest(region=region)

    @unary(admin_pb2.ListAuditResponse, ADMIN_SECONDS)
    def list_audit(
        self, page_size: int = 0, before_entry_id: int = 0
    ) -> admin_pb2.ListAuditRequest:
        """What operators did, newest first; the next page begins before the last entry's id."""
        return admin_pb2.ListAuditRequest(page_size=page_size, before_entry_id=before_entry_id)

    # Rounds.

    @unary(admin_pb2.TriggerFederationResponse, ADMIN_SECONDS)
    def trigger_federation(
        self, request_id: str, *, refresh: bool = False
    ) -> admin_pb2.TriggerFederationRequest:
        """Asks for a round, durably; a worker runs it. request_id is a UUID, the key."""
        return admin_pb2.TriggerFederationRequest(request_id=request_id, refresh=refresh)

    @unary(admin_pb2.ListRoundsResponse, ADMIN_SECONDS)
    def list_rounds(
        self, page_size: int = 0, before_round_id: int = 0
    ) -> admin_pb2.ListRoundsRequest:
        """Records of rounds, newest first: 1 to 1,000 of them, 0 = 100."""
        return admin_pb2.ListRoundsRequest(page_size=page_size, before_round_id=before_round_id)

    # Releases.

    @unary(release_pb2.ListReleasesResponse, ADMIN_SECONDS)
    def list_releases(
        self, page_size: int = 0, *, before: int = 0
    ) -> release_pb2.ListReleasesRequest:
        """Releases and how they fare, the newest first, of those below `before` where it is not 0.

        At most `page_size`, 1 to 1,000; 0 = 100.
        """
        return release_pb2.ListReleasesRequest(page_size=page_size, before_release_id=before)

    @unary(release_pb2.EndReleaseResponse, ADMIN_SECONDS, lambda answer: answer.release)
    def end_release(self, release_id: int, *, complete: bool) -> release_pb2.EndReleaseRequest:
        """Gives a version to all devices, or takes it back from those that have it."""
        return release_pb2.EndReleaseRequest(release_id=release_id, complete=complete)

    # Shards.

    @unary(admin_pb2.ListShardsResponse, ADMIN_SECONDS)
    def list_shards(self) -> admin_pb2.ListShardsRequest:
        """The shards of the fleet, each asked for its figures."""
        return admin_pb2.ListShardsRequest()

    @unary(directory_pb2.PublishDirectoryResponse, ADMIN_SECONDS)
    def publish_directory(
        self, directory: directory_pb2.Directory
    ) -> directory_pb2.PublishDirectoryRequest:
        """Has the shard that is asked hold a directory, durably; the same one changes nothing."""
        return directory_pb2.PublishDirectoryRequest(directory=directory)


class AdminClient(AdminMethods, ServiceClient):
    """What operators do to a shard, from threads."""
