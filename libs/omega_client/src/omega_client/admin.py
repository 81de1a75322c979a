"""Client of what operators do to a shard."""

from __future__ import annotations

from datetime import timedelta

from omega.constellation.v1 import admin_pb2, constellation_service_pb2_grpc
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

    # Rounds.

    def trigger_federation(
        self, request_id: str, *, refresh: bool = False
    ) -> admin_pb2.TriggerFederationResponse:
        """Asks for a round, durably; a worker runs it. request_id is a UUID, the key."""
        request = admin_pb2.TriggerFederationRequest(request_id=request_id, refresh=refresh)
        return self._call(self._stub.TriggerFederation, request, ADMIN_SECONDS)

    def list_rounds(
        self, page_size: int = 0, before_round_id: int = 0
    ) -> admin_pb2.ListRoundsResponse:
        """Records of rounds, newest first: 1 to 1,000 of them, 0 = 100."""
        request = admin_pb2.ListRoundsRequest(page_size=page_size, before_round_id=before_round_id)
        return self._call(self._stub.ListRounds, request, ADMIN_SECONDS)
