"""A trend that is planted in one region: through sketches and services to the right TVs."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_cli.demo.fleet import FleetTv, for_each
from omega_client import BrainClient, FederationClient
from omega_delta import event_to_proto

if TYPE_CHECKING:
    from tests.e2e.conftest import Fleet

REGIONS = ("north", "south")
TREND = brain_pb.REASON_TERM_TREND


def _round(fleet: Fleet) -> None:
    with FederationClient(fleet.cluster.worker.address) as client:
        request = federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()))
        done = client.run_round(request).round
    fleet.settle()
    assert done.status == federation_pb.ROUND_STATUS_SUCCEEDED


def _news(client: BrainClient) -> dict[str, tuple[int, str]]:
    """Place and reason of each title of a list that has just been brought up to date."""
    client.sync_now()
    answer = client.get_recommendations(brain_pb.GetRecommendationsRequest(limit=100))
    return {
        each.content_id: (place, each.reason if each.reason_term == TREND else "")
        for place, each in enumerate(answer.recommendations)
    }


def test_a_planted_regional_trend_reaches_the_tvs_of_its_region_within_two_rounds(
    fleet: Fleet,
) -> None:
    """Real sketches at the default noise; TVs elsewhere, or of no stated region, see nothing."""
    own = {event.content_id for event in fleet.households[0].events}
    watched = Counter(event.content_id for tv in fleet.tvs for event in tv.events)
    planted = min(
        (content for content in fleet.contents if content.content_id not in own),
        key=lambda content: watched[content.content_id],
    )
    tvs = [
        FleetTv(tv.events, region=REGIONS[number % 2])
        for number, tv in enumerate([*fleet.tvs, *fleet.tvs])
    ]
    for_each(tvs, lambda tv: tv.register(fleet.sync), lambda: None)

    def push(tv: FleetTv) -> None:
        tv.push(fleet.sync, fleet.embeddings, fleet.model_version)

    for_each(tvs, push, lambda: None)
    _round(fleet)
    with (
        BrainClient(fleet.cluster.brain("n", OMEGA_BRAIN_REGION="north").address) as north,
        BrainClient(fleet.cluster.brain("s", OMEGA_BRAIN_REGION="south").address) as south,
        BrainClient(fleet.cluster.brain("x").address) as elsewhere,
    ):
        for client in (north, south, elsewhere):
            client.sync_now()
            for event in fleet.households[0].events:
                client.observe_event(event_to_proto(event))
            assert not any(reason for _, reason in _news(client).values())
        for number, tv in enumerate([tv for tv in tvs if tv.region == "north"]):
            # Most of the region has succeeded with one title, and each TV with what it liked too.
            usual = tv.events[number % len(tv.events)]
            new = replace(usual, content_id=planted.content_id, watch_percentage=0.95)
            tv.events = (new,) * 3 if number % 4 else (usual,) * 3
        for_each([tv for tv in tvs if tv.region == "north"], push, lambda: None)
        # A title that nobody had is all but impossible to the prior of the last refresh: the
        # first round notices, and the second one learns anew.
        _round(fleet)
        _round(fleet)
        place, reason = _news(north)[planted.content_id]
        assert reason == "Trending in your region"
        for client in (south, elsewhere):
            there, reason = _news(client).get(planted.content_id, (100, ""))
            assert (there > place, reason) == (True, "")
