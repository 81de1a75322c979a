"""Viewing events: the household's history, never changed once written."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.content import ViewingEvent

from omega_persistence.database import Database


@dataclass(frozen=True)
class RecordedEvent:
    """A stored viewing."""

    event: ViewingEvent
    """The viewing; occurred_at in UTC with microseconds."""
    content_rowid: int
    """Rowid of its title."""
    seq: int
    """Order of arrival, from 1."""


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
        raise NotImplementedError

    def get(self, event_id: str) -> RecordedEvent | None:
        """The viewing of that id."""
        raise NotImplementedError

    def all_events(self) -> list[RecordedEvent]:
        """Every viewing, in order of (occurred_at, seq)."""
        raise NotImplementedError

    def recent(self, limit: int) -> list[RecordedEvent]:
        """The last `limit` viewings by (occurred_at, seq), newest first."""
        raise NotImplementedError

    def count(self) -> int:
        """Number of viewings."""
        raise NotImplementedError
