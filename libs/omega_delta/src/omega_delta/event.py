"""Viewing contexts and events between their domain forms and the brain's messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp

from omega.brain.v1 import brain_service_pb2
from omega.common.v1 import context_pb2
from omega_core import limits, validate
from omega_core.errors import invalid
from omega_core.viewing import (
    EventSource,
    PlaybackAction,
    Verdict,
    ViewingContext,
    ViewingEvent,
)

_ENGAGEMENT = {Verdict.LIKED: 1.0, Verdict.DISLIKED: 0.0}


def context_to_proto(context: ViewingContext) -> context_pb2.ViewingContext:
    """The wire form of circumstances."""
    return context_pb2.ViewingContext(
        time_of_day=cast("context_pb2.TimeOfDay.ValueType", context.time_of_day),
        day_type=cast("context_pb2.DayType.ValueType", context.day_type),
        audience=cast("context_pb2.Audience.ValueType", context.audience),
        mood=cast("context_pb2.Mood.ValueType", context.mood),
        device_kind=cast("context_pb2.DeviceKind.ValueType", context.device_kind),
    )


def context_from_proto(
    message: context_pb2.ViewingContext, name: str = "context"
) -> ViewingContext:
    """The circumstances of a message; an absent message gives the default: not known.

    Raises:
        OmegaError: INVALID_FIELD that names the field below `name`.
    """
    most = {
        "time_of_day": max(context_pb2.TimeOfDay.values()),
        "day_type": max(context_pb2.DayType.values()),
        "audience": max(context_pb2.Audience.values()),
        "mood": max(context_pb2.Mood.values()),
        "device_kind": max(context_pb2.DeviceKind.values()),
    }
    return ViewingContext(
        **{
            field: validate.integer(f"{name}.{field}", getattr(message, field), 0, bound)
            for field, bound in most.items()
        }
    )


def event_to_proto(event: ViewingEvent) -> brain_service_pb2.ObserveEventRequest:
    """The wire form of an event; every field is stated. Instants keep their microseconds."""
    occurred_at = Timestamp()
    occurred_at.FromDatetime(event.occurred_at)
    return brain_service_pb2.ObserveEventRequest(
        event_id=event.event_id,
        content_id=event.content_id,
        watch_percentage=event.watch_percentage,
        engagement_score=event.engagement_score,
        occurred_at=occurred_at,
        session_id=event.session_id,
        recommendation_id=event.recommendation_id,
        context=context_to_proto(event.context),
        action=cast("brain_service_pb2.PlaybackAction.ValueType", int(event.action)),
        watch_seconds=event.watch_seconds,
        interaction_count=event.interaction_count,
        source=cast("brain_service_pb2.EventSource.ValueType", int(event.source)),
        profile_id=event.profile_id,
        verdict=cast("brain_service_pb2.Verdict.ValueType", int(event.verdict)),
    )


def event_from_proto(message: brain_service_pb2.ObserveEventRequest, now: datetime) -> ViewingEvent:
    """The event of a request, held to its bounds.

    Whether title and profile are known is not checked.

    Args:
        message: as received. Absent engagement_score = watch_percentage, absent occurred_at = now.
            A verdict takes the place of engagement_score: 1 liked, 0 disliked.
        now: present instant, aware.

    Raises:
        OmegaError: INVALID_FIELD that names the field and its bound.
    """
    watched = validate.number("watch_percentage", message.watch_percentage, 0.0, 1.0)
    stated = message.engagement_score if message.HasField("engagement_score") else watched
    engaged = validate.number("engagement_score", stated, 0.0, 1.0)
    verdict = Verdict(validate.integer("verdict", message.verdict, 0, max(Verdict)))
    recommendation_id = message.recommendation_id
    if recommendation_id:
        validate.uuid("recommendation_id", recommendation_id)
    occurred_at = (
        _instant("occurred_at", message.occurred_at) if message.HasField("occurred_at") else now
    )
    return ViewingEvent(
        event_id=validate.identifier("event_id", message.event_id, limits.MAX_SHORT_ID),
        content_id=validate.identifier("content_id", message.content_id, limits.MAX_ID),
        watch_percentage=watched,
        engagement_score=_ENGAGEMENT.get(verdict, engaged),
        occurred_at=validate.instant("occurred_at", occurred_at, now),
        session_id=validate.text("session_id", message.session_id, limits.MAX_SHORT_ID),
        recommendation_id=recommendation_id,
        context=context_from_proto(message.context),
        action=PlaybackAction(validate.integer("action", message.action, 0, max(PlaybackAction))),
        watch_seconds=validate.integer(
            "watch_seconds", message.watch_seconds, 0, limits.MAX_WATCH_SECONDS
        ),
        interaction_count=validate.integer(
            "interaction_count", message.interaction_count, 0, limits.MAX_INTERACTIONS
        ),
        source=EventSource(validate.integer("source", message.source, 0, max(EventSource))),
        profile_id=validate.identifier(
            "profile_id", message.profile_id, limits.MAX_SHORT_ID, optional=True
        ),
        verdict=verdict,
    )


def _instant(field: str, stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise invalid(field, "a valid timestamp") from None
