"""The server side in one process: a real shard, its constellation, and the core of a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

import grpc

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega_constellation.codebooks import Codebooks
from omega_constellation.enrolment import Enrolment
from omega_constellation.news import StateNews
from omega_constellation.servicer import ConstellationServicer
from omega_constellation.steps import CODINGS, Steps
from omega_core.clock import SystemClock
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.call import Principal
from omega_store import PushWriter, PushWriterConfig, Store
from omega_sync.batches import Batches
from omega_sync.bodies import Bodies
from omega_sync.core import SyncCore
from omega_sync.fleet import Fleet
from omega_sync.heads import Heads, ShutOut
from omega_sync.identities import Identities
from omega_sync.registration import Registration
from omega_sync.shards import Shard as GatewayShard
from omega_sync.steps import Steps as GatewaySteps
from omega_sync.upstream import Constellation

_SECONDS = 30.0


class _Called:
    """What a method sees of its call when it is called as a function: nobody's."""

    def invocation_metadata(self) -> tuple[()]:
        """None came."""
        return ()

    def auth_context(self) -> dict[str, list[bytes]]:
        """No certificate was shown."""
        return {}


CALLED = cast("grpc.ServicerContext", _Called())


class Shard:
    """Postgres outlives everything here; what a process would keep in memory dies with crash()."""

    def __init__(self, store: Store, runner: asyncio.Runner) -> None:
        self.store = store
        self._runner = runner
        self._cut = False
        self._start()

    def crash(self) -> None:
        """Constellation and gateway are killed and start again: nothing is left but Postgres."""
        self.close()
        self._start()

    def poll(self) -> None:
        """The gateway hears of the newest versions at its next question."""
        self._heads.newest = None

    @contextmanager
    def cut_after_push(self) -> Iterator[None]:
        """The constellation dies between a push that is durable and what follows it."""
        self._cut = True
        self.poll()
        try:
            yield
        finally:
            self._cut = False

    def exchange(self, request: pb.SyncRequest, device_id: str) -> pb.SyncResponse:
        """One Sync as a TV has it, through its serialised form."""
        read = pb.SyncRequest.FromString(request.SerializeToString())
        answer = self._runner.run(self._core.sync(read, Principal(device_id)))
        return pb.SyncResponse.FromString(answer.SerializeToString())

    def pull(self, request: pb.PullPatternsRequest, device_id: str) -> pb.PullPatternsResponse:
        """One PullPatterns."""
        return self._runner.run(self._core.pull(request, Principal(device_id)))

    def body(self, info: resource_pb2.ResourceInfo) -> bytes:
        """A resource."""
        request = upstream_pb.GetResourceRequest(kind=info.kind, version=info.version)
        answers = self.constellation.GetResource(request, CALLED)
        return b"".join(answer.chunk.data for answer in answers)

    def close(self) -> None:
        """Ends the processes."""
        self._writer.close()

    def _start(self) -> None:
        store, clock = self.store, SystemClock()
        self._writer = PushWriter(store, PushWriterConfig(), clock)
        self.constellation = ConstellationServicer(
            store,
            self._writer,
            StateNews(store, Codebooks(store)),
            {coding.kind: Steps(store, coding) for coding in CODINGS},
            clock,
            push_seconds=_SECONDS,
            sync_interval=timedelta(minutes=10),
            enrolment=Enrolment(),
        )
        self._heads = Heads(self._get_heads, poll_seconds=1.0)
        shard = GatewayShard(
            "", "", cast("Constellation", self), Batches(self._ingest, 64), self._heads
        )
        self._core = SyncCore(
            fleet=Fleet(shard, lambda *_: shard, ShutOut()),
            steps=GatewaySteps(),
            bodies=cast("Bodies", None),
            registration=cast("Registration", None),
            identities=cast("Identities", None),
            count_sync=lambda _principal, _method: None,
            call_seconds=_SECONDS,
            body_seconds=_SECONDS,
            max_bodies=1,
        )

    async def _ingest(
        self, request: upstream_pb.IngestPatternsRequest, request_id: str
    ) -> upstream_pb.IngestPatternsResponse:
        del request_id
        return self.constellation.IngestPatterns(request, CALLED)

    async def _get_heads(
        self, request: upstream_pb.GetHeadsRequest
    ) -> upstream_pb.GetHeadsResponse:
        self._reached()
        return self.constellation.GetHeads(request, CALLED)

    async def news(
        self, request: upstream_pb.GetGlobalStateRequest
    ) -> upstream_pb.GetGlobalStateResponse:
        self._reached()
        return self.constellation.GetGlobalState(request, CALLED)

    def _reached(self) -> None:
        if self._cut:
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE)
