"""omega.threshold.v1.GatewayService: what relays hand on by way of the fleet's gateways."""

from __future__ import annotations

import grpc

from omega.threshold.v1 import relay_service_pb2 as pb
from omega.threshold.v1 import relay_service_pb2_grpc
from omega_constellation.reports import Reports
from omega_core.errors import invalid

_SHORTEST, _LONGEST = 55, 8_192


class GatewayServicer(relay_service_pb2_grpc.GatewayServiceServicer):
    """Notes nothing of a call but what became of the report.

    Args:
        reports: takes them.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def Handle(  # noqa: N802 - named by the contract
        self, request: pb.HandleRequest, context: grpc.ServicerContext
    ) -> pb.HandleResponse:
        """Durable when it is answered."""
        del context
        if not _SHORTEST <= len(request.encapsulated) <= _LONGEST:
            raise invalid("encapsulated", f"{_SHORTEST} to {_LONGEST:,} bytes")
        return pb.HandleResponse(encapsulated=self._reports.handle(request.encapsulated))

    def GetReportingKeys(  # noqa: N802 - named by the contract
        self, request: pb.GatewayServiceGetReportingKeysRequest, context: grpc.ServicerContext
    ) -> pb.GatewayServiceGetReportingKeysResponse:
        """From memory, once they are known."""
        del request, context
        return pb.GatewayServiceGetReportingKeysResponse(keys=self._reports.keys())
