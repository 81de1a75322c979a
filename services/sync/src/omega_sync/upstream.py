"""A constellation behind the gateway: one channel, deadlines, errors of the catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2_grpc as pb_grpc
from omega.constellation.v1 import directory_pb2
from omega.threshold.v1 import keys_pb2, relay_service_pb2, relay_service_pb2_grpc
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call as calls
from omega_rpc.aio.channel import connect
from omega_rpc.aio.tasks import cancelled_itself
from omega_rpc.status import from_rpc_error
from omega_rpc.tls import RenewedCredentials

Q = TypeVar("Q")
A = TypeVar("A")

_SERVICE = "omega.constellation.v1.ConstellationService"
_PROBE_SECONDS = 1.0


class Constellation:
    """Calls to the constellation; a part of the server, which opens and closes its channel.

    Args:
        target: HOST:PORT or unix:/absolute/path.
        credentials: None = no TLS. When their files were replaced, another channel is opened; what
            is under way ends on the one before.
        call_seconds: longest wait for one answer.
        body_seconds: longest time for one resource's body.
    """

    def __init__(
        self,
        target: str,
        credentials: RenewedCredentials | None,
        call_seconds: float,
        body_seconds: float,
    ) -> None:
        self._target = target
        self._credentials = credentials
        self._call_seconds = call_seconds
        self._body_seconds = body_seconds
        self._channel: grpc.aio.Channel | None = None
        self._shown: grpc.ChannelCredentials | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self) -> Mapping[str, str]:
        """Opens the channel; nothing is dialled before the first call."""
        self._open()
        return {}

    def _open(self) -> None:
        self._shown = self._credentials.newest() if self._credentials else None
        # TVs repeat a failed call; repeating it here too would multiply the load of a bad hour.
        self._channel = connect(self._target, self._shown, retries=False)
        self._stub: pb_grpc.ConstellationServiceAsyncStub = pb_grpc.ConstellationServiceStub(
            self._channel
        )
        self._gateway: relay_service_pb2_grpc.GatewayServiceAsyncStub = (
            relay_service_pb2_grpc.GatewayServiceStub(self._channel)
        )
        self._health = health_pb2_grpc.HealthStub(self._channel)

    def _renew(self) -> None:
        """Opens another channel, where certificates were replaced."""
        if self._credentials is None or self._credentials.newest() is self._shown:
            return
        before = self._channel
        self._open()
        if before is not None:
            ending = asyncio.create_task(before.close(self._body_seconds))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def drain(self) -> None:
        """Goes on: running calls still need it."""

    async def stop(self, grace: float) -> None:
        """Closes the channel."""
        del grace
        for ending in list(self._ending):
            ending.cancel()
        if self._channel is not None:
            await self._channel.close()

    async def register(self, request: pb.RegisterDeviceRequest) -> pb.RegisterDeviceResponse:
        """Makes or repeats an identity."""
        return await self._call(self._stub.RegisterDevice, request)

    async def ingest(
        self, request: pb.IngestPatternsRequest, request_id: str
    ) -> pb.IngestPatternsResponse:
        """Stores pushes, on behalf of no single call; they are durable when this returns."""
        return await self._ask(self._stub.IngestPatterns, request, self._call_seconds, request_id)

    async def heads(self, request: pb.GetHeadsRequest) -> pb.GetHeadsResponse:
        """The newest versions, on behalf of no single call. Asked for once a second."""
        self._renew()
        return await self._ask(self._stub.GetHeads, request, self._call_seconds, calls.request_id())

    async def news(self, request: pb.GetGlobalStateRequest) -> pb.GetGlobalStateResponse:
        """A step between two versions, on behalf of whoever waits for it."""
        return await self._ask(
            self._stub.GetGlobalState, request, self._call_seconds, calls.request_id()
        )

    async def directory(self) -> directory_pb2.Directory:
        """The directory that it holds."""
        request = directory_pb2.GetDirectoryRequest()
        answer = await self._ask(
            self._stub.GetDirectory, request, self._call_seconds, calls.request_id()
        )
        return answer.directory

    async def spend(self, request: directory_pb2.SpendClaimRequest) -> None:
        """Spends a claim; asked of the home shard."""
        await self._call(self._stub.SpendClaim, request)

    async def erase(self, request: pb.EraseDeviceRequest) -> pb.EraseDeviceResponse:
        """Erases a device and its pushes; it is durable when this returns."""
        return await self._call(self._stub.EraseDevice, request)

    async def issue(self, request: pb.IssueTokensRequest) -> pb.IssueTokensResponse:
        """Tokens for a device, which are counted when this returns."""
        return await self._call(self._stub.IssueTokens, request)

    async def handle(
        self, request: relay_service_pb2.HandleRequest
    ) -> relay_service_pb2.HandleResponse:
        """Hands on what a relay handed on. No request id goes along: it would join the logs."""
        seconds = calls.remaining(self._call_seconds)
        return await self._ask(self._gateway.Handle, request, seconds, "")

    async def reporting_keys(self, request_id: str = "") -> keys_pb2.ReportingKeys:
        """What TVs are told of reports, on behalf of the call of this id; empty = a relay's."""
        request = relay_service_pb2.GatewayServiceGetReportingKeysRequest()
        seconds = calls.remaining(self._call_seconds)
        answer = await self._ask(self._gateway.GetReportingKeys, request, seconds, request_id)
        return answer.keys

    async def body(self, request: pb.GetResourceRequest) -> AsyncIterator[pb.GetResourceResponse]:
        """Chunks of a resource, on behalf of whoever waits for it."""
        answers = self._stub.GetResource(
            request, timeout=self._body_seconds, metadata=_trace(calls.request_id())
        )
        try:
            with _answered():
                async for answer in answers:
                    yield answer
        finally:
            answers.cancel()

    async def serving(self) -> bool:
        """Whether the constellation says that it serves."""
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        try:
            answer = await self._health.Check(request, timeout=_PROBE_SECONDS)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def _call(self, method: grpc.aio.UnaryUnaryMultiCallable[Q, A], request: Q) -> A:
        """On behalf of the call under way: its deadline and its request id go along."""
        seconds = calls.remaining(self._call_seconds)
        return await self._ask(method, request, seconds, calls.request_id())

    async def _ask(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        seconds: float,
        request_id: str,
    ) -> A:
        with _answered():
            return await method(request, timeout=seconds, metadata=_trace(request_id))


@contextmanager
def _answered() -> Iterator[None]:
    """Turns what a call to a constellation ends with into an error of the catalogue."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error
    except grpc.aio.UsageError as error:  # the channel was closed before the call
        raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail=str(error)) from error
    except asyncio.CancelledError:
        if cancelled_itself():
            raise
        # The channel was closed under the call.
        raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="the channel was closed") from None


def _trace(request_id: str) -> tuple[tuple[str, str], ...]:
    return (("x-request-id", request_id),) if request_id else ()
