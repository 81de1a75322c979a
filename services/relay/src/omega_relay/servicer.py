"""omega.threshold.v1.RelayService: bytes on, bytes back, and nothing else."""

from __future__ import annotations

import threading

import grpc

from omega.threshold.v1 import relay_service_pb2 as pb
from omega.threshold.v1 import relay_service_pb2_grpc
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_relay.keys import KeysCopy
from omega_rpc import peers
from omega_rpc.call import remaining
from omega_rpc.rate_limits import RateLimit, network
from omega_rpc.status import from_rpc_error

SHORTEST, SHORTEST_ANSWER, LONGEST = 55, 32, 8_192
"""Bounds of an encapsulated message, in bytes."""


class RelayServicer(relay_service_pb2_grpc.RelayServiceServicer):
    """The relay. Of a call it remembers, in memory, that its network called.

    Args:
        gateway: a channel that adds nothing to a call: no trace, no credentials of the caller.
        limit: of networks.
        keys: the gateway's keys, for all alike.
        longest: seconds to wait for the gateway.
    """

    def __init__(
        self, gateway: grpc.Channel, limit: RateLimit, keys: KeysCopy, longest: float
    ) -> None:
        self._gateway = relay_service_pb2_grpc.GatewayServiceStub(gateway)
        self._limit = limit
        self._keys = keys
        self._longest = longest
        self._lock = threading.Lock()

    def Forward(  # noqa: N802 - named by the contract
        self, request: pb.ForwardRequest, context: grpc.ServicerContext
    ) -> pb.ForwardResponse:
        """One call to the gateway, with the request's bytes alone."""
        if not SHORTEST <= len(request.encapsulated) <= LONGEST:
            raise invalid("encapsulated", f"{SHORTEST} to {LONGEST:,} bytes")
        self._count(context)
        # A message of its own: fields that this contract does not know stay here.
        handed = pb.HandleRequest(encapsulated=request.encapsulated)
        try:
            answer = self._gateway.Handle(handed, timeout=remaining(self._longest))
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        if not SHORTEST_ANSWER <= len(answer.encapsulated) <= LONGEST:
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="an answer out of bounds")
        return pb.ForwardResponse(encapsulated=answer.encapsulated)

    def GetReportingKeys(  # noqa: N802 - named by the contract
        self, request: pb.RelayServiceGetReportingKeysRequest, context: grpc.ServicerContext
    ) -> pb.RelayServiceGetReportingKeysResponse:
        """The copy, or one call to the gateway that says nothing of the caller."""
        del request
        self._count(context)
        return pb.RelayServiceGetReportingKeysResponse(keys=self._keys.get())

    def _count(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            self._limit.take(network(peers.address(context.peer())))
