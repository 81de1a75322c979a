"""A constellation without a database, for tests of what a gateway makes of its answers."""

from __future__ import annotations

import hashlib
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
from omega.threshold.v1 import keys_pb2
from omega.threshold.v1 import relay_service_pb2 as relay_pb
from omega.threshold.v1 import relay_service_pb2_grpc as relay_pb_grpc
from omega_core import limits
from omega_rpc import call as calls
from omega_rpc.server import Binding
from omega_testing.probe import eventually

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
    """What the heads say."""
    state_version: int = 9
    """Newest collective state."""
    region: str = ""
    """Region of the device."""
    trend_regions: tuple[str, ...] = ()
    """Regions with trends of their own."""
    revocations: list[pb.Revocation] = field(default_factory=list)
    """Devices that were shut out; each GetHeads tells those after its cursor, one at a time."""
    pages: int = 0
    """Pages of every step."""
    polls: int = 0
    """How often GetHeads was answered."""
    held: threading.Event = field(default_factory=threading.Event)
    """Cleared, pushes wait."""
    chunks: int = 3
    """Length of a body."""
    delta_base: int = 0
    """Version from which there is a delta; 0 = none."""
    sha256: bytes = b""
    """What is stated of a body; empty = the truth."""
    announced: bytes = b""
    """SHA-256 that the heads tell of catalogue 4; empty = none."""
    ready: threading.Event = field(default_factory=threading.Event)
    """Whether health says SERVING."""
    asked: list[Any] = field(default_factory=list)
    """Requests, in order."""
    request_ids: set[str] = field(default_factory=set)
    """Ids of the calls."""
    metadata: list[dict[str, str | bytes]] = field(default_factory=list)
    """Of the calls."""
    time_left: list[float] = field(default_factory=list)
    """Seconds that each call had."""
    sent: int = 0
    """Chunks given to grpc."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a body ended, early or not."""

    def __post_init__(self) -> None:
        self.held.set()

    def RegisterDevice(  # noqa: N802 - name of the contract
        self, request: pb.RegisterDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RegisterDeviceResponse:
        """The one identity."""
        self._note(request, context)
        return pb.RegisterDeviceResponse(device_id=DEVICE, registered_at=REGISTERED)

    def IngestPatterns(  # noqa: N802 - name of the contract
        self, request: pb.IngestPatternsRequest, context: grpc.ServicerContext
    ) -> pb.IngestPatternsResponse:
        """A result a push."""
        self._note(request, context)
        self.held.wait(20)
        return pb.IngestPatternsResponse(
            results=[
                pb.PushResult(outcome=self.outcome, sketches=len(push.classes), region=self.region)
                for push in request.pushes
            ]
        )

    def GetHeads(  # noqa: N802 - name of the contract
        self, request: pb.GetHeadsRequest, context: grpc.ServicerContext
    ) -> pb.GetHeadsResponse:
        """The state, catalogue 4 and the next revocation; never noted, for it comes unasked."""
        del context
        if self.failure is not None:
            raise self.failure
        told = self.revocations[request.revocations_after :][:1]
        cursor = request.revocations_after + len(told)
        self.polls += 1
        return pb.GetHeadsResponse(
            state_version=self.state_version,
            resources=[
                resource_pb2.ResourceInfo(kind=CATALOGUE_KIND, version=4, sha256=self.announced)
            ],
            trend_regions=self.trend_regions,
            retry_after=self.retry_after,
            revocations=told,
            revocations_cursor=cursor,
            more_revocations=cursor < len(self.revocations),
        )

    def GetGlobalState(  # noqa: N802 - name of the contract
        self, request: pb.GetGlobalStateRequest, context: grpc.ServicerContext
    ) -> pb.GetGlobalStateResponse:
        """A step that names what was asked for."""
        self._note(request, context)
        return pb.GetGlobalStateResponse(
            state_version=self.state_version,
            compression=resource_pb2.Compression.COMPRESSION_ZSTD,
            delta=b"delta",
            codec=request.codec,
            pages=self.pages,
            page=request.page,
        )

    def GetResource(  # noqa: N802 - name of the contract
        self, request: pb.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetResourceResponse]:
        """Chunks of zeros, of the body or of a delta from the base that `delta_base` names."""
        self._note(request, context)
        try:
            body = bytes(self.chunks * limits.MAX_CHUNK)
            info = resource_pb2.ResourceInfo(
                kind=request.kind,
                version=request.version,
                size_bytes=len(body),
                sha256=self.sha256 or hashlib.sha256(body).digest(),
                base_version=self.delta_base if request.base_version == self.delta_base else 0,
            )
            for at in range(request.offset, len(body), limits.MAX_CHUNK):
                self.sent += 1
                yield pb.GetResourceResponse(
                    chunk=resource_pb2.ResourceChunk(
                        info=info if at == request.offset else None,
                        offset=at,
                        data=body[at : at + limits.MAX_CHUNK],
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

    def IssueTokens(  # noqa: N802 - name of the contract
        self, request: pb.IssueTokensRequest, context: grpc.ServicerContext
    ) -> pb.IssueTokensResponse:
        """What was asked, and five tokens left."""
        self._note(request, context)
        return pb.IssueTokensResponse(evaluated=request.blinded, proof=bytes(64), left=5)

    def Handle(  # noqa: N802 - name of the contract
        self, request: relay_pb.HandleRequest, context: grpc.ServicerContext
    ) -> relay_pb.HandleResponse:
        """What was sent, backwards."""
        self._note(request, context)
        return relay_pb.HandleResponse(encapsulated=request.encapsulated[::-1])

    def GetReportingKeys(  # noqa: N802 - name of the contract
        self,
        request: relay_pb.GatewayServiceGetReportingKeysRequest,
        context: grpc.ServicerContext,
    ) -> relay_pb.GatewayServiceGetReportingKeysResponse:
        """Keys that are none."""
        self._note(request, context)
        told = keys_pb2.EpochKeys(
            epoch=7, gateway=bytes(41), tokens=bytes(32), randomness=bytes(32)
        )
        keys = keys_pb2.ReportingKeys(threshold=5, epoch_days=28, grace_hours=48, epochs=[told])
        return relay_pb.GatewayServiceGetReportingKeysResponse(keys=keys)

    def await_poll(self) -> None:
        """Returns when a gateway has been told what is to be told now."""
        due = self.polls + 2
        eventually(lambda: self.polls, lambda polls: polls >= due)

    def binding(self) -> Binding:
        """Serves it, and what relays call."""

        def add(servicer: Any, server: Any) -> None:
            pb_grpc.add_ConstellationServiceServicer_to_server(servicer, server)
            relay_pb_grpc.add_GatewayServiceServicer_to_server(servicer, server)

        return Binding("omega.constellation.v1.ConstellationService", add, self)

    def _note(self, request: Any, context: grpc.ServicerContext) -> None:
        self.asked.append(request)
        self.request_ids.add(calls.request_id())
        self.metadata.append(dict(context.invocation_metadata()))
        self.time_left.append(context.time_remaining())
        if self.failure is not None:
            raise self.failure
