"""The people of a household, and the erasure of one of them."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any

from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.profile import Profile, check_profile
from omega_core.viewing import SUCCESS_ABOVE, Verdict
from omega_persistence import erasure, keys, pair_reports, pushed, relearning
from omega_persistence.database import Database

BOUND_TABLES = (
    "events",
    "title_records",
    "interactions",
    "skill_members",
    "skills",
    "memories",
    "habits",
    "causal_edges",
    "causal_totals",
    "causal_tails",
    "recommendations",
    "profiles",
)
"""Every table with a column profile_id; what refers to another one comes before it."""
_SELECT = "SELECT profile_id, name, max_age_rating, blocked_genres FROM profiles "
_UPSERT = """
INSERT INTO profiles (profile_id, name, max_age_rating, blocked_genres) VALUES (?, ?, ?, ?)
ON CONFLICT (profile_id) DO UPDATE SET name = excluded.name,
    max_age_rating = excluded.max_age_rating, blocked_genres = excluded.blocked_genres
"""
_VIEWINGS = """
SELECT (SELECT count(*) FROM events WHERE profile_id = :id)
    + (SELECT coalesce(sum(viewings), 0) FROM title_records WHERE profile_id = :id)
"""
_LIKED = """
    SELECT content_rowid FROM events WHERE watch_percentage > ? AND verdict <> ?
    UNION ALL SELECT content_rowid FROM title_records WHERE successes > 0
"""
_ORPHANS = f"SELECT 1 FROM sketches WHERE content_rowid NOT IN ({_LIKED}) LIMIT 1"  # noqa: S608 - constants
_TOLD_ORPHANS = f"""
WITH liked AS ({_LIKED})
DELETE FROM pair_reports WHERE low NOT IN (SELECT content_rowid FROM liked)
    OR high NOT IN (SELECT content_rowid FROM liked)
"""  # noqa: S608 - constants


class Profiles:
    """The table of profiles. The household as a whole has none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, profile: Profile) -> bool:
        """Adds or replaces a profile by its id.

        Returns:
            Whether there was none of this id.

        Raises:
            OmegaError: INVALID_FIELD (a bound of the profile, or field profile: one too many),
                STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        check_profile(profile)
        with self._database.transaction() as connection:
            others, known = connection.execute(
                "SELECT count(*) FILTER (WHERE profile_id <> :id), "
                "count(*) FILTER (WHERE profile_id = :id) FROM profiles",
                {"id": profile.profile_id},
            ).fetchone()
            if others >= limits.MAX_PROFILES:
                raise invalid("profile", f"one of at most {limits.MAX_PROFILES}")
            connection.execute(
                _UPSERT,
                (
                    profile.profile_id,
                    profile.name,
                    profile.max_age_rating,
                    json.dumps(profile.blocked_genres, ensure_ascii=False),
                ),
            )
        return not known

    def get(self, profile_id: str) -> Profile | None:
        """The profile of that id."""
        with self._database.read() as connection:
            row = connection.execute(_SELECT + "WHERE profile_id = ?", (profile_id,)).fetchone()
        return None if row is None else _profile(row)

    def all(self) -> list[Profile]:
        """Every profile, by id."""
        with self._database.read() as connection:
            rows = connection.execute(_SELECT + "ORDER BY profile_id").fetchall()
        return [_profile(row) for row in rows]

    def delete(self, profile_id: str) -> int:
        """Erases a profile with every row that is bound to it, all of them or none.

        With them goes what the household as a whole learnt, to be learnt anew from what is left
        (`relearning`). Where a sketch was drawn for a title that nobody is left to have succeeded
        with, the identity is laid down for the fleet to forget, and every sketch and its noise
        goes: no title ever has two draws under one identity. Reports of pairs that wait are
        dropped, and so are the marks of what was told of titles that nobody is left to have
        succeeded with.

        Then the file is written anew and backed up, so that neither holds a byte of what went;
        other use of the database waits meanwhile. Not for the inside of a transaction.

        Returns:
            Number of its viewings that were erased, those folded into records included.

        Raises:
            OmegaError: UNKNOWN_PROFILE (field profile_id), STORAGE_FULL, STORAGE_UNAVAILABLE;
                where the rows are gone already, the next call or start finishes the files.
        """
        with self._database.alone():
            erasure.finish(self._database)
            with self._database.transaction() as connection:
                if self.get(profile_id) is None:
                    raise OmegaError(ErrorCode.UNKNOWN_PROFILE, field="profile_id")
                (viewings,) = connection.execute(_VIEWINGS, {"id": profile_id}).fetchone()
                for table in BOUND_TABLES:
                    connection.execute(f"DELETE FROM {table} WHERE profile_id = ?", (profile_id,))  # noqa: S608 - constants only
                relearning.begin(connection)
                _retire_orphans(connection, self._database.now())
                pair_reports.close(connection)
                connection.execute(_TOLD_ORPHANS, (SUCCESS_ABOVE, int(Verdict.DISLIKED)))
                connection.execute(keys.SET, (keys.UNCLEAN, "1"))
            erasure.finish(self._database)
        return int(viewings)


def _retire_orphans(connection: sqlite3.Connection, now: datetime) -> None:
    """Has the fleet forget this TV where it was told of a title for the erased profile's sake."""
    given = (SUCCESS_ABOVE, int(Verdict.DISLIKED))
    if connection.execute(_ORPHANS, given).fetchone() is not None:
        pushed.lay_down(connection, now)


def _profile(row: tuple[Any, ...]) -> Profile:
    profile_id, name, max_age_rating, blocked_genres = row
    return Profile(profile_id, name, max_age_rating, tuple(json.loads(blocked_genres)))
