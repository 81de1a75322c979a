"""omega.sync.v1.SyncService over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_rpc import call as calls
from omega_sync.core import SyncCore

Context = grpc.aio.ServicerContext[Any, Any]


class SyncServicer(sync_service_pb2_grpc.SyncServiceServicer):
    """Hands calls to the core.

    Args:
        core: answers them.
    """

    def __init__(self, core: SyncCore) -> None:
        self._core = core

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

    async def StreamSync(  # noqa: N802 - name of the contract
        self, request_iterator: AsyncIterator[pb.StreamSyncRequest], context: Context
    ) -> AsyncIterator[pb.StreamSyncResponse]:
        """Exchanges on an open stream."""
        del context
        async for request in request_iterator:
            answer = await self._core.sync(request.exchange, calls.principal())
            yield pb.StreamSyncResponse(request_id=request.exchange.request_id, answer=answer)

    async def GetResource(  # noqa: N802 - name of the contract
        self, request: pb.GetResourceRequest, context: Context
    ) -> AsyncIterator[pb.GetResourceResponse]:
        """A body."""
        del context
        async for answer in self._core.resource(request):
            yield answer

    async def EraseDevice(  # noqa: N802 - name of the contract
        self, request: pb.EraseDeviceRequest, context: Context
    ) -> pb.EraseDeviceResponse:
        """Forgets the calling device."""
        del request, context
        return await self._core.erase(calls.principal())
