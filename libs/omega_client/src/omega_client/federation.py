"""Client of the federation worker."""

from __future__ import annotations

from typing import ClassVar

from omega.federation.v1 import federation_service_pb2 as pb
from omega.federation.v1 import federation_service_pb2_grpc
from omega_client.base import Client, ServiceClient
from omega_client.methods import unary

ROUND_SECONDS = 3_600.0
"""Default deadline of a round."""
READ_SECONDS = 10.0
"""Default deadline of a read."""


class FederationMethods(Client):
    """omega.federation.v1.FederationService. Every method raises ServiceError."""

    service: ClassVar[str] = "omega.federation.v1.FederationService"
    stub = federation_service_pb2_grpc.FederationServiceStub

    @unary(pb.RunRoundResponse, ROUND_SECONDS)
    def run_round(self, request: pb.RunRoundRequest) -> pb.RunRoundRequest:
        """Runs a round; its result is published when this returns."""
        return request

    @unary(pb.GetRoundResponse, READ_SECONDS)
    def get_round(self, round_id: int) -> pb.GetRoundRequest:
        """The record of one round."""
        return pb.GetRoundRequest(round_id=round_id)

    @unary(pb.ListRoundsResponse, READ_SECONDS)
    def list_rounds(self, page_size: int = 0, before_round_id: int = 0) -> pb.ListRoundsRequest:
        """Records of rounds, newest first: 1 to 1,000 of them, 0 = 100."""
        return pb.ListRoundsRequest(page_size=page_size, before_round_id=before_round_id)


class FederationClient(FederationMethods, ServiceClient):
    """A federation worker, from threads."""
