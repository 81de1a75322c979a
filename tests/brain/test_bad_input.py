"""Every RPC of the brain refuses bad input with a status that names the field and the bound."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import content_pb2, context_pb2
from omega_brain.brain import Brain
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError

MOVIE = content_pb2.CONTENT_KIND_MOVIE
GOOD_EVENT: dict[str, object] = {
    "event_id": "e-1",
    "content_id": "PLACEHOLDER",
    "watch_percentage": 0.5,
}

EVENTS: dict[str, tuple[dict[str, object], str, str]] = {
    "percentage above 1": ({"watch_percentage": 1.01}, "watch_percentage", "between 0 and 1"),
    "negative percentage": ({"watch_percentage": -0.1}, "watch_percentage", "between 0 and 1"),
    "NaN": ({"watch_percentage": math.nan}, "watch_percentage", "between 0 and 1"),
    "infinite engagement": ({"engagement_score": math.inf}, "engagement_score", "between 0 and 1"),
    "empty event id": ({"event_id": ""}, "event_id", "1 to 64"),
    "over-long event id": ({"event_id": "x" * 65}, "event_id", "1 to 64"),
    "event id with a space": ({"event_id": "a b"}, "event_id", "[A-Za-z0-9._:-]"),
    "empty content id": ({"content_id": ""}, "content_id", "1 to 128"),
    "over-long content id": ({"content_id": "x" * 129}, "content_id", "1 to 128"),
    "over-long session": ({"session_id": "x" * 65}, "session_id", "0 to 64"),
    "recommendation id": ({"recommendation_id": "mine"}, "recommendation_id", "UUID"),
    "unknown time of day": (
        {"context": context_pb2.ViewingContext(time_of_day=9)},  # type: ignore[arg-type]  # on purpose
        "context.time_of_day",
        "between 0 and 4",
    ),
    "the future": (
        {"occurred_at": Timestamp(seconds=int(time.time()) + 86_400)},
        "occurred_at",
        "5 minutes",
    ),
    "the past": ({"occurred_at": Timestamp(seconds=1)}, "occurred_at", "2000-01-01"),
    "a broken timestamp": (
        {"occurred_at": Timestamp(seconds=253402300800)},
        "occurred_at",
        "valid timestamp",
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_bad_event_is_refused_and_nothing_is_stored(
    name: str, brain: Brain, client: BrainClient, titles: list[Content]
) -> None:
    change, field, bound = EVENTS[name]
    request = {**GOOD_EVENT, "content_id": titles[0].content_id, **change}
    with pytest.raises(ServiceError) as caught:
        client.observe_event(pb.ObserveEventRequest(**request))  # type: ignore[arg-type]  # a table of fields
    assert caught.value.status == "INVALID_ARGUMENT"
    assert caught.value.field == field
    assert bound in caught.value.bound
    assert field in caught.value.message
    assert brain.stores.events.count() == 0


def test_an_event_of_an_unknown_title_is_not_found(client: BrainClient) -> None:
    with pytest.raises(ServiceError) as caught:
        client.observe_event(
            pb.ObserveEventRequest(event_id="e-1", content_id="movie:none", watch_percentage=1)
        )
    assert (caught.value.status, caught.value.field) == ("NOT_FOUND", "content_id")


LISTS = {
    "limit": (pb.GetRecommendationsRequest(limit=101), "limit", "between 1 and 100"),
    "offset": (pb.GetRecommendationsRequest(offset=1_001), "offset", "between 0 and 1,000"),
    "ids": (pb.GetRecommendationsRequest(content_ids=["a"] * 1_001), "content_ids", "1,000 items"),
    "one id": (pb.GetRecommendationsRequest(content_ids=[""]), "content_ids[0]", "1 to 128"),
    "services": (
        pb.GetRecommendationsRequest(available_services=["a"] * 65),
        "available_services",
        "64 items",
    ),
    "one service": (
        pb.GetRecommendationsRequest(available_services=["a", "x" * 65]),
        "available_services[1]",
        "1 to 64",
    ),
    "kinds": (pb.GetRecommendationsRequest(kinds=[MOVIE] * 4), "kinds", "3 items"),
    "no kind": (
        pb.GetRecommendationsRequest(kinds=[content_pb2.CONTENT_KIND_UNSPECIFIED]),
        "kinds[0]",
        "one of",
    ),
    "query": (pb.GetRecommendationsRequest(query_text="x" * 257), "query_text", "256"),
    "control": (pb.GetRecommendationsRequest(query_text="a\x00b"), "query_text", "control"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_bad_request_for_a_list_is_refused(name: str, client: BrainClient) -> None:
    request, field, bound = LISTS[name]
    with pytest.raises(ServiceError) as caught:
        client.get_recommendations(request)
    assert caught.value.status == "INVALID_ARGUMENT"
    assert caught.value.field == field
    assert bound in caught.value.bound


def test_an_unknown_candidate_is_not_found(client: BrainClient, titles: list[Content]) -> None:
    request = pb.GetRecommendationsRequest(content_ids=[titles[0].content_id, "movie:none"])
    with pytest.raises(ServiceError) as caught:
        client.get_recommendations(request)
    assert (caught.value.status, caught.value.field) == ("NOT_FOUND", "content_ids[1]")


MEMORIES = {
    "long query": (pb.QueryMemoryRequest(query_text="x" * 257), "query_text", "0 to 256"),
    "two queries": (
        pb.QueryMemoryRequest(query_text="a", embedding=bytes(1_536)),
        "embedding",
        "a vector other than zero",
    ),
    "a text and a vector": (
        pb.QueryMemoryRequest(query_text="a", embedding=b"\0\0\x80?" * 384),
        "embedding",
        "empty when query_text is given",
    ),
    "half a vector": (pb.QueryMemoryRequest(embedding=bytes(768)), "embedding", "1,536 bytes"),
    "importance": (
        pb.QueryMemoryRequest(query_text="a", min_importance=1.5),
        "min_importance",
        "between 0 and 1",
    ),
    "tiers": (
        pb.QueryMemoryRequest(query_text="a", tiers=[13]),  # type: ignore[list-item]  # on purpose
        "tiers[0]",
        "12 (omega)",
    ),
    "metadata": (
        pb.QueryMemoryRequest(query_text="a", metadata={str(i): "" for i in range(9)}),
        "metadata",
        "0 to 8",
    ),
    "profile": (
        pb.QueryMemoryRequest(query_text="a", profile_id="a b"),
        "profile_id",
        "1 to 64",
    ),
    "limit": (pb.QueryMemoryRequest(query_text="a", limit=101), "limit", "between 1 and 100"),
    "similarity": (
        pb.QueryMemoryRequest(query_text="a", min_similarity=math.nan),
        "min_similarity",
        "between -1 and 1",
    ),
    "tier": (
        pb.QueryMemoryRequest(query_text="a", tier=13),  # type: ignore[arg-type]  # on purpose
        "tier",
        "episodic",
    ),
}


@pytest.mark.parametrize("name", MEMORIES)
def test_a_bad_memory_query_is_refused(name: str, client: BrainClient) -> None:
    request, field, bound = MEMORIES[name]
    with pytest.raises(ServiceError) as caught:
        client.query_memory(request)
    assert (caught.value.status, caught.value.field) == ("INVALID_ARGUMENT", field)
    assert bound in caught.value.bound


def _title(**change: object) -> content_pb2.Content:
    fields: dict[str, object] = {"content_id": "local:1", "title": "A", "kind": 1, **change}
    return content_pb2.Content(**fields)  # type: ignore[arg-type]  # a table of fields


CONTENTS: dict[str, tuple[list[content_pb2.Content], str, str]] = {
    "none": ([], "contents", "1 to 500"),
    "too many": ([_title()] * 501, "contents", "1 to 500"),
    "no id": ([_title(content_id="")], "contents[0].content_id", "1 to 128"),
    "no title": ([_title(title="")], "contents[0].title", "1 to 300"),
    "long title": ([_title(), _title(title="x" * 301)], "contents[1].title", "1 to 300"),
    "no kind": ([_title(kind=0)], "contents[0].kind", "one of"),
    "genres": ([_title(genres=["x"] * 17)], "contents[0].genres", "16"),
    "a genre": ([_title(genres=["x" * 65])], "contents[0].genres[0]", "1 to 64"),
    "year": ([_title(year=1492)], "contents[0].year", "1870"),
    "country": ([_title(country="x" * 65)], "contents[0].country", "64"),
    "description": ([_title(description="x" * 2_001)], "contents[0].description", "2,000"),
    "provider": (
        [_title(providers=[content_pb2.Provider(provider_id="p", name="P")])],
        "contents[0].providers[0].availability",
        "one of",
    ),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_bad_titles_are_refused_as_a_whole(name: str, brain: Brain, client: BrainClient) -> None:
    contents, field, bound = CONTENTS[name]
    before = brain.stores.contents.count()
    with pytest.raises(ServiceError) as caught:
        client.upsert_contents(pb.UpsertContentsRequest(contents=contents))
    assert (caught.value.status, caught.value.field) == ("INVALID_ARGUMENT", field)
    assert bound in caught.value.bound
    assert brain.stores.contents.count() == before


def test_an_oversized_message_is_refused_and_the_brain_serves_on(client: BrainClient) -> None:
    huge = pb.UpsertContentsRequest(contents=[_title(description="x" * 5_000_000)])
    with pytest.raises(ServiceError) as caught:
        client.upsert_contents(huge)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert client.get_recommendations(pb.GetRecommendationsRequest(limit=1)).recommendations


def test_sync_without_a_server_is_a_failed_precondition(client: BrainClient) -> None:
    with pytest.raises(ServiceError) as caught:
        client.sync_now()
    assert caught.value.status == "FAILED_PRECONDITION"


def test_a_full_disk_stores_nothing_and_loses_nothing(
    brain: Brain, client: BrainClient, titles: list[Content]
) -> None:
    """SQLite's own page limit stands for the disk's: the same error from the same place."""

    def observe(number: int) -> pb.ObserveEventResponse:
        return client.observe_event(
            pb.ObserveEventRequest(
                event_id=f"e-{number}",
                content_id=titles[number % len(titles)].content_id,
                watch_percentage=0.9,
                session_id="x" * 64,
            )
        )

    with brain.stores.database.read() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    acknowledged: list[str] = []

    def fill() -> None:
        for number in range(10_000):
            observe(number)
            acknowledged.append(f"e-{number}")

    with pytest.raises(ServiceError, match="disk is full") as caught:
        fill()
    assert caught.value.status == "RESOURCE_EXHAUSTED"
    with brain.stores.database.read() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    assert not observe(len(acknowledged)).duplicate
    stored = {entry.event.event_id for entry in brain.stores.events.all_events()}
    assert stored == {*acknowledged, f"e-{len(acknowledged)}"}
    assert client.get_stats().events == len(stored)


def test_two_brains_cannot_own_one_directory(
    brain: Brain, serve: Callable[[Brain], BrainClient]
) -> None:
    with pytest.raises(OmegaError) as caught:
        Brain(brain.config)
    assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE
    assert serve(brain).get_stats().contents == brain.stores.contents.count()
