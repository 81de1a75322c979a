"""Clients of a relay and of the gateway behind it."""

from __future__ import annotations

from typing import ClassVar

from omega.threshold.v1 import relay_service_pb2 as pb
from omega.threshold.v1 import relay_service_pb2_grpc
from omega_client.base import Client, ServiceClient
from omega_client.methods import unary

CALL_SECONDS = 20.0
"""Default deadline."""


class RelayMethods(Client):
    """omega.threshold.v1.RelayService. Every method raises ServiceError."""

    service: ClassVar[str] = "omega.threshold.v1.RelayService"
    stub = relay_service_pb2_grpc.RelayServiceStub
    # Who runs it must not be able to tie a call to others of the same TV.
    repeats: ClassVar[bool] = False
    bare: ClassVar[bool] = True

    @unary(pb.ForwardResponse, CALL_SECONDS)
    def forward(self, encapsulated: bytes) -> pb.ForwardRequest:
        """Hands an encapsulated request of 55 to 8,192 bytes on, and the answer back."""
        return pb.ForwardRequest(encapsulated=encapsulated)

    @unary(pb.RelayServiceGetReportingKeysResponse, CALL_SECONDS)
    def get_reporting_keys(self) -> pb.RelayServiceGetReportingKeysRequest:
        """The gateway's keys, as the relay tells every caller."""
        return pb.RelayServiceGetReportingKeysRequest()


class GatewayMethods(Client):
    """omega.threshold.v1.GatewayService. Every method raises ServiceError."""

    service: ClassVar[str] = "omega.threshold.v1.GatewayService"
    stub = relay_service_pb2_grpc.GatewayServiceStub

    @unary(pb.HandleResponse, CALL_SECONDS)
    def handle(self, encapsulated: bytes) -> pb.HandleRequest:
        """Has an encapsulated request of 55 to 8,192 bytes read and answered."""
        return pb.HandleRequest(encapsulated=encapsulated)

    @unary(pb.GatewayServiceGetReportingKeysResponse, CALL_SECONDS)
    def get_reporting_keys(self) -> pb.GatewayServiceGetReportingKeysRequest:
        """The keys of the epochs that are open."""
        return pb.GatewayServiceGetReportingKeysRequest()


class RelayClient(RelayMethods, ServiceClient):
    """A relay, from threads."""


class GatewayClient(GatewayMethods, ServiceClient):
    """The gateway behind a relay, from threads."""
