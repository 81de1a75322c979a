"""Viewing events: the household's history, never changed once written."""

from __future__ import annotations

from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence.database import Database
from omega_persistence.event_rows import SELECT, RecordedEvent, recorded_event
from omega_persistence.times import to_micros

__all__ = ["Events", "RecordedEvent"]


class Events:
    """The table of viewings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, event: ViewingEvent) -> bool:
        """Stores a viewing; durable on return.

        Returns:
            False when the event_id is already stored, whatever its content: the first one stays.

        Raises:
            OmegaError: UNKNOWN_CONTENT (field content_id), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        if self._is_stored(event.event_id):
            return False
        with self._database.transaction() as connection:
            title = connection.execute(
                "SELECT content_rowid FROM contents WHERE content_id = ?", (event.content_id,)
            ).fetchone()
            if title is None:
                raise OmegaError(ErrorCode.UNKNOWN_CONTENT, field="content_id")
            stored = connection.execute(
                "INSERT INTO events (event_id, content_rowid, watch_percentage, engagement_score, "
                "reward, occurred_at, session_id, recommendation_id, time_of_day, day_type, "
                "audience) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (event_id) DO NOTHING",
                (
                    event.event_id,
                    title[0],
                    event.watch_percentage,
                    event.engagement_score,
                    event.reward,
                    to_micros(event.occurred_at),
                    event.session_id,
                    event.recommendation_id,
                    event.context.time_of_day,
                    event.context.day_type,
                    event.context.audience,
                ),
            )
            return stored.rowcount == 1

    def get(self, event_id: str) -> RecordedEvent | None:
        """The viewing of that id."""
        return next(iter(self._rows("WHERE event_id = ?", event_id)), None)

    def all_events(self) -> list[RecordedEvent]:
        """Every viewing, in order of (occurred_at, seq)."""
        return self._rows("ORDER BY occurred_at, seq")

    def recent(self, limit: int) -> list[RecordedEvent]:
        """The last `limit` viewings by (occurred_at, seq), newest first."""
        return self._rows("ORDER BY occurred_at DESC, seq DESC LIMIT ?", limit)

    def count(self) -> int:
        """Number of viewings."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])

    def _is_stored(self, event_id: str) -> bool:
        # A repeated event is answered without a write, also when the disk is full.
        with self._database.read() as connection:
            query = "SELECT 1 FROM events WHERE event_id = ?"
            return connection.execute(query, (event_id,)).fetchone() is not None

    def _rows(self, clause: str, *parameters: str | int) -> list[RecordedEvent]:
        with self._database.read() as connection:
            rows = connection.execute(SELECT + clause, parameters).fetchall()
        return [recorded_event(row) for row in rows]
