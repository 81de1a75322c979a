"""omega.sync.v1.SyncService by the Connect protocol: the same core behind the same gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from connectrpc.code import Code
from connectrpc.compression.gzip import GzipCompression
from connectrpc.errors import ConnectError, ErrorDetail
from connectrpc.request import RequestContext
from protobuf.wkt import Any as Packed

from omega.sync.v1 import sync_service_connect as connect
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core import limits
from omega_core.errors import OmegaError
from omega_rpc import call as calls
from omega_rpc.aio.gate import Gate, public
from omega_rpc.call import Caller
from omega_rpc.status import to_status
from omega_rpc.tracing import OK, Served
from omega_sync.core import SyncCore
from omega_sync.reports import Reports
from omega_sync.streams import Streams

A = TypeVar("A")
_PREFIX = "/omega.sync.v1.SyncService/"
_CODES = (
    None,
    Code.CANCELED,
    Code.UNKNOWN,
    Code.INVALID_ARGUMENT,
    Code.DEADLINE_EXCEEDED,
    Code.NOT_FOUND,
    Code.ALREADY_EXISTS,
    Code.PERMISSION_DENIED,
    Code.RESOURCE_EXHAUSTED,
    Code.FAILED_PRECONDITION,
    Code.ABORTED,
    Code.OUT_OF_RANGE,
    Code.UNIMPLEMENTED,
    Code.INTERNAL,
    Code.UNAVAILABLE,
    Code.DATA_LOSS,
    Code.UNAUTHENTICATED,
)
"""By the numbers of gRPC."""
Context = RequestContext[Any, Any]


def application(
    core: SyncCore, streams: Streams, reports: Reports, gate: Gate
) -> connect.SyncServiceASGIApplication:
    """The ASGI application."""
    return connect.SyncServiceASGIApplication(
        ConnectService(core, streams, reports, gate),
        read_max_bytes=limits.MAX_GATEWAY_REQUEST,
        # zstd would let a frame's header claim a window of 128 MB.
        compressions=[GzipCompression()],
    )


class ConnectService(connect.SyncService):
    """Hands calls to the core.

    Args:
        core: answers them.
        streams: answers StreamSync.
        reports: answers what is about reports of pairs.
        gate: what calls pass.
    """

    def __init__(self, core: SyncCore, streams: Streams, reports: Reports, gate: Gate) -> None:
        self._core = core
        self._streams = streams
        self._reports = reports
        self._gate = gate

    async def register_device(
        self, request: pb.RegisterDeviceRequest, ctx: Context, /
    ) -> pb.RegisterDeviceResponse:
        """Gives an identity."""
        return await self._single(ctx, lambda: self._core.register(request, calls.caller()))

    async def sync(self, request: pb.SyncRequest, ctx: Context, /) -> pb.SyncResponse:
        """Push and pull."""
        return await self._single(ctx, lambda: self._core.sync(request, calls.principal()))

    async def push_patterns(
        self, request: pb.PushPatternsRequest, ctx: Context, /
    ) -> pb.PushPatternsResponse:
        """The push alone."""
        return await self._single(ctx, lambda: self._core.push(request, calls.principal()))

    async def pull_patterns(
        self, request: pb.PullPatternsRequest, ctx: Context, /
    ) -> pb.PullPatternsResponse:
        """The pull alone."""
        return await self._single(ctx, lambda: self._core.pull(request, calls.principal()))

    async def erase_device(
        self, request: pb.EraseDeviceRequest, ctx: Context, /
    ) -> pb.EraseDeviceResponse:
        """Forgets the calling device."""
        del request
        return await self._single(ctx, lambda: self._core.erase(calls.principal()))

    async def get_reporting_keys(
        self, request: pb.GetReportingKeysRequest, ctx: Context, /
    ) -> pb.GetReportingKeysResponse:
        """What reports of pairs are made with."""
        del request
        return await self._single(ctx, lambda: self._reports.keys(calls.principal()))

    async def issue_tokens(
        self, request: pb.IssueTokensRequest, ctx: Context, /
    ) -> pb.IssueTokensResponse:
        """Tokens of such reports."""
        return await self._single(ctx, lambda: self._reports.issue(request, calls.principal()))

    def get_resource(
        self, request: pb.GetResourceRequest, ctx: Context, /
    ) -> AsyncIterator[pb.GetResourceResponse]:
        """A body."""
        return self._many(ctx, lambda: self._core.resource(request, calls.principal()))

    def stream_sync(
        self, request: AsyncIterator[pb.StreamSyncRequest], ctx: Context, /
    ) -> AsyncIterator[pb.StreamSyncResponse]:
        """Exchanges on an open stream; over HTTP/2 and HTTP/3."""
        return self._many(ctx, lambda: _conversation(self._streams, request))

    async def _single(self, ctx: Context, answer: Callable[[], Awaitable[A]]) -> A:
        method, metadata = _PREFIX + ctx.method.name, _metadata(ctx)
        with self._gate.served(method, metadata, "connect") as served:
            try:
                self._enter(method, metadata, ctx)
                answered = await answer()
            except Exception as error:
                raise _refused(served, method, error) from error
            served.outcome = OK
            return answered

    async def _many(
        self, ctx: Context, answers: Callable[[], AsyncIterator[A]]
    ) -> AsyncIterator[A]:
        method, metadata = _PREFIX + ctx.method.name, _metadata(ctx)
        with self._gate.served(method, metadata, "connect") as served:
            try:
                self._enter(method, metadata, ctx)
                async with aclosing(answers()) as given:  # type: ignore[type-var]  # generators
                    async for answer in given:
                        yield answer
            except Exception as error:
                raise _refused(served, method, error) from error
            served.outcome = OK

    def _enter(self, method: str, metadata: dict[str, str], ctx: Context) -> None:
        host = (ctx.client_address or "").rpartition(":")[0]
        left = None if ctx.timeout_ms is None else ctx.timeout_ms / 1_000
        self._gate.enter(Caller(method, metadata, address=host.strip("[]")), left)


def _metadata(ctx: Context) -> dict[str, str]:
    return {key.lower(): value for key, value in ctx.request_headers.allitems()}


class _Conversation:
    """A stream's two directions, of which one is an iterator that another task empties."""

    def __init__(self, requests: AsyncIterator[pb.StreamSyncRequest]) -> None:
        self._requests = requests
        # One: who writes waits until the transport asks for the next.
        self.answers: asyncio.Queue[pb.StreamSyncResponse] = asyncio.Queue(1)

    async def read(self) -> pb.StreamSyncRequest | None:
        return await anext(self._requests, None)

    async def write(self, response: pb.StreamSyncResponse) -> None:
        await self.answers.put(response)


async def _conversation(
    streams: Streams, requests: AsyncIterator[pb.StreamSyncRequest]
) -> AsyncIterator[pb.StreamSyncResponse]:
    link = _Conversation(requests)
    serving = asyncio.create_task(streams.run(link, calls.principal()))
    try:
        while True:
            answer = asyncio.create_task(link.answers.get())
            await asyncio.wait([serving, answer], return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                yield answer.result()
            else:
                answer.cancel()
                break
        await serving
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await serving


def _refused(served: Served, method: str, error: Exception) -> ConnectError:
    """The error of the catalogue in Connect's form, with the same details as over gRPC."""
    if isinstance(error, ConnectError):
        served.outcome = error.code.value.upper()
        return error
    refusal: OmegaError = public(method, error)
    served.outcome = refusal.spec.status
    status = to_status(refusal)
    code = _CODES[status.code] or Code.UNKNOWN
    return ConnectError(
        code,
        status.message,
        [ErrorDetail(Packed(type_url=d.type_url, value=d.value)) for d in status.details],
    )
