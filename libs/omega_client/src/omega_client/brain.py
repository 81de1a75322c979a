"""Client of the brain on a TV."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import ClassVar

from omega.brain.v1 import brain_service_pb2 as pb
from omega.brain.v1 import brain_service_pb2_grpc
from omega_client.base import ServiceClient, with_request_id
from omega_client.watch import Watch
from omega_core import validate
from omega_rpc import call as calls
from omega_rpc.tls import ClientTls

RECOMMEND_SECONDS = 2.0
"""Default deadline of calls that a person waits for."""
STORE_SECONDS = 10.0
"""Default deadline of calls that write one row or read figures."""
UPSERT_SECONDS = 60.0
"""Default deadline of an upsert: a full batch is embedded before the answer."""
SYNC_SECONDS = 180.0
"""Default deadline of a sync: it may fetch a catalogue."""
IMPORT_SECONDS = 600.0
"""Default deadline of a stream of events: a history of years, each event durable."""
ERASE_SECONDS = 120.0
"""Default deadline of an erasure: every file is written anew and read for what might remain."""
WATCH_SECONDS = 86_400.0
"""Default length of a watch, and the longest."""
_SERVICE = "omega.brain.v1.BrainService"


class BrainClient(ServiceClient):
    """omega.brain.v1.BrainService. Every method raises ServiceError.

    A call that the brain did not take (UNAVAILABLE: it is starting) is sent again, twice at most,
    except DeleteProfile: its repeat would find no profile and fail though the first had done it.
    """

    single: ClassVar[tuple[str, ...]] = (f"{_SERVICE}/DeleteProfile",)

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

    def watch_recommendations(
        self, request: pb.WatchRecommendationsRequest, *, seconds: float = WATCH_SECONDS
    ) -> Watch[pb.WatchRecommendationsResponse]:
        """The list now, and again whenever it has changed; close it when done.

        Only opening it is repeated: once a list has come, a break raises, and a new watch begins
        with the list of that moment, so nothing is missed.

        Args:
            request: which list.
            seconds: how long to watch, 0.001 to a day; the client's own timeout does not apply.

        Raises:
            OmegaError: INVALID_FIELD when `seconds` is out of bounds.
            ServiceError: while iterating; DEADLINE_EXCEEDED when the time is over.
        """
        validate.number("seconds", seconds, 0.001, WATCH_SECONDS)
        return Watch(
            self._stub.WatchRecommendations(
                request, timeout=calls.remaining(seconds), metadata=with_request_id()
            )
        )

    def observe_event(self, request: pb.ObserveEventRequest) -> pb.ObserveEventResponse:
        """Records one viewing; durable when this returns."""
        return self._call(self._stub.ObserveEvent, request, STORE_SECONDS)

    def observe_events(self, events: Iterable[pb.ObserveEventRequest]) -> pb.ObserveEventsResponse:
        """Records many viewings; durable when this returns, and refused ones are named in it.

        After any error, send the whole stream again: an event_id counts once. A repeat by the
        client itself shows as duplicates.

        Args:
            events: read in another thread, as fast as the brain takes them; what it raises comes
                out here, and what was sent before that may be stored.
        """
        requests = (pb.ObserveEventsRequest(event=event) for event in events)
        return self._send(self._stub.ObserveEvents, requests, IMPORT_SECONDS)

    def query_memory(self, request: pb.QueryMemoryRequest) -> pb.QueryMemoryResponse:
        """What the household remembers, by meaning."""
        return self._call(self._stub.QueryMemory, request, RECOMMEND_SECONDS)

    def upsert_contents(self, request: pb.UpsertContentsRequest) -> pb.UpsertContentsResponse:
        """Adds or replaces titles, all of them or none."""
        return self._call(self._stub.UpsertContents, request, UPSERT_SECONDS)

    def put_profile(self, profile: pb.Profile) -> pb.PutProfileResponse:
        """Adds or replaces a profile of the household."""
        return self._call(
            self._stub.PutProfile, pb.PutProfileRequest(profile=profile), STORE_SECONDS
        )

    def list_profiles(self) -> pb.ListProfilesResponse:
        """The household's profiles, by id."""
        return self._call(self._stub.ListProfiles, pb.ListProfilesRequest(), STORE_SECONDS)

    def delete_profile(self, profile_id: str) -> pb.DeleteProfileResponse:
        """Erases a profile and all that was watched in it, for good.

        Never sent twice by itself: after UNAVAILABLE or DEADLINE_EXCEEDED ask list_profiles.
        """
        request = pb.DeleteProfileRequest(profile_id=profile_id)
        return self._call(self._stub.DeleteProfile, request, ERASE_SECONDS)

    def clear_data(self, request_id: str = "") -> pb.ClearDataResponse:
        """Erases everything of the household, for good, and takes a new device identity.

        Args:
            request_id: a UUID, to be the same when an erasure that failed is asked for again;
                empty = a new one.
        """
        request = pb.ClearDataRequest(request_id=request_id or str(uuid.uuid4()))
        return self._call(self._stub.ClearData, request, ERASE_SECONDS)

    def sync_now(self) -> pb.SyncNowResponse:
        """Pushes what is due and pulls the news."""
        return self._call(self._stub.SyncNow, pb.SyncNowRequest(), SYNC_SECONDS)

    def set_sync_options(
        self, *, consent: bool | None = None, metered: bool | None = None
    ) -> pb.SetSyncOptionsResponse:
        """Says whether the household consents and bytes cost money here; None = as it is."""
        request = pb.SetSyncOptionsRequest(consent=consent, metered=metered)
        return self._call(self._stub.SetSyncOptions, request, SYNC_SECONDS)

    def get_stats(self) -> pb.GetStatsResponse:
        """Figures of the brain."""
        return self._call(self._stub.GetStats, pb.GetStatsRequest(), STORE_SECONDS)
