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
# A list of a profile that was erased while it waited must not come back with this write.
_INSERT = """
INSERT INTO recommendations (recommendation_id, served_at, content_ids, chain, profile_id)
SELECT :recommendation_id, :served_at, :content_ids, :chain, :profile_id
WHERE :profile_id = '' OR EXISTS (SELECT 1 FROM profiles WHERE profile_id = :profile_id)
ON CONFLICT (recommendation_id) DO NOTHING
"""


@dataclass(frozen=True)
class ServedList:
    """One answer."""

    recommendation_id: str
    """A UUID of 36 characters."""
    served_at: datetime
    """When, in UTC."""
    content_ids: tuple[str, ...]
    """What it held, best first."""
    chain: tuple[str, ...] = ()
    """What the pages before it held."""
    profile_id: str = ""
    """Whose list; empty = the household's."""


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
        self,
        recommendation_id: str,
        served_at: datetime,
        content_ids: Sequence[str],
        chain: Sequence[str] = (),
        profile_id: str = "",
    ) -> None:
        """Remembers a list without touching the disk.

        Args:
            recommendation_id: UUID of 36 characters.
            served_at: aware.
            content_ids: what it held, best first.
            chain: content ids of the pages before it.
            profile_id: whose list; it is not written once that profile is gone.
        """
        served = ServedList(
            recommendation_id, served_at, tuple(content_ids), tuple(chain), profile_id
        )
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
                "SELECT served_at, content_ids, chain, profile_id FROM recommendations "
                "WHERE recommendation_id = ?",
                (recommendation_id,),
            ).fetchone()
        if row is None:
            return None
        served_at, content_ids, chain, profile_id = row
        return ServedList(
            recommendation_id,
            from_micros(served_at),
            tuple(json.loads(content_ids)),
            tuple(json.loads(chain)),
            profile_id,
        )

    def place_of(self, recommendation_id: str, content_id: str) -> int:
        """Place of a title in a list, from 1; 0 = the list is not kept, or it was not in it."""
        served = self.get(recommendation_id)
        if served is None or content_id not in served.content_ids:
            return 0
        return served.content_ids.index(content_id) + 1

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
            _INSERT,
            [
                {
                    "recommendation_id": served.recommendation_id,
                    "served_at": to_micros(served.served_at),
                    "content_ids": json.dumps(served.content_ids),
                    "chain": json.dumps(served.chain),
                    "profile_id": served.profile_id,
                }
                for served in waiting.values()
            ],
        )
        connection.execute(
            "DELETE FROM recommendations WHERE seq <= (SELECT max(seq) FROM recommendations) - ?",
            (KEPT,),
        )
