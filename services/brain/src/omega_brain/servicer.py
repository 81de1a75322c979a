"""BrainService over one brain."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from omega.brain.v1 import brain_service_pb2 as pb
from omega.brain.v1 import brain_service_pb2_grpc
from omega_brain import facts, requests
from omega_brain.brain import Brain
from omega_brain.syncer import Syncer
from omega_core import limits, validate
from omega_core.errors import invalid
from omega_delta import event_from_proto

_TIERS = frozenset({pb.MEMORY_TIER_UNSPECIFIED, pb.MEMORY_TIER_EPISODIC})


class BrainServicer(brain_service_pb2_grpc.BrainServiceServicer):
    """Checks requests, asks the brain, words the answers. Errors are the catalogue's."""

    def __init__(self, brain: Brain, syncer: Syncer) -> None:
        self._brain = brain
        self._syncer = syncer
        self._begun = time.monotonic()
        self._served = 0
        self._served_lock = threading.Lock()

    def GetRecommendations(  # noqa: N802 - name of the contract
        self, request: pb.GetRecommendationsRequest, _context: grpc.ServicerContext
    ) -> pb.GetRecommendationsResponse:
        """What to watch now."""
        begun = time.perf_counter_ns()
        self._count()
        answer = self._brain.recommend(requests.recommend_query(request))
        return requests.recommendations(answer, self._brain.model_version, _micros(begun))

    def ObserveEvent(  # noqa: N802 - name of the contract
        self, request: pb.ObserveEventRequest, _context: grpc.ServicerContext
    ) -> pb.ObserveEventResponse:
        """One viewing."""
        self._count()
        event = event_from_proto(request, self._brain.clock.now())
        recorded = self._brain.observe(event)
        return pb.ObserveEventResponse(
            event_id=event.event_id,
            reward=event.reward,
            critique=requests.critique(event),
            duplicate=not recorded,
        )

    def QueryMemory(  # noqa: N802 - name of the contract
        self, request: pb.QueryMemoryRequest, _context: grpc.ServicerContext
    ) -> pb.QueryMemoryResponse:
        """Memories by meaning."""
        begun = time.perf_counter_ns()
        self._count()
        text = validate.text("query_text", request.query_text, limits.MAX_QUERY, 1)
        limit = validate.integer("limit", request.limit or requests.DEFAULT_MEMORIES, 1, 100)
        least = validate.number("min_similarity", request.min_similarity, -1, 1)
        if request.tier not in _TIERS:
            raise invalid("tier", "0 (any) or 3 (episodic)")
        found = self._brain.remember(text, limit, least)
        return pb.QueryMemoryResponse(
            memories=[requests.memory_entry(memory) for memory in found],
            model_version=self._brain.model_version,
            latency_us=_micros(begun),
        )

    def UpsertContents(  # noqa: N802 - name of the contract
        self, request: pb.UpsertContentsRequest, _context: grpc.ServicerContext
    ) -> pb.UpsertContentsResponse:
        """Titles of the firmware."""
        self._count()
        counts = self._brain.upsert(requests.contents(request))
        return pb.UpsertContentsResponse(
            added=counts.added,
            updated=counts.updated,
            unchanged=counts.unchanged,
            model_version=self._brain.model_version,
        )

    def SyncNow(  # noqa: N802 - name of the contract
        self, _request: pb.SyncNowRequest, _context: grpc.ServicerContext
    ) -> pb.SyncNowResponse:
        """One exchange with the fleet."""
        self._count()
        outcome = self._syncer.sync()
        return pb.SyncNowResponse(
            pushed_sketches=outcome.pushed_sketches,
            pending_sketches=self._brain.stores.sketches.pending_count(),
            pulled_patterns=outcome.pulled_patterns,
            state_version=self._brain.stores.patterns.version(),
            pushed_bytes=outcome.pushed_bytes,
            pulled_bytes=outcome.pulled_bytes,
            resource_bytes=outcome.resource_bytes,
        )

    def GetStats(  # noqa: N802 - name of the contract
        self, _request: pb.GetStatsRequest, _context: grpc.ServicerContext
    ) -> pb.GetStatsResponse:
        """Figures."""
        self._count()
        stores = self._brain.stores
        traffic, last = stores.meta.traffic(), stores.meta.last_sync()
        return pb.GetStatsResponse(
            model_version=self._brain.model_version,
            contents=stores.contents.count(),
            events=stores.events.count(),
            liked=self._brain.likes,
            sketches_acknowledged=stores.sketches.acknowledged_count(),
            sketches_pending=stores.sketches.pending_count(),
            global_patterns=stores.patterns.count(),
            state_version=stores.patterns.version(),
            catalogue_version=facts.catalogue_version(stores.meta),
            factors_version=self._brain.factors_version,
            last_sync_at=_timestamp(last.succeeded_at),
            last_sync_error=last.error,
            pushed_bytes_total=traffic.pushed,
            pulled_bytes_total=traffic.pulled,
            resource_bytes_total=traffic.resources,
            requests_served=self._served,
            uptime_seconds=time.monotonic() - self._begun,
            recovery_notes=stores.database.recovery_notes[:16],
        )

    def _count(self) -> None:
        with self._served_lock:
            self._served += 1


def _micros(begun_ns: int) -> int:
    return (time.perf_counter_ns() - begun_ns) // 1_000


def _timestamp(instant: datetime | None) -> Timestamp | None:
    if instant is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(instant.astimezone(UTC))
    return stamp
