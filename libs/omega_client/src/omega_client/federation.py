"""Client of the federation worker."""

from __future__ import annotations

from omega.federation.v1 import federation_service_pb2 as pb
from omega.federation.v1 import federation_service_pb2_grpc
from omega_client.base import ServiceClient
from omega_rpc.tls import ClientTls

ROUND_SECONDS = 3_600.0
"""Default deadline of a round."""
READ_SECONDS = 10.0
"""Default deadline of a read."""


class FederationClient(ServiceClient):
    """omega.federation.v1.FederationService. Every method raises ServiceError."""

    def __init__(
        self, target: str, *, timeout: float | None = None, tls: ClientTls | None = None
    ) -> None:
        super().__init__(target, timeout=timeout, tls=tls)
        self._stub = federation_service_pb2_grpc.FederationServiceStub(self._channel)

    def run_round(self, request: pb.RunRoundRequest) -> pb.RunRoundResponse:
        """Runs a round; its result is published when this returns."""
        return self._call(self._stub.RunRound, request, ROUND_SECONDS)

    def get_round(self, round_id: int) -> pb.GetRoundResponse:
        """The record of one round."""
        return self._call(self._stub.GetRound, pb.GetRoundRequest(round_id=round_id), READ_SECONDS)

    def list_rounds(self, page_size: int = 0, before_round_id: int = 0) -> pb.ListRoundsResponse:
        """Records of rounds, newest first: 1 to 1,000 of them, 0 = 100."""
        request = pb.ListRoundsRequest(page_size=page_size, before_round_id=before_round_id)
        return self._call(self._stub.ListRounds, request, READ_SECONDS)
