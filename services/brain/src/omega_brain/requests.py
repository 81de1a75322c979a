"""Requests held to their bounds, answers in their wire form."""

from __future__ import annotations

from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import content_pb2
from omega_brain.answers import Answer, Memory, RecommendQuery
from omega_brain.state import Titles
from omega_core import limits, validate
from omega_core.content import Content, ContentKind, Provider
from omega_core.errors import invalid
from omega_core.viewing import ViewingEvent
from omega_delta import content_from_proto, context_from_proto
from omega_rank.ranker import Ranked

DEFAULT_LIMIT = 20
"""Titles a list when the request does not say."""
DEFAULT_MEMORIES = 10
"""Memories an answer when the request does not say."""


def recommend_query(request: pb.GetRecommendationsRequest) -> RecommendQuery:
    """Raises OmegaError INVALID_FIELD."""
    validate.count("content_ids", request.content_ids, 1_000)
    for i, content_id in enumerate(request.content_ids):
        validate.identifier(f"content_ids[{i}]", content_id, limits.MAX_ID)
    validate.count("available_services", request.available_services, 64)
    for i, provider_id in enumerate(request.available_services):
        validate.identifier(f"available_services[{i}]", provider_id, limits.MAX_SHORT_ID)
    validate.count("kinds", request.kinds, len(ContentKind))
    return RecommendQuery(
        limit=validate.integer("limit", request.limit or DEFAULT_LIMIT, 1, 100),
        offset=validate.integer("offset", request.offset, 0, 1_000),
        context=context_from_proto(request.context) if request.HasField("context") else None,
        content_ids=tuple(request.content_ids),
        available_services=tuple(request.available_services),
        kinds=tuple(_kind(f"kinds[{i}]", kind) for i, kind in enumerate(request.kinds)),
        query_text=validate.text("query_text", request.query_text, limits.MAX_QUERY),
    )


def _kind(field: str, value: int) -> ContentKind:
    try:
        return ContentKind(value)
    except ValueError:
        raise invalid(field, "one of 1 (movie), 2 (series), 3 (live)") from None


def recommendations(
    answer: Answer, model_version: str, latency_us: int
) -> pb.GetRecommendationsResponse:
    """The wire form of a list."""
    return pb.GetRecommendationsResponse(
        recommendation_id=answer.recommendation_id,
        recommendations=[_recommendation(title, answer.titles) for title in answer.ranking.titles],
        model_version=model_version,
        factors_version=answer.factors_version,
        basis=cast("pb.Basis.ValueType", int(answer.ranking.basis)),
        latency_us=latency_us,
    )


def _recommendation(ranked: Ranked, titles: Titles) -> pb.Recommendation:
    row, catalogue = ranked.row, titles.catalogue
    return pb.Recommendation(
        content_id=catalogue.ids[row],
        title=catalogue.titles[row],
        kind=cast("content_pb2.ContentKind.ValueType", int(catalogue.kinds[row])),
        genres=catalogue.genres_of[row],
        year=int(catalogue.years[row]),
        score=ranked.score,
        reason=ranked.reason,
        reason_term=cast("pb.ReasonTerm.ValueType", int(ranked.reason_term)),
        because_content_ids=[catalogue.ids[seen] for seen in ranked.because],
        providers=[_provider(provider) for provider in titles.offers[row]],
    )


def _provider(provider: Provider) -> content_pb2.Provider:
    return content_pb2.Provider(
        provider_id=provider.provider_id,
        name=provider.name,
        availability=cast("content_pb2.Availability.ValueType", int(provider.availability)),
    )


def contents(request: pb.UpsertContentsRequest) -> list[Content]:
    """Raises OmegaError INVALID_FIELD."""
    validate.count("contents", request.contents, 500, 1)
    return [
        content_from_proto(message, f"contents[{i}]") for i, message in enumerate(request.contents)
    ]


def memory_entry(memory: Memory) -> pb.MemoryEntry:
    """The wire form of a memory."""
    event, content = memory.entry.event, memory.content
    year = f" ({content.year})" if content.year else ""
    created_at = Timestamp()
    created_at.FromDatetime(event.occurred_at)
    return pb.MemoryEntry(
        memory_id=event.event_id,
        tier=pb.MEMORY_TIER_EPISODIC,
        text=f"Watched {event.watch_percentage:.0%} of {content.title}{year}"
        f" on {event.occurred_at:%Y-%m-%d}.",
        content_id=content.content_id,
        similarity=memory.similarity,
        importance=event.reward,
        created_at=created_at,
    )


def critique(event: ViewingEvent) -> str:
    """A sentence on how a viewing went, by its reward."""
    grades = ((0.9, "An excellent match"), (0.7, "A good match"), (0.3, "A partial match"))
    grade = next((text for least, text in grades if event.reward > least), "A poor match")
    return f"{grade}: {event.watch_percentage:.0%} watched, reward {event.reward:.2f}."
