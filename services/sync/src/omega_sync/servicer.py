"""omega.sync.v1.SyncService over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_rpc import call as calls
from omega_sync.core import SyncCore
from omega_sync.reports import Reports
from omega_sync.streams import Streams

Context = grpc.aio.ServicerContext[Any, Any]


class _GrpcLink:
    """A call's two directions."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def read(self) -> pb.StreamSyncRequest | None:
        message = await self._context.read()
        return message if isinstance(message, pb.StreamSyncRequest) else None

    async def write(self, response: pb.StreamSyncResponse) -> None:
        await self._context.write(response)


class SyncServicer(sync_service_pb2_grpc.SyncServiceServicer):
    """Hands calls to the core.

    Args:
        core: answers them.
        streams: answers StreamSync.
        reports: answers what is about reports of pairs.
    """

    def __init__(self, core: SyncCore, streams: Streams, reports: Reports) -> None:
        self._core = core
        self._streams = streams
        self._reports = reports

    async def RegisterDevice(  # noqa: N802 - name of the contract
        self, request: pb.RegisterDeviceRequest, context: Context
    ) -> pb.RegisterDeviceResponse:
        """Gives an identity."""
        del context
        return await self._core.register(request, calls.caller())

    async def Sync(  # noqa: N802 - name of the contract
        self, request: pb.SyncRequest, context: Context
    ) -> pb.SyncResponse:
        """Push and pull."""
        del context
        return await self._core.sync(request, calls.principal())

    async def PushPatterns(  # noqa: N802 - name of the contract
        self, request: pb.PushPatternsRequest, context: Context
    ) -> pb.PushPatternsResponse:
        """The push alone."""
        del context
        return await self._core.push(request, calls.principal())

    async def PullPatterns(  # noqa: N802 - name of the contract
        self, request: pb.PullPatternsRequest, context: Context
    ) -> pb.PullPatternsResponse:
        """The pull alone."""
        del context
        return await self._core.pull(request, calls.principal())

    # gRPC also takes a handler that reads and writes by itself; its stubs do not say so.
    async def StreamSync(  # type: ignore[override]  # noqa: N802 - name of the contract
        self, request_iterator: object, context: Context
    ) -> None:
        """Exchanges on an open stream."""
        del request_iterator
        await self._streams.run(_GrpcLink(context), calls.principal())

    async def GetResource(  # noqa: N802 - name of the contract
        self, request: pb.GetResourceRequest, context: Context
    ) -> AsyncIterator[pb.GetResourceResponse]:
        """A body."""
        del context
        async for answer in self._core.resource(request, calls.principal()):
            yield answer

    async def EraseDevice(  # noqa: N802 - name of the contract
        self, request: pb.EraseDeviceRequest, context: Context
    ) -> pb.EraseDeviceResponse:
        """Forgets the calling device."""
        del request, context
        return await self._core.erase(calls.principal())

    async def GetReportingKeys(  # noqa: N802 - name of the contract
        self, request: pb.GetReportingKeysRequest, context: Context
    ) -> pb.GetReportingKeysResponse:
        """What reports of pairs are made with."""
        del request, context
        return await self._reports.keys(calls.principal())

    async def IssueTokens(  # noqa: N802 - name of the contract
        self, request: pb.IssueTokensRequest, context: Context
    ) -> pb.IssueTokensResponse:
        """Tokens of such reports."""
        del context
        return await self._reports.issue(request, calls.principal())
