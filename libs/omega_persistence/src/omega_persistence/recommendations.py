"""Lists that were served, so that later events can be told which list led to them."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from omega_persistence.database import Database
from omega_persistence.times import from_micros, to_micros

KEPT = 1_000
"""Newest lists that are kept, and most that wait in memory."""


@dataclass(frozen=True)
class ServedList:
    """One answer."""

    recommendation_id: str
    """A UUID of 36 characters."""
    served_at: datetime
    """When, in UTC."""
    content_ids: tuple[str, ...]
    """What it held, best first."""


class Recommendations:
    """Served lists. Best effort: an answer must not wait for the disk.

    A list waits in memory and is written with the next transaction of any repository; one that
    never comes, or fails, loses it. Events keep their recommendation_id either way. One instance
    a database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._waiting: dict[str, ServedList] = {}
        database.before_commit(self._write)

    def log_recommendation(
        self, recommendation_id: str, served_at: datetime, content_ids: Sequence[str]
    ) -> None:
        """Remembers a list without touching the disk."""
        served = ServedList(recommendation_id, served_at, tuple(content_ids))
        with self._mutex:
            self._waiting[recommendation_id] = served
            if len(self._waiting) > KEPT:
                del self._waiting[next(iter(self._waiting))]

    def get(self, recommendation_id: str) -> ServedList | None:
        """The list of that id, waiting or stored; None when unknown or no longer kept."""
        with self._mutex:
            waiting = self._waiting.get(recommendation_id)
        if waiting is not None:
            return waiting
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT served_at, content_ids FROM recommendations WHERE recommendation_id = ?",
                (recommendation_id,),
            ).fetchone()
        if row is None:
            return None
        return ServedList(recommendation_id, from_micros(row[0]), tuple(json.loads(row[1])))

    def flush(self) -> None:
        """Writes what waits, for an orderly stop.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; what waited is dropped.
        """
        with self._database.transaction():
            pass

    def _write(self, connection: sqlite3.Connection) -> None:
        # Taken before the commit is known to succeed: on a full disk the retry must be smaller.
        with self._mutex:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        connection.executemany(
            "INSERT INTO recommendations (recommendation_id, served_at, content_ids) "
            "VALUES (?, ?, ?) ON CONFLICT (recommendation_id) DO NOTHING",
            [
                (
                    served.recommendation_id,
                    to_micros(served.served_at),
                    json.dumps(served.content_ids),
                )
                for served in waiting.values()
            ],
        )
        connection.execute(
            "DELETE FROM recommendations WHERE seq <= (SELECT max(seq) FROM recommendations) - ?",
            (KEPT,),
        )
