"""Client of what operators do to a shard."""

from __future__ import annotations

from datetime import timedelta

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2_grpc, release_pb2
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

    def list_releases(
        self, page_size: int = 0, *, before: int = 0
    ) -> release_pb2.ListReleasesResponse:
        """Releases and how they fare, the newest first, of those below `before` where it is not 0.

        At most `page_size`, 1 to 1,000; 0 = 100.
        """
        request = release_pb2.ListReleasesRequest(page_size=page_size, before_release_id=before)
        return self._call(self._stub.ListReleases, request, ADMIN_SECONDS)

    def end_release(self, release_id: int, *, complete: bool) -> release_pb2.Release:
        """Gives a version to all devices, or takes it back from those that have it."""
        request = release_pb2.EndReleaseRequest(release_id=release_id, complete=complete)
        return self._call(self._stub.EndRelease, request, ADMIN_SECONDS).release
