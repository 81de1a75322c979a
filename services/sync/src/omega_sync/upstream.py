"""The constellation behind the gateway: one channel, deadlines, errors of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2_grpc as pb_grpc
from omega_rpc import call as calls
from omega_rpc.status import from_rpc_error

Q = TypeVar("Q")
A = TypeVar("A")

_SERVICE = "omega.constellation.v1.ConstellationService"
_PROBE_SECONDS = 1.0


class Constellation:
    """Calls on behalf of the call under way: its deadline and its request id go along.

    omega_client is for callers that wait; here a stream must end when the TV hangs up.

    Args:
        channel: to the constellation; closed by its owner.
        call_seconds: longest wait for one answer.
        body_seconds: longest time for one resource's body.
    """

    def __init__(self, channel: grpc.Channel, call_seconds: float, body_seconds: float) -> None:
        self._stub = pb_grpc.ConstellationServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)
        self._call_seconds = call_seconds
        self._body_seconds = body_seconds

    def register(self, request: pb.RegisterDeviceRequest) -> pb.RegisterDeviceResponse:
        """Makes or repeats an identity."""
        return self._call(self._stub.RegisterDevice, request)

    def ingest(self, push: pb.DevicePush) -> pb.PushResult:
        """Stores a push; it is durable when this returns."""
        answer = self._call(self._stub.IngestPatterns, pb.IngestPatternsRequest(pushes=[push]))
        return answer.results[0]

    def news(self, request: pb.GetGlobalStateRequest) -> pb.GetGlobalStateResponse:
        """What is new since the versions that a device holds."""
        return self._call(self._stub.GetGlobalState, request)

    def erase(self, request: pb.EraseDeviceRequest) -> pb.EraseDeviceResponse:
        """Erases a device and its pushes; it is durable when this returns."""
        return self._call(self._stub.EraseDevice, request)

    def body(
        self, request: pb.GetResourceRequest, caller: grpc.ServicerContext
    ) -> Iterator[pb.GetResourceResponse]:
        """Chunks of a resource, each fetched when it is asked for; ends when the caller does."""
        answers = self._stub.GetResource(
            request, timeout=calls.remaining(self._body_seconds), metadata=_trace()
        )

        def hang_up() -> None:
            answers.cancel()

        # Without it, a TV that is gone would hold the thread until the next chunk arrives.
        caller.add_callback(hang_up)
        try:
            yield from answers
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            hang_up()

    def serving(self) -> bool:
        """Whether the constellation says that it serves."""
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        try:
            answer = self._health.Check(request, timeout=_PROBE_SECONDS)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def _call(self, method: grpc.UnaryUnaryMultiCallable[Q, A], request: Q) -> A:
        try:
            return method(request, timeout=calls.remaining(self._call_seconds), metadata=_trace())
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error


def _trace() -> tuple[tuple[str, str], ...]:
    return (("x-request-id", calls.request_id()),)
