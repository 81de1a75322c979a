"""A viewing as a row of the table events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omega_core.viewing import ViewingContext, ViewingEvent
from omega_persistence.times import from_micros

SELECT = """
SELECT event_id, content_id, watch_percentage, engagement_score, occurred_at, session_id,
       recommendation_id, time_of_day, day_type, audience, content_rowid, seq
FROM events JOIN contents USING (content_rowid)
"""
"""Reads what recorded_event takes."""


@dataclass(frozen=True)
class RecordedEvent:
    """A stored viewing."""

    event: ViewingEvent
    """The viewing; occurred_at in UTC with microseconds."""
    content_rowid: int
    """Rowid of its title."""
    seq: int
    """Order of arrival; rises, with gaps."""


def recorded_event(row: tuple[Any, ...]) -> RecordedEvent:
    """A row of SELECT.

    Raises:
        OverflowError: no such row was ever written.
    """
    event_id, content_id, watched, engaged, occurred_at, session_id, recommendation_id = row[:7]
    time_of_day, day_type, audience, content_rowid, seq = row[7:]
    event = ViewingEvent(
        event_id=event_id,
        content_id=content_id,
        watch_percentage=watched,
        engagement_score=engaged,
        occurred_at=from_micros(occurred_at),
        session_id=session_id,
        recommendation_id=recommendation_id,
        context=ViewingContext(time_of_day, day_type, audience),
    )
    return RecordedEvent(event, content_rowid, seq)
