"""Answers in their wire form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import content_pb2
from omega_brain.answers import Answer, Listed
from omega_core.content import Provider
from omega_core.memory import Recalled
from omega_runtime import Mode, Status

MODES: Mapping[Mode, pb.Mode.ValueType] = MappingProxyType(
    {
        Mode.HEALTHY: pb.MODE_HEALTHY,
        Mode.DEGRADED: pb.MODE_DEGRADED,
        Mode.UNHEALTHY: pb.MODE_UNHEALTHY,
    }
)
"""Modes as the contract names them."""
STATUSES: Mapping[Status, tuple[pb.Mode.ValueType, int]] = MappingProxyType(
    {
        Status.HEALTHY: (pb.MODE_HEALTHY, 100),
        Status.STALE: (pb.MODE_DEGRADED, 50),
        Status.DEGRADED: (pb.MODE_DEGRADED, 50),
        Status.UNHEALTHY: (pb.MODE_UNHEALTHY, 0),
    }
)
"""Health of a part: its mode and its score."""


def recommendations(
    answer: Answer, model_version: str, latency_us: int
) -> pb.GetRecommendationsResponse:
    """A list."""
    return pb.GetRecommendationsResponse(
        recommendation_id=answer.recommendation_id,
        recommendations=[_recommendation(title) for title in answer.titles],
        model_version=model_version,
        factors_version=answer.factors_version,
        basis=cast("pb.Basis.ValueType", int(answer.basis)),
        latency_us=latency_us,
        mode=MODES[answer.mode],
        next_cursor=answer.recommendation_id if answer.more else "",
        settings_version=answer.settings_version,
    )


def memory_entry(recalled: Recalled) -> pb.MemoryEntry:
    """A memory."""
    memory = recalled.memory
    return pb.MemoryEntry(
        memory_id=memory.key,
        tier=cast("pb.MemoryTier.ValueType", int(memory.tier)),
        text=memory.text,
        content_id=memory.content_id,
        similarity=recalled.similarity,
        importance=memory.importance,
        created_at=timestamp(memory.created_at),
        relevance=recalled.relevance,
        confidence=memory.confidence,
        access_count=memory.access_count,
        metadata=dict(memory.metadata),
        expires_at=timestamp(memory.expires_at),
        profile_id=memory.profile_id,
    )


def timestamp(instant: datetime | None) -> Timestamp | None:
    """An instant; None stays absent."""
    if instant is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(instant.astimezone(UTC))
    return stamp


def _recommendation(title: Listed) -> pb.Recommendation:
    return pb.Recommendation(
        content_id=title.content_id,
        title=title.title,
        kind=cast("content_pb2.ContentKind.ValueType", int(title.kind)),
        genres=title.genres,
        year=title.year,
        score=title.score,
        reason=title.reason,
        reason_term=cast("pb.ReasonTerm.ValueType", int(title.reason_term)),
        because_content_ids=title.because,
        providers=[_provider(provider) for provider in title.providers],
    )


def _provider(provider: Provider) -> content_pb2.Provider:
    return content_pb2.Provider(
        provider_id=provider.provider_id,
        name=provider.name,
        availability=cast("content_pb2.Availability.ValueType", int(provider.availability)),
    )
