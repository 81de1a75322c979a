"""Viewing events: the last month of the household's history, never changed once written."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto

from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence import event_rows, interactions
from omega_persistence.database import Database
from omega_persistence.event_rows import SELECT, RecordedEvent, recorded_event

__all__ = ["Events", "Recorded", "RecordedEvent"]

_IS_KNOWN = """
SELECT EXISTS (SELECT 1 FROM events WHERE event_id = :id)
    OR EXISTS (SELECT 1 FROM interactions WHERE event_id = :id)
"""
# Walks the index from title to title, and takes the newest entry of each.
_LAST_BY_TITLE = f"""
WITH RECURSIVE title (id) AS (
    SELECT min(content_rowid) FROM events
    UNION ALL
    SELECT (SELECT min(content_rowid) FROM events WHERE content_rowid > title.id)
    FROM title WHERE title.id IS NOT NULL
)
{SELECT} WHERE seq IN (
    SELECT (
        SELECT seq FROM events WHERE content_rowid = title.id AND :profile IN ('', profile_id)
        ORDER BY occurred_at DESC, seq DESC LIMIT 1
    ) FROM title
)
"""  # noqa: S608 - constants only


class Recorded(Enum):
    """What became of an event."""

    NEW = auto()
    """It is stored now and was not before."""
    DUPLICATE = auto()
    """Its event_id was stored already; nothing was changed."""
    UNKNOWN_CONTENT = auto()
    """Its title is not stored; nothing was changed."""
    UNKNOWN_PROFILE = auto()
    """Its profile is not stored; nothing was changed."""


_REFUSALS = {
    Recorded.UNKNOWN_CONTENT: (ErrorCode.UNKNOWN_CONTENT, "content_id"),
    Recorded.UNKNOWN_PROFILE: (ErrorCode.UNKNOWN_PROFILE, "profile_id"),
}


class Events:
    """The table of viewings, and the way into it and into the table of moments.

    An event_id counts once over both tables: whatever repeats it changes nothing, the first one
    stays. It is known for as long as its event is kept: 30 days, and less where `TitleRecords`
    had to fold earlier; a moment's for a day. After that the same id is a new event.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, event: ViewingEvent) -> bool:
        """Stores a viewing that ended, or a moment of one under way; durable on return.

        Returns:
            False when the event_id is already stored, whatever its content.

        Raises:
            OmegaError: UNKNOWN_CONTENT (field content_id), UNKNOWN_PROFILE (field profile_id),
                STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        # A repeated event is answered without a write, also when the disk is full.
        if self._all_known([event]):
            return False
        with self._database.transaction() as connection:
            outcome = _store(connection, event, self._database.now())
            if outcome in _REFUSALS:
                code, field = _REFUSALS[outcome]
                raise OmegaError(code, field=field)
        return outcome is Recorded.NEW

    def record_all(self, events: Sequence[ViewingEvent]) -> list[Recorded]:
        """Stores many in one transaction; durable on return. One that is refused stops no other.

        Returns:
            What became of each, in their order; the second of two equal ids is a duplicate.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; none of them was stored.
        """
        if self._all_known(events):
            return [Recorded.DUPLICATE] * len(events)
        with self._database.transaction() as connection:
            now = self._database.now()
            return [_store(connection, event, now) for event in events]

    def get(self, event_id: str) -> RecordedEvent | None:
        """The viewing of that id."""
        return next(iter(self._rows("WHERE event_id = ?", event_id)), None)

    def all_events(self, profile_id: str = "") -> list[RecordedEvent]:
        """Every viewing, in order of (occurred_at, seq); empty profile_id = everybody's."""
        return self._rows("WHERE ? IN ('', profile_id) ORDER BY occurred_at, seq", profile_id)

    def since(self, seq: int, limit: int) -> list[RecordedEvent]:
        """The first `limit` viewings that arrived after `seq`, in order of seq; 0 = from the first.

        The last one's seq is the mark to go on from, with what was learnt stored beside it.
        """
        return self._rows("WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)

    def recent(self, limit: int, profile_id: str = "") -> list[RecordedEvent]:
        """The last `limit` viewings by (occurred_at, seq), newest first; empty = everybody's."""
        clause = "WHERE ? IN ('', profile_id) ORDER BY occurred_at DESC, seq DESC LIMIT ?"
        return self._rows(clause, profile_id, limit)

    def last_by_title(self, profile_id: str = "") -> dict[int, RecordedEvent]:
        """The last viewing of each title by (occurred_at, seq), under the title's rowid.

        Costs a few steps of an index a title, not a look at the whole history.

        Args:
            profile_id: whose; empty = everybody's.
        """
        with self._database.read() as connection:
            rows = connection.execute(_LAST_BY_TITLE, {"profile": profile_id}).fetchall()
        found = map(recorded_event, rows)
        return {entry.content_rowid: entry for entry in found}

    def count(self) -> int:
        """Number of viewings."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])

    def _all_known(self, events: Sequence[ViewingEvent]) -> bool:
        with self._database.read() as connection:
            return all(_is_known(connection, event.event_id) for event in events)

    def _rows(self, clause: str, *parameters: str | int) -> list[RecordedEvent]:
        with self._database.read() as connection:
            rows = connection.execute(SELECT + clause, parameters).fetchall()
        return [recorded_event(row) for row in rows]


def _store(connection: sqlite3.Connection, event: ViewingEvent, now: datetime) -> Recorded:
    if _is_known(connection, event.event_id):
        return Recorded.DUPLICATE
    title = connection.execute(
        "SELECT content_rowid FROM contents WHERE content_id = ?", (event.content_id,)
    ).fetchone()
    if title is None:
        return Recorded.UNKNOWN_CONTENT
    if event.profile_id and not _has_profile(connection, event.profile_id):
        return Recorded.UNKNOWN_PROFILE
    if event.action.ends_viewing:
        connection.execute(event_rows.INSERT, event_rows.event_values(event, title[0], now))
    else:
        values = interactions.interaction_values(event, title[0], now)
        connection.execute(interactions.INSERT, values)
    return Recorded.NEW


def _is_known(connection: sqlite3.Connection, event_id: str) -> bool:
    return bool(connection.execute(_IS_KNOWN, {"id": event_id}).fetchone()[0])


def _has_profile(connection: sqlite3.Connection, profile_id: str) -> bool:
    query = "SELECT 1 FROM profiles WHERE profile_id = ?"
    return connection.execute(query, (profile_id,)).fetchone() is not None
