"""Moments of viewings under way: they bend the lists of a session and are kept for a day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from omega_core.viewing import PlaybackAction, ViewingEvent
from omega_persistence.database import Database
from omega_persistence.event_rows import RecordedEvent
from omega_persistence.times import from_micros, to_micros

_FIELDS = (
    "event_id, profile_id, action, watch_percentage, occurred_at, session_id, content_rowid, "
    "recorded_at"
)
INSERT = f"INSERT INTO interactions ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants only
"""Stores interaction_values."""
_RECENT = f"""
SELECT seq, content_id, {_FIELDS} FROM interactions JOIN contents USING (content_rowid)
WHERE recorded_at >= ? AND ? IN ('', profile_id) ORDER BY seq
"""  # noqa: S608 - constants only


class Interactions:
    """The table of moments. `Events.record` fills it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recent(self, profile_id: str, since: datetime) -> list[RecordedEvent]:
        """Moments that arrived at `since` or later, in order of arrival.

        Only what bends a session is kept of a moment: of the rest the event says the default, and
        its engagement_score is its watch_percentage.

        Args:
            profile_id: whose; empty = everybody's.
            since: aware; by the TV's clock.
        """
        with self._database.read() as connection:
            rows = connection.execute(_RECENT, (to_micros(since), profile_id)).fetchall()
        return [_recorded(row) for row in rows]

    def count(self) -> int:
        """Number of moments that are kept."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM interactions").fetchone()[0])

    def sweep(self, before: datetime, limit: int) -> int:
        """Deletes at most `limit` moments that arrived before `before`, oldest first.

        Returns:
            How many went; fewer than `limit` = none is left.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            return connection.execute(
                "DELETE FROM interactions WHERE seq IN (SELECT seq FROM interactions "
                "WHERE recorded_at < ? ORDER BY recorded_at, seq LIMIT ?)",
                (to_micros(before), limit),
            ).rowcount


def interaction_values(
    event: ViewingEvent, content_rowid: int, recorded_at: datetime
) -> tuple[object, ...]:
    """Values of INSERT."""
    return (
        event.event_id,
        event.profile_id,
        int(event.action),
        event.watch_percentage,
        to_micros(event.occurred_at),
        event.session_id,
        content_rowid,
        to_micros(recorded_at),
    )


def _recorded(row: tuple[Any, ...]) -> RecordedEvent:
    seq, content_id, event_id, profile_id, action, watched, occurred_at, session_id = row[:8]
    content_rowid, recorded_at = row[8:]
    event = ViewingEvent(
        event_id=event_id,
        content_id=content_id,
        watch_percentage=watched,
        engagement_score=watched,
        occurred_at=from_micros(occurred_at),
        session_id=session_id,
        action=PlaybackAction(action),
        profile_id=profile_id,
    )
    return RecordedEvent(event, content_rowid, seq, from_micros(recorded_at))
