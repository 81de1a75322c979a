"""The gRPC contracts that REST is derived from, called in an operator's name."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2_grpc
from omega_client.base import ServiceClient
from omega_client.errors import ServiceError
from omega_rpc.tls import ClientTls

ADMIN = pb.DESCRIPTOR.services_by_name["AdminService"]
"""Descriptor of the service behind most routes."""
ACTOR = "x-omega-actor"
"""Metadata that says in whose name a call is made."""
_PROBE_SECONDS = 2.0


class Upstream(ServiceClient):
    """A constellation, as operators see it. Every method raises ServiceError."""

    # A call whose answer is lost has made claims that nobody knows; a second try makes more.
    single = (f"{ADMIN.full_name}/CreateClaims",)

    def __init__(self, target: str, *, timeout: float, tls: ClientTls | None = None) -> None:
        super().__init__(target, tls=tls)
        self._seconds = timeout
        self._admin = constellation_service_pb2_grpc.AdminServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    def call(self, method: str, request: Message, actor: str) -> Any:
        """Calls a method of AdminService by its name; gives the message that answers."""
        return self._call(getattr(self._admin, method), request, self._seconds, ((ACTOR, actor),))

    def serving(self) -> bool:
        """Whether the constellation says SERVING now."""
        try:
            answer = self._call(self._health.Check, health_pb2.HealthCheckRequest(), _PROBE_SECONDS)
        except ServiceError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
