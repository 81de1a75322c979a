"""BrainService over one brain."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

import grpc

from omega.brain.v1 import brain_service_pb2 as pb
from omega.brain.v1 import brain_service_pb2_grpc
from omega_brain import requests, stats, streams, wire
from omega_brain.brain import Brain
from omega_brain.watching import Seats
from omega_core import validate
from omega_core.episodes import critique
from omega_core.limits import MAX_SHORT_ID
from omega_delta import event_from_proto, profile_from_proto, profile_to_proto


class BrainServicer(brain_service_pb2_grpc.BrainServiceServicer):
    """Checks requests, asks the brain, words the answers. Errors are the catalogue's."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._seats = Seats(brain.config.max_watchers)
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
        return wire.recommendations(answer, self._brain.model_version, _micros(begun))

    def WatchRecommendations(  # noqa: N802 - name of the contract
        self, request: pb.WatchRecommendationsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchRecommendationsResponse]:
        """What to watch, now and after each change."""
        self._count()
        query, least_seconds = requests.watch(request)
        with self._seats.taken():
            yield from streams.watch(self._brain, query, least_seconds, context.is_active)

    def ObserveEvent(  # noqa: N802 - name of the contract
        self, request: pb.ObserveEventRequest, _context: grpc.ServicerContext
    ) -> pb.ObserveEventResponse:
        """One event."""
        self._count()
        event = event_from_proto(request, self._brain.clock.now())
        observed = self._brain.observe(event)
        return pb.ObserveEventResponse(
            event_id=event.event_id,
            reward=event.reward,
            critique=critique(event),
            duplicate=not observed.recorded,
            recommended_place=observed.place,
        )

    def ObserveEvents(  # noqa: N802 - name of the contract
        self, request_iterator: Iterable[pb.ObserveEventsRequest], _context: grpc.ServicerContext
    ) -> pb.ObserveEventsResponse:
        """Many events."""
        self._count()
        return streams.observe(self._brain, (each.event for each in request_iterator))

    def QueryMemory(  # noqa: N802 - name of the contract
        self, request: pb.QueryMemoryRequest, _context: grpc.ServicerContext
    ) -> pb.QueryMemoryResponse:
        """What the TV remembers."""
        begun = time.perf_counter_ns()
        self._count()
        query, text = requests.memory_query(request)
        found = self._brain.remember(query, text)
        return pb.QueryMemoryResponse(
            memories=[wire.memory_entry(recalled) for recalled in found],
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

    def PutProfile(  # noqa: N802 - name of the contract
        self, request: pb.PutProfileRequest, _context: grpc.ServicerContext
    ) -> pb.PutProfileResponse:
        """Keeps a profile."""
        self._count()
        return pb.PutProfileResponse(
            added=self._brain.put_profile(profile_from_proto(request.profile))
        )

    def ListProfiles(  # noqa: N802 - name of the contract
        self, _request: pb.ListProfilesRequest, _context: grpc.ServicerContext
    ) -> pb.ListProfilesResponse:
        """The household's profiles."""
        self._count()
        held = self._brain.persistence.profiles.all()
        return pb.ListProfilesResponse(profiles=[profile_to_proto(profile) for profile in held])

    def DeleteProfile(  # noqa: N802 - name of the contract
        self, request: pb.DeleteProfileRequest, _context: grpc.ServicerContext
    ) -> pb.DeleteProfileResponse:
        """Erases a profile."""
        self._count()
        validate.identifier("profile_id", request.profile_id, MAX_SHORT_ID)
        return pb.DeleteProfileResponse(events=self._brain.delete_profile(request.profile_id))

    def ClearData(  # noqa: N802 - name of the contract
        self, request: pb.ClearDataRequest, _context: grpc.ServicerContext
    ) -> pb.ClearDataResponse:
        """Erases the household."""
        self._count()
        validate.uuid("request_id", request.request_id)
        erased = self._brain.clear_data(request.request_id)
        return pb.ClearDataResponse(
            erased_rows=erased.rows,
            files=erased.files,
            remaining=erased.remaining,
            fleet_erasure_pending=bool(self._brain.persistence.erasures.pending()),
        )

    def SyncNow(  # noqa: N802 - name of the contract
        self, _request: pb.SyncNowRequest, _context: grpc.ServicerContext
    ) -> pb.SyncNowResponse:
        """One exchange with the fleet."""
        self._count()
        outcome = self._brain.sync()
        return pb.SyncNowResponse(
            pushed_sketches=outcome.pushed_sketches,
            pending_sketches=self._brain.stores.sketches.pending_count(),
            pulled_patterns=outcome.pulled_patterns,
            state_version=self._brain.stores.patterns.version(),
            pushed_bytes=outcome.pushed_bytes,
            pulled_bytes=outcome.pulled_bytes,
            resource_bytes=outcome.resource_bytes,
        )

    def SetSyncOptions(  # noqa: N802 - name of the contract
        self, request: pb.SetSyncOptionsRequest, _context: grpc.ServicerContext
    ) -> pb.SetSyncOptionsResponse:
        """Consent and the kind of network."""
        self._count()
        self._brain.set_sync_options(
            consent=request.consent if request.HasField("consent") else None,
            metered=request.metered if request.HasField("metered") else None,
        )
        return pb.SetSyncOptionsResponse(
            consent=self._brain.switches.consent,
            metered=self._brain.switches.metered,
            fleet_erasure_pending=bool(self._brain.persistence.erasures.pending()),
        )

    def GetStats(  # noqa: N802 - name of the contract
        self, _request: pb.GetStatsRequest, _context: grpc.ServicerContext
    ) -> pb.GetStatsResponse:
        """Figures."""
        self._count()
        return stats.collect(self._brain, self._served, time.monotonic() - self._begun)

    def _count(self) -> None:
        with self._served_lock:
            self._served += 1


def _micros(begun_ns: int) -> int:
    return (time.perf_counter_ns() - begun_ns) // 1_000
