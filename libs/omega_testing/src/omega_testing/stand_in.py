"""A constellation without a database, for tests of what a gateway makes of its answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2_grpc as pb_grpc
from omega_core import limits
from omega_rpc import call as calls
from omega_rpc.server import Binding

DEVICE = "tv-" + "ab" * 16
"""The identity that every registration gets."""
REGISTERED = Timestamp(seconds=1_790_000_000)
"""When."""
CATALOGUE_KIND = resource_pb2.ResourceKind.RESOURCE_KIND_CATALOGUE


@dataclass
class StandIn(pb_grpc.ConstellationServiceServicer):
    """A ConstellationService that answers as it is told to and remembers what it was asked."""

    failure: Exception | None = None
    """Raised by every method."""
    outcome: pb.PushOutcome.ValueType = pb.PushOutcome.PUSH_OUTCOME_STORED
    """What becomes of a push."""
    retry_after: Duration = field(default_factory=lambda: Duration(seconds=600))
    """What the news say."""
    chunks: int = 3
    """Length of a body."""
    ready: threading.Event = field(default_factory=threading.Event)
    """Whether health says SERVING."""
    asked: list[Any] = field(default_factory=list)
    """Requests, in order."""
    request_ids: set[str] = field(default_factory=set)
    """Ids of the calls."""
    time_left: list[float] = field(default_factory=list)
    """Seconds that each call had."""
    sent: int = 0
    """Chunks given to grpc."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a body ended, early or not."""

    def RegisterDevice(  # noqa: N802 - name of the contract
        self, request: pb.RegisterDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RegisterDeviceResponse:
        """The one identity."""
        self._note(request, context)
        return pb.RegisterDeviceResponse(device_id=DEVICE, registered_at=REGISTERED)

    def IngestPatterns(  # noqa: N802 - name of the contract
        self, request: pb.IngestPatternsRequest, context: grpc.ServicerContext
    ) -> pb.IngestPatternsResponse:
        """One result, for the first push."""
        self._note(request, context)
        result = pb.PushResult(outcome=self.outcome, sketches=len(request.pushes[0].classes))
        return pb.IngestPatternsResponse(results=[result])

    def GetGlobalState(  # noqa: N802 - name of the contract
        self, request: pb.GetGlobalStateRequest, context: grpc.ServicerContext
    ) -> pb.GetGlobalStateResponse:
        """State 9 and catalogue 4."""
        self._note(request, context)
        return pb.GetGlobalStateResponse(
            state_version=9,
            compression=resource_pb2.Compression.COMPRESSION_ZSTD,
            delta=b"delta",
            resources=[resource_pb2.ResourceInfo(kind=CATALOGUE_KIND, version=4)],
            retry_after=self.retry_after,
        )

    def GetResource(  # noqa: N802 - name of the contract
        self, request: pb.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetResourceResponse]:
        """Chunks of zeros."""
        self._note(request, context)
        try:
            for position in range(self.chunks):
                self.sent += 1
                yield pb.GetResourceResponse(
                    chunk=resource_pb2.ResourceChunk(
                        offset=position * limits.MAX_CHUNK, data=bytes(limits.MAX_CHUNK)
                    )
                )
        finally:
            self.left.set()

    def EraseDevice(  # noqa: N802 - name of the contract
        self, request: pb.EraseDeviceRequest, context: grpc.ServicerContext
    ) -> pb.EraseDeviceResponse:
        """Three pushes."""
        self._note(request, context)
        return pb.EraseDeviceResponse(pushes=3)

    def binding(self) -> Binding:
        """Serves it."""
        add = pb_grpc.add_ConstellationServiceServicer_to_server
        return Binding("omega.constellation.v1.ConstellationService", add, self)

    def _note(self, request: Any, context: grpc.ServicerContext) -> None:
        self.asked.append(request)
        self.request_ids.add(calls.request_id())
        self.time_left.append(context.time_remaining())
        if self.failure is not None:
            raise self.failure
