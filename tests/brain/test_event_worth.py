"""What a viewing is worth, and what a brain counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.brain import Brain
from omega_client import BrainClient
from omega_core.content import Content
from omega_core.viewing import ViewingEvent

# (watched, engaged or None) -> (reward, first words of the critique)
WORTH = {
    (1.0, 1.0): (1.0, "An excellent match"),
    (1.0, 0.5): (0.85, "A good match"),
    (0.8, None): (0.8, "A good match"),
    (0.5, 0.0): (0.35, "A partial match"),
    (0.0, 1.0): (0.3, "A poor match"),
    (0.0, None): (0.0, "A poor match"),
}


@pytest.mark.parametrize("viewed", WORTH)
def test_a_viewing_is_worth_seven_parts_watched_and_three_engaged(
    viewed: tuple[float, float | None], client: BrainClient, titles: list[Content]
) -> None:
    watched, engaged = viewed
    answer = client.observe_event(
        pb.ObserveEventRequest(
            event_id="e-1",
            content_id=titles[0].content_id,
            watch_percentage=watched,
            engagement_score=engaged,
        )
    )
    reward, critique = WORTH[viewed]
    assert answer.event_id == "e-1"
    assert answer.reward == pytest.approx(reward)
    assert answer.critique.startswith(f"{critique}: {watched:.0%} watched")
    assert not answer.duplicate


@pytest.mark.parametrize(("watched", "liked"), [(0.7, 0), (0.71, 1)])
def test_more_than_seventy_percent_is_a_success(
    watched: float,
    liked: int,
    brain: Brain,
    client: BrainClient,
    titles: list[Content],
    viewing: Callable[..., ViewingEvent],
) -> None:
    brain.observe(viewing(titles[0].content_id, watched))
    assert client.get_stats().liked == liked


def test_figures_are_counted(
    brain: Brain,
    client: BrainClient,
    titles: list[Content],
    viewing: Callable[..., ViewingEvent],
) -> None:
    for title in titles[:3]:
        brain.observe(viewing(title.content_id))
    brain.observe(viewing(titles[0].content_id))
    first = client.get_stats()
    assert (first.contents, first.events, first.liked) == (len(titles), 4, 3)
    assert first.model_version == brain.model_version
    assert (first.state_version, first.catalogue_version, first.factors_version) == (0, 0, 0)
    assert (first.sketches_pending, first.sketches_acknowledged) == (0, 0)
    assert not first.HasField("last_sync_at")
    assert list(first.recovery_notes) == []
    listed = client.get_recommendations(pb.GetRecommendationsRequest(limit=1))
    found = client.query_memory(pb.QueryMemoryRequest(query_text=titles[0].title))
    assert listed.latency_us > 0
    assert found.latency_us > 0
    second = client.get_stats()
    assert second.requests_served == first.requests_served + 3
    assert second.uptime_seconds > first.uptime_seconds > 0
