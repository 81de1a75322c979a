"""What each profile watches by genre, time, mood and season: bodies that others make and read."""

from __future__ import annotations

from collections.abc import Mapping

from omega_persistence import watermark
from omega_persistence.database import Database

LEARNT_SEQ = "habits_learnt_seq"
"""Key of the table meta: the watermark."""


class HabitBodies:
    """The table of habits. Every method may raise STORAGE_UNAVAILABLE, writes STORAGE_FULL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def learnt_seq(self) -> int:
        """Watermark: every viewing up to here is counted; 0 = none."""
        with self._database.read() as connection:
            return watermark.read(connection, LEARNT_SEQ)

    def get(self, profile_id: str) -> str | None:
        """A profile's body, a JSON object; None = nothing was counted."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT body FROM habits WHERE profile_id = ?", (profile_id,)
            ).fetchone()
        return None if row is None else str(row[0])

    def profiles(self) -> list[str]:
        """Profiles with a body, ascending."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT profile_id FROM habits ORDER BY profile_id")
            return [str(row[0]) for row in rows]

    def save(self, bodies: Mapping[str, str], learnt_seq: int) -> None:
        """Keeps bodies by profile together with the watermark that they hold for.

        Raises:
            OmegaError: INTERNAL when viewings up to `learnt_seq` are counted already.
        """
        with self._database.transaction() as connection:
            watermark.advance(connection, LEARNT_SEQ, learnt_seq)
            connection.executemany(
                "INSERT INTO habits (profile_id, body) VALUES (?, ?) "
                "ON CONFLICT (profile_id) DO UPDATE SET body = excluded.body",
                bodies.items(),
            )
