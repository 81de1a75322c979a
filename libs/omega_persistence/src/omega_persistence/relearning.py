"""Forgets what the household as a whole learnt, so that it is learnt anew from what is left.

The household learns from everybody's viewings at once: once those of one profile are erased, their
share of what was learnt cannot be taken out. So all of it goes, and the watermarks of what learns
go back to the beginning. A note for each says up to where viewings are learnt again, for the
household alone: what the profiles learnt of their own stays. All of it stands in one transaction
with what was erased, so whoever dies on the way goes on at the next start.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from omega_persistence import causal, habits, keys, skills, watermark
from omega_persistence.database import Database

MARKS = (habits.LEARNT_SEQ, skills.LEARNT_SEQ, causal.LEARNT_SEQ)
"""Watermarks of what learns from single viewings."""
_NOTE = "_again"
_TIERS = (1, 2, 4, 6, 10)
"""Memories that viewings taught: Instant, Session, Semantic, Evolutionary, Temporal."""
_ALL = "TRUE"
FORGOTTEN: Mapping[str, str] = {
    "skill_members": _ALL,
    "skills": _ALL,
    "causal_edges": _ALL,
    "causal_totals": _ALL,
    "causal_tails": _ALL,
    "habits": _ALL,
    "memories": f"tier IN {_TIERS}",
}
"""Table -> which rows of the household as a whole go."""


def begin(connection: sqlite3.Connection) -> None:
    """Forgets what the household learnt, inside the transaction that erases viewings."""
    for table, which in FORGOTTEN.items():
        connection.execute(f"DELETE FROM {table} WHERE profile_id = '' AND ({which})")  # noqa: S608 - constants
    for mark in MARKS:
        until = max(watermark.read(connection, mark), watermark.read(connection, mark + _NOTE))
        connection.execute("DELETE FROM meta WHERE key = ?", (mark,))
        if until:
            connection.execute(keys.SET, (mark + _NOTE, str(until)))


class Relearning:
    """How far the household learns again. May raise STORAGE_UNAVAILABLE, writes STORAGE_FULL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def until(self, mark: str) -> int:
        """Seq up to which viewings are learnt again; 0 = nothing is to be learnt again.

        Args:
            mark: a watermark, one of MARKS.
        """
        with self._database.read() as connection:
            return watermark.read(connection, mark + _NOTE)

    def under_way(self) -> bool:
        """Whether anything is to be learnt again."""
        return any(self.until(mark) for mark in MARKS)

    def finish(self, mark: str) -> None:
        """Moves a watermark to where it was before: nothing up to there is left to learn from."""
        with self._database.transaction() as connection:
            until = watermark.read(connection, mark + _NOTE)
            if until > watermark.read(connection, mark):
                connection.execute(keys.SET, (mark, str(until)))
            connection.execute("DELETE FROM meta WHERE key = ?", (mark + _NOTE,))
