"""A viewing as a row of the table events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from omega_core.viewing import (
    EventSource,
    PlaybackAction,
    Verdict,
    ViewingContext,
    ViewingEvent,
)
from omega_persistence.times import from_micros, to_micros

_FIELDS = (
    "watch_percentage, engagement_score, occurred_at, session_id, recommendation_id, action, "
    "watch_seconds, interaction_count, source, profile_id, verdict, "
    "time_of_day, day_type, audience, mood, device_kind, content_rowid, recorded_at"
)
INSERT = (
    f"INSERT INTO events (event_id, reward, {_FIELDS}) "  # noqa: S608 - constants only
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
"""Stores event_values."""
SELECT = f"""
SELECT seq, content_id, event_id, {_FIELDS} FROM events JOIN contents USING (content_rowid)
"""  # noqa: S608 - constants only
"""Reads what recorded_event takes."""


@dataclass(frozen=True)
class RecordedEvent:
    """A stored viewing, or a stored moment of one."""

    event: ViewingEvent
    """The viewing; occurred_at in UTC with microseconds."""
    content_rowid: int
    """Rowid of its title."""
    seq: int
    """Order of arrival; rises, with gaps. Viewings and moments are counted apart."""
    recorded_at: datetime
    """When it arrived by the TV's clock, in UTC."""


def event_values(
    event: ViewingEvent, content_rowid: int, recorded_at: datetime
) -> tuple[object, ...]:
    """Values of INSERT."""
    context = event.context
    return (
        event.event_id,
        event.reward,
        event.watch_percentage,
        event.engagement_score,
        to_micros(event.occurred_at),
        event.session_id,
        event.recommendation_id,
        int(event.action),
        event.watch_seconds,
        event.interaction_count,
        int(event.source),
        event.profile_id,
        int(event.verdict),
        context.time_of_day,
        context.day_type,
        context.audience,
        context.mood,
        context.device_kind,
        content_rowid,
        to_micros(recorded_at),
    )


def recorded_event(row: tuple[Any, ...]) -> RecordedEvent:
    """A row of SELECT.

    Raises:
        OverflowError, ValueError: no such row was ever written.
    """
    seq, content_id, event_id, watched, engaged, occurred_at, session_id, recommendation_id = row[
        :8
    ]
    action, watch_seconds, interaction_count, source, profile_id, verdict = row[8:14]
    *circumstances, content_rowid, recorded_at = row[14:]
    event = ViewingEvent(
        event_id=event_id,
        content_id=content_id,
        watch_percentage=watched,
        engagement_score=engaged,
        occurred_at=from_micros(occurred_at),
        session_id=session_id,
        recommendation_id=recommendation_id,
        context=ViewingContext(*circumstances),
        action=PlaybackAction(action),
        watch_seconds=watch_seconds,
        interaction_count=interaction_count,
        source=EventSource(source),
        profile_id=profile_id,
        verdict=Verdict(verdict),
    )
    return RecordedEvent(event, content_rowid, seq, from_micros(recorded_at))
