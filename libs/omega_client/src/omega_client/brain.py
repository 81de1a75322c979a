"""Client of the brain on a TV."""

from __future__ import annotations

import uuid
from typing import ClassVar

from omega.brain.v1 import brain_service_pb2 as pb
from omega.brain.v1 import brain_service_pb2_grpc
from omega_client.base import LONGEST, Client, ServiceClient
from omega_client.methods import Asked, Requests, client_stream, each, server_stream, unary
from omega_core import validate

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
WATCH_SECONDS = LONGEST
"""Default length of a watch, and the longest."""
_SERVICE = "omega.brain.v1.BrainService"


class BrainMethods(Client):
    """omega.brain.v1.BrainService. Every method raises ServiceError.

    A call that the brain did not take (UNAVAILABLE: it is starting) is sent again, twice at most,
    except DeleteProfile: its repeat would find no profile and fail though the first had done it.
    """

    service: ClassVar[str] = _SERVICE
    stub = brain_service_pb2_grpc.BrainServiceStub
    single: ClassVar[tuple[str, ...]] = (f"{_SERVICE}/DeleteProfile",)

    @unary(pb.GetRecommendationsResponse, RECOMMEND_SECONDS)
    def get_recommendations(
        self, request: pb.GetRecommendationsRequest
    ) -> pb.GetRecommendationsRequest:
        """Ranked titles that the household has not seen."""
        return request

    @server_stream(pb.WatchRecommendationsResponse, WATCH_SECONDS)
    def watch_recommendations(
        self, request: pb.WatchRecommendationsRequest, *, seconds: float = WATCH_SECONDS
    ) -> Asked:
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
        return Asked(request, seconds=seconds)

    @unary(pb.ObserveEventResponse, STORE_SECONDS)
    def observe_event(self, request: pb.ObserveEventRequest) -> pb.ObserveEventRequest:
        """Records one viewing; durable when this returns."""
        return request

    @client_stream(pb.ObserveEventsResponse, IMPORT_SECONDS)
    def observe_events(self, events: Requests[pb.ObserveEventRequest]) -> Asked:
        """Records many viewings; durable when this returns, and refused ones are named in it.

        After any error, send the whole stream again: an event_id counts once. A repeat by the
        client itself shows as duplicates.

        Args:
            events: read as fast as the brain takes them, from threads in another thread; what it
                raises comes out here, and what was sent before that may be stored.
        """
        return Asked(each(lambda event: pb.ObserveEventsRequest(event=event), events))

    @unary(pb.QueryMemoryResponse, RECOMMEND_SECONDS)
    def query_memory(self, request: pb.QueryMemoryRequest) -> pb.QueryMemoryRequest:
        """What the household remembers, by meaning."""
        return request

    @unary(pb.UpsertContentsResponse, UPSERT_SECONDS)
    def upsert_contents(self, request: pb.UpsertContentsRequest) -> pb.UpsertContentsRequest:
        """Adds or replaces titles, all of them or none."""
        return request

    @unary(pb.PutProfileResponse, STORE_SECONDS)
    def put_profile(self, profile: pb.Profile) -> pb.PutProfileRequest:
        """Adds or replaces a profile of the household."""
        return pb.PutProfileRequest(profile=profile)

    @unary(pb.ListProfilesResponse, STORE_SECONDS)
    def list_profiles(self) -> pb.ListProfilesRequest:
        """The household's profiles, by id."""
        return pb.ListProfilesRequest()

    @unary(pb.DeleteProfileResponse, ERASE_SECONDS)
    def delete_profile(self, profile_id: str) -> pb.DeleteProfileRequest:
        """Erases a profile and all that was watched in it, for good.

        Never sent twice by itself: after UNAVAILABLE or DEADLINE_EXCEEDED ask list_profiles.
        """
        return pb.DeleteProfileRequest(profile_id=profile_id)

    @unary(pb.ClearDataResponse, ERASE_SECONDS)
    def clear_data(self, request_id: str = "") -> pb.ClearDataRequest:
        """Erases everything of the household, for good, and takes a new device identity.

        Args:
            request_id: a UUID, to be the same when an erasure that failed is asked for again;
                empty = a new one.
        """
        return pb.ClearDataRequest(request_id=request_id or str(uuid.uuid4()))

    @unary(pb.SyncNowResponse, SYNC_SECONDS)
    def sync_now(self) -> pb.SyncNowRequest:
        """Pushes what is due and pulls the news."""
        return pb.SyncNowRequest()

    @unary(pb.SetSyncOptionsResponse, SYNC_SECONDS)
    def set_sync_options(
        self, *, consent: bool | None = None, metered: bool | None = None
    ) -> pb.SetSyncOptionsRequest:
        """Says whether the household consents and bytes cost money here; None = as it is."""
        return pb.SetSyncOptionsRequest(consent=consent, metered=metered)

    @unary(pb.GetStatsResponse, STORE_SECONDS)
    def get_stats(self) -> pb.GetStatsRequest:
        """Figures of the brain."""
        return pb.GetStatsRequest()


class BrainClient(BrainMethods, ServiceClient):
    """The brain on a TV, from threads."""
