"""Viewings as episodes. Answers the port EpisodeStore of omega_agentdb; read from the events."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from omega_core.episodes import TASK, Episode, EpisodeTotals
from omega_core.viewing import SUCCESS_ABOVE, Verdict, ViewingEvent
from omega_persistence.database import Database
from omega_persistence.event_rows import SELECT, RecordedEvent, recorded_event
from omega_persistence.events import Events

_SUCCESS = f"(watch_percentage > {SUCCESS_ABOVE} AND verdict <> {int(Verdict.DISLIKED)})"
"""ViewingEvent.success of a row."""


class Episodes:
    """The table of viewings, seen as episodes. Every method may raise STORAGE_UNAVAILABLE.

    profile_id "" is the household: everybody's viewings. `success` None = either way.
    """

    def __init__(self, database: Database, events: Events) -> None:
        self._database = database
        self._events = events

    def record(self, event: ViewingEvent) -> bool:
        """Stores a viewing, durably; False when its id is known.

        Raises:
            OmegaError: UNKNOWN_CONTENT, STORAGE_FULL.
        """
        return self._events.record(event)

    def titles(
        self, profile_id: str = "", *, success: bool | None = None, min_reward: float = 0.0
    ) -> NDArray[np.int64]:
        """Rowids (n,) int64, ascending, of titles with such an episode."""
        where, given = _filter(profile_id, success, min_reward)
        query = f"SELECT DISTINCT content_rowid FROM events{where} ORDER BY 1"  # noqa: S608 - constants
        with self._database.read() as connection:
            rows = connection.execute(query, given).fetchall()
        return np.array([row[0] for row in rows], np.int64)

    def last_of(
        self,
        rowids: Sequence[int],
        profile_id: str = "",
        *,
        success: bool | None = None,
        min_reward: float = 0.0,
    ) -> dict[int, Episode]:
        """The last such episode of each title that has one."""
        where, given = _filter(profile_id, success, min_reward)
        where += " AND content_rowid IN (SELECT value FROM json_each(?))"
        found = self._episodes(where, *given, json.dumps(list(rowids)))
        return {episode.content_rowid: episode for episode in found}

    def by_session(self, session_id: str) -> list[Episode]:
        """Episodes of a session, oldest first."""
        return self._episodes(" WHERE session_id = ?", session_id)

    def analyze(self, task_prefix: str = "", profile_id: str | None = None) -> EpisodeTotals:
        """Sums over the episodes whose task begins so; profile None or "" = everybody's."""
        where, given = _filter(profile_id or "", None, 0.0)
        with self._database.read() as connection:
            count, successes, reward, seconds = connection.execute(
                f"SELECT count(*), total({_SUCCESS}), avg(reward), "  # noqa: S608 - constants
                "avg(nullif(watch_seconds, 0)) FROM events JOIN contents USING (content_rowid)"
                f"{where} AND substr(? || title, 1, length(?)) = ?",
                (*given, TASK, task_prefix, task_prefix),
            ).fetchone()
        return EpisodeTotals(
            count=count,
            success_rate=successes / count if count else 0.0,
            mean_reward=reward or 0.0,
            mean_seconds=seconds or 0.0,
        )

    def count(self) -> int:
        """Number of episodes."""
        return self._events.count()

    def _episodes(self, where: str, *given: str | float) -> list[Episode]:
        query = f"{SELECT}{where} ORDER BY occurred_at, seq"
        with self._database.read() as connection:
            found = [recorded_event(row) for row in connection.execute(query, given)]
            titles = dict(
                connection.execute(
                    "SELECT content_rowid, title FROM contents "
                    "WHERE content_rowid IN (SELECT value FROM json_each(?))",
                    (json.dumps(sorted({entry.content_rowid for entry in found})),),
                ).fetchall()
            )
        return [_episode(entry, titles[entry.content_rowid]) for entry in found]


def _filter(
    profile_id: str, success: bool | None, min_reward: float
) -> tuple[str, tuple[str | float, ...]]:
    """A WHERE clause and what it is given."""
    where, given = " WHERE reward >= ?", (min_reward,)
    if success is not None:
        where += f" AND {'' if success else 'NOT '}{_SUCCESS}"
    if profile_id:
        return f"{where} AND profile_id = ?", (*given, profile_id)
    return where, given


def _episode(entry: RecordedEvent, title: str) -> Episode:
    event = entry.event
    return Episode(event.event_id, event.session_id, f"{TASK}{title}", entry.content_rowid, event)
