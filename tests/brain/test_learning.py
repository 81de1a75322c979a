"""What a household watches changes what it is recommended, and the reasons are true."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import content_pb2, context_pb2
from omega_brain.brain import Brain
from omega_client import BrainClient
from omega_core.content import Content
from omega_core.viewing import ViewingEvent
from omega_delta import event_to_proto

MORNING = context_pb2.TIME_OF_DAY_MORNING


def test_a_household_without_history_gets_a_list_by_metadata(client: BrainClient) -> None:
    answer = client.get_recommendations(pb.GetRecommendationsRequest(limit=10))
    assert answer.basis == pb.BASIS_METADATA
    assert len({r.content_id for r in answer.recommendations}) == 10
    assert all(r.reason for r in answer.recommendations)
    assert len(answer.recommendation_id) == 36
    assert answer.model_version == "lexical-384-r1"
    assert answer.factors_version == 0


def test_an_observed_event_changes_the_next_answer(
    client: BrainClient, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    before = client.get_recommendations(pb.GetRecommendationsRequest(limit=10))
    watched = before.recommendations[0].content_id
    event = event_to_proto(viewing(watched))
    event.recommendation_id = before.recommendation_id
    answer = client.observe_event(event)
    assert answer.reward == pytest.approx(0.95)
    assert "excellent" in answer.critique
    after = client.get_recommendations(pb.GetRecommendationsRequest(limit=10))
    assert after.basis == pb.BASIS_PERSONAL
    ids = [r.content_id for r in after.recommendations]
    assert watched not in ids
    assert ids != [r.content_id for r in before.recommendations]
    assert titles


def test_nothing_seen_is_ever_recommended(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    for title in titles[:60]:
        brain.observe(viewing(title.content_id, 0.9))
    seen = {title.content_id for title in titles[:60]}
    shown = []
    for offset in range(0, 100, 20):
        request = pb.GetRecommendationsRequest(limit=20, offset=offset)
        shown += [r.content_id for r in client.get_recommendations(request).recommendations]
    assert not seen.intersection(shown)
    assert len(shown) == len(set(shown)) == len(titles) - 60


def test_reasons_name_titles_of_this_household_only(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    liked = [title.content_id for title in titles[:40:4]]
    for content_id in liked:
        brain.observe(viewing(content_id))
    names = {title.content_id: title.title for title in titles}
    answer = client.get_recommendations(pb.GetRecommendationsRequest(limit=50))
    assert answer.recommendations
    for recommended in answer.recommendations:
        assert 1 <= len(recommended.because_content_ids) <= 2
        for content_id in recommended.because_content_ids:
            assert content_id in liked
            assert names[content_id] in recommended.reason


def test_a_repeated_event_changes_nothing(
    client: BrainClient, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    event = event_to_proto(viewing(titles[0].content_id))
    first = client.observe_event(event)
    before = client.get_recommendations(pb.GetRecommendationsRequest(limit=20)).recommendations
    event.watch_percentage = 0.01
    second = client.observe_event(event)
    assert not first.duplicate
    assert second.duplicate
    after = client.get_recommendations(pb.GetRecommendationsRequest(limit=20)).recommendations
    assert list(after) == list(before)
    assert client.get_stats().events == 1


def test_filters_hold(client: BrainClient, titles: list[Content]) -> None:
    offered = content_pb2.Provider(
        provider_id="acme", name="Acme", availability=content_pb2.AVAILABILITY_FLATRATE
    )
    local = [
        content_pb2.Content(
            content_id=f"local:{i}",
            title=f"Local {i}",
            kind=content_pb2.CONTENT_KIND_LIVE,
            providers=[offered],
        )
        for i in range(3)
    ]
    client.upsert_contents(pb.UpsertContentsRequest(contents=local))

    def ids(request: pb.GetRecommendationsRequest) -> set[str]:
        return {r.content_id for r in client.get_recommendations(request).recommendations}

    mine = {c.content_id for c in local}
    assert ids(pb.GetRecommendationsRequest(available_services=["acme"])) == mine
    assert ids(pb.GetRecommendationsRequest(available_services=["nobody"])) == set()
    assert ids(pb.GetRecommendationsRequest(kinds=[content_pb2.CONTENT_KIND_LIVE])) == mine
    two = [titles[3].content_id, "local:1"]
    assert ids(pb.GetRecommendationsRequest(content_ids=two)) == set(two)
    assert ids(
        pb.GetRecommendationsRequest(content_ids=two, kinds=[content_pb2.CONTENT_KIND_LIVE])
    ) == {"local:1"}
    found = client.get_recommendations(
        pb.GetRecommendationsRequest(content_ids=["local:1"])
    ).recommendations[0]
    assert found.providers[0] == offered


def test_a_query_text_narrows_the_list_to_what_is_near_it(
    client: BrainClient, titles: list[Content]
) -> None:
    wanted = titles[7]
    request = pb.GetRecommendationsRequest(query_text=wanted.title, limit=100)
    answer = client.get_recommendations(request).recommendations
    assert wanted.content_id in {r.content_id for r in answer}
    assert len(answer) == 50


def test_memories_are_found_by_meaning(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    for title in titles[:20]:
        brain.observe(viewing(title.content_id, 0.8))
    wanted = titles[5]
    request = pb.QueryMemoryRequest(
        query_text=f"{wanted.title}. {wanted.description}",
        limit=3,
        tier=pb.MEMORY_TIER_EPISODIC,
    )
    answer = client.query_memory(request)
    assert answer.memories[0].content_id == wanted.content_id
    assert wanted.title in answer.memories[0].text
    assert "80%" in answer.memories[0].text
    assert answer.memories[0].tier == pb.MEMORY_TIER_EPISODIC
    assert answer.memories[0].importance == pytest.approx(0.8)
    similar = [m.similarity for m in answer.memories]
    assert similar == sorted(similar, reverse=True)
    strict = pb.QueryMemoryRequest(
        query_text=wanted.title, min_similarity=1.0, tier=pb.MEMORY_TIER_EPISODIC
    )
    assert not client.query_memory(strict).memories
    assert {m.content_id for m in answer.memories} <= {t.content_id for t in titles[:20]}


def test_upserts_count_what_they_did_and_take_effect_at_once(
    client: BrainClient, titles: list[Content]
) -> None:
    fresh = content_pb2.Content(
        content_id="local:new", title="Brand New", kind=content_pb2.CONTENT_KIND_MOVIE, year=2026
    )
    first = client.upsert_contents(pb.UpsertContentsRequest(contents=[fresh]))
    assert (first.added, first.updated, first.unchanged) == (1, 0, 0)
    again = client.upsert_contents(pb.UpsertContentsRequest(contents=[fresh]))
    assert (again.added, again.updated, again.unchanged) == (0, 0, 1)
    fresh.title = "Brand Newer"
    changed = client.upsert_contents(pb.UpsertContentsRequest(contents=[fresh]))
    assert (changed.added, changed.updated, changed.unchanged) == (0, 1, 0)
    request = pb.GetRecommendationsRequest(content_ids=["local:new"])
    assert client.get_recommendations(request).recommendations[0].title == "Brand Newer"
    assert client.get_stats().contents == len(titles) + 1


def test_the_same_context_prefers_what_was_watched_in_it(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    for title in titles[:12]:
        event = event_to_proto(viewing(title.content_id))
        event.context.time_of_day = MORNING if title.year % 2 else context_pb2.TIME_OF_DAY_EVENING
        client.observe_event(event)
    plain = pb.GetRecommendationsRequest(limit=60)
    morning = pb.GetRecommendationsRequest(limit=60)
    morning.context.time_of_day = MORNING
    one = [(r.content_id, r.score) for r in client.get_recommendations(plain).recommendations]
    two = [(r.content_id, r.score) for r in client.get_recommendations(morning).recommendations]
    assert one != two
    assert brain.stores.events.count() == 12
