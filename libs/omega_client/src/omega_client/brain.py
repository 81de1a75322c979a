"""Client of the brain on a TV."""

from __future__ import annotations

from omega.brain.v1 import brain_service_pb2 as pb
from omega.brain.v1 import brain_service_pb2_grpc
from omega_client.base import ServiceClient
from omega_rpc.tls import ClientTls

RECOMMEND_SECONDS = 2.0
"""Default deadline of calls that a person waits for."""
STORE_SECONDS = 10.0
"""Default deadline of calls that write one row or read figures."""
UPSERT_SECONDS = 60.0
"""Default deadline of an upsert: a full batch is embedded before the answer."""
SYNC_SECONDS = 180.0
"""Default deadline of a sync: it may fetch a catalogue."""


class BrainClient(ServiceClient):
    """omega.brain.v1.BrainService. Every method raises ServiceError."""

    def __init__(
        self, target: str, *, timeout: float | None = None, tls: ClientTls | None = None
    ) -> None:
        super().__init__(target, timeout=timeout, tls=tls)
        self._stub = brain_service_pb2_grpc.BrainServiceStub(self._channel)

    def get_recommendations(
        self, request: pb.GetRecommendationsRequest
    ) -> pb.GetRecommendationsResponse:
        """Ranked titles that the household has not seen."""
        return self._call(self._stub.GetRecommendations, request, RECOMMEND_SECONDS)

    def observe_event(self, request: pb.ObserveEventRequest) -> pb.ObserveEventResponse:
        """Records one viewing; durable when this returns."""
        return self._call(self._stub.ObserveEvent, request, STORE_SECONDS)

    def query_memory(self, request: pb.QueryMemoryRequest) -> pb.QueryMemoryResponse:
        """What the household remembers, by meaning."""
        return self._call(self._stub.QueryMemory, request, RECOMMEND_SECONDS)

    def upsert_contents(self, request: pb.UpsertContentsRequest) -> pb.UpsertContentsResponse:
        """Adds or replaces titles, all of them or none."""
        return self._call(self._stub.UpsertContents, request, UPSERT_SECONDS)

    def sync_now(self) -> pb.SyncNowResponse:
        """Pushes what is due and pulls the news."""
        return self._call(self._stub.SyncNow, pb.SyncNowRequest(), SYNC_SECONDS)

    def get_stats(self) -> pb.GetStatsResponse:
        """Figures of the brain."""
        return self._call(self._stub.GetStats, pb.GetStatsRequest(), STORE_SECONDS)
