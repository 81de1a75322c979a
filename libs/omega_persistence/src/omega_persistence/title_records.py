"""Records of titles: what remains of viewings that have left the table of events."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from omega_core.records import fold_event
from omega_core.viewing import TitleRecord
from omega_persistence import event_rows
from omega_persistence.database import Database
from omega_persistence.times import from_micros, to_micros

_FIELDS = (
    "viewings, successes, best_reward, circumstances, first_at, first_success_at, last_at, "
    "last_seq, liked_at, disliked_at, profile_id, content_rowid"
)
_SELECT = f"SELECT content_id, {_FIELDS} FROM title_records JOIN contents USING (content_rowid) "  # noqa: S608 - constants only
_UPSERT = f"""
INSERT INTO title_records ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (profile_id, content_rowid) DO UPDATE SET
    viewings = excluded.viewings, successes = excluded.successes,
    best_reward = excluded.best_reward, circumstances = excluded.circumstances,
    first_at = excluded.first_at, first_success_at = excluded.first_success_at,
    last_at = excluded.last_at, last_seq = excluded.last_seq,
    liked_at = excluded.liked_at, disliked_at = excluded.disliked_at
"""  # noqa: S608 - constants only
_LAST_SEQ = 2**63 - 1
_Key = tuple[str, int]


class TitleRecords:
    """One record for each profile and title.

    Moving an event here forgets its id: from then on the same event_id is a new event. That is 30
    days after its arrival, or earlier where `capacity` had to make room.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def all_records(self, profile_id: str = "") -> list[TitleRecord]:
        """Every record, by profile and title; empty profile_id = everybody's, each by itself."""
        with self._database.read() as connection:
            rows = connection.execute(
                _SELECT + "WHERE ? IN ('', profile_id) ORDER BY profile_id, content_rowid",
                (profile_id,),
            ).fetchall()
        return [_record(row) for row in rows]

    def since(self, seq: int, limit: int) -> list[tuple[int, TitleRecord]]:
        """The first `limit` records whose last_seq is greater, by last_seq, each with its rowid."""
        with self._database.read() as connection:
            rows = connection.execute(
                _SELECT + "WHERE last_seq > ? ORDER BY last_seq LIMIT ?", (seq, limit)
            ).fetchall()
        return [(row[-1], _record(row)) for row in rows]

    def viewings(self) -> int:
        """Number of events that were moved here and are still remembered."""
        with self._database.read() as connection:
            query = "SELECT coalesce(sum(viewings), 0) FROM title_records"
            return int(connection.execute(query).fetchone()[0])

    def fold(self, before: datetime, limit: int, *, learnt_to: int | None = None) -> int:
        """Moves events that arrived before `before` into their records, oldest first.

        One transaction: whenever the process dies, each event is counted once.

        Args:
            before: aware; by the TV's clock.
            limit: most events to move in this call.
            learnt_to: moves none with a greater seq, so that what learns from single events has
                seen all that go; None = any.

        Returns:
            How many were moved; fewer than `limit` = none is left.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; nothing was moved.
        """
        newest = _LAST_SEQ if learnt_to is None else learnt_to
        with self._database.transaction() as connection:
            return _move(
                connection,
                "WHERE recorded_at < ? AND seq <= ? ORDER BY recorded_at, seq LIMIT ?",
                (to_micros(before), newest, limit),
            )

    def capacity(self, most: int, limit: int, *, learnt_to: int | None = None) -> int:
        """Moves the first events to have arrived, as `fold` does, while more than `most` are kept.

        Args:
            most: events that may stay, at least 0.
            limit: most events to move in this call.
            learnt_to: as for `fold`.

        Returns:
            How many were moved; fewer than `limit` = there is nothing more to do.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; nothing was moved.
        """
        newest = _LAST_SEQ if learnt_to is None else learnt_to
        with self._database.transaction() as connection:
            (kept,) = connection.execute("SELECT count(*) FROM events").fetchone()
            surplus = max(min(kept - most, limit), 0)
            return _move(connection, "WHERE seq <= ? ORDER BY seq LIMIT ?", (newest, surplus))


def _move(connection: sqlite3.Connection, clause: str, parameters: tuple[int, ...]) -> int:
    rows = connection.execute(event_rows.SELECT + clause, parameters).fetchall()
    leaving = [event_rows.recorded_event(row) for row in rows]
    records: dict[_Key, TitleRecord] = {}
    for entry in leaving:
        key = (entry.event.profile_id, entry.content_rowid)
        held = records.get(key) or _held(connection, key)
        records[key] = fold_event(held, entry.event, entry.seq)
    connection.executemany(_UPSERT, [_values(record, key) for key, record in records.items()])
    connection.executemany("DELETE FROM events WHERE seq = ?", [(entry.seq,) for entry in leaving])
    return len(leaving)


def _held(connection: sqlite3.Connection, key: _Key) -> TitleRecord | None:
    row = connection.execute(_SELECT + "WHERE profile_id = ? AND content_rowid = ?", key).fetchone()
    return None if row is None else _record(row)


def _values(record: TitleRecord, key: _Key) -> tuple[object, ...]:
    return (
        record.viewings,
        record.successes,
        record.best_reward,
        record.circumstances,
        to_micros(record.first_at),
        _micros(record.first_success_at),
        to_micros(record.last_at),
        record.last_seq,
        _micros(record.liked_at),
        _micros(record.disliked_at),
        *key,
    )


def _record(row: tuple[Any, ...]) -> TitleRecord:
    content_id, viewings, successes, best_reward, circumstances = row[:5]
    first_at, first_success_at, last_at, last_seq, liked_at, disliked_at, profile_id, _ = row[5:]
    return TitleRecord(
        content_id=content_id,
        profile_id=profile_id,
        viewings=viewings,
        successes=successes,
        best_reward=best_reward,
        circumstances=circumstances,
        first_at=from_micros(first_at),
        first_success_at=_instant(first_success_at),
        last_at=from_micros(last_at),
        last_seq=last_seq,
        liked_at=_instant(liked_at),
        disliked_at=_instant(disliked_at),
    )


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else to_micros(instant)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
