"""Taste patterns and their members. Answers the port SkillStore of omega_agentdb."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omega_core import limits, validate
from omega_core.taste import Skill, SkillChanges, SkillMember
from omega_core.vectors import pack_f32, unpack_f32
from omega_persistence import tallies, watermark
from omega_persistence.database import Database
from omega_persistence.times import from_micros, to_micros

LEARNT_SEQ = "skills_learnt_seq"
"""Key of the table meta: the watermark."""
_SKILL = f"skill_id, profile_id, name, centroid, model_version, members, resultant, created_at, \
{tallies.COLUMNS}"
_MEMBER = f"profile_id, content_rowid, skill_id, {tallies.COLUMNS}"


class Skills:
    """The tables of patterns. Every method may raise STORAGE_UNAVAILABLE, writes STORAGE_FULL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def learnt_seq(self) -> int:
        """Watermark: every viewing up to here is learnt; 0 = none."""
        with self._database.read() as connection:
            return watermark.read(connection, LEARNT_SEQ)

    def last_skill_id(self) -> int:
        """Greatest id ever given out; 0 = none."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'skills'"
            ).fetchone()
        return 0 if row is None else int(row[0])

    def profiles(self) -> list[str]:
        """Profiles with patterns, ascending."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT DISTINCT profile_id FROM skills ORDER BY 1")
            return [str(row[0]) for row in rows]

    def skills(self, profile_id: str | None = None) -> list[Skill]:
        """Patterns of a profile (None = of all), by id."""
        where = "" if profile_id is None else " WHERE profile_id = ?"
        return self._skills(where, *(() if profile_id is None else (profile_id,)))

    def skill_after(self, profile_id: str, skill_id: int) -> Skill | None:
        """The pattern of a profile with the next greater id; None = there is none."""
        where = (
            " WHERE skill_id = (SELECT min(skill_id) FROM skills"
            " WHERE profile_id = ? AND skill_id > ?)"
        )
        return next(iter(self._skills(where, profile_id, skill_id)), None)

    def members(
        self,
        profile_id: str,
        *,
        skill_id: int | None = None,
        rowids: NDArray[np.int64] | None = None,
    ) -> list[SkillMember]:
        """Members of a profile's patterns by rowid, of one pattern or among `rowids` if given."""
        query = f"SELECT {_MEMBER} FROM skill_members WHERE profile_id = ?"  # noqa: S608 - constants
        given: list[str | int] = [profile_id]
        if skill_id is not None:
            query += " AND skill_id = ?"
            given.append(skill_id)
        if rowids is not None:
            query += " AND content_rowid IN (SELECT value FROM json_each(?))"
            given.append(json.dumps(rowids.tolist()))
        with self._database.read() as connection:
            rows = connection.execute(f"{query} ORDER BY content_rowid", given).fetchall()
        return [SkillMember(row[0], row[1], row[2], tallies.tally(row[3:])) for row in rows]

    def pattern_of(self, content_rowid: int, profile_id: str = "") -> Skill | None:
        """The pattern that a title belongs to."""
        where = (
            " WHERE skill_id = (SELECT skill_id FROM skill_members"
            " WHERE profile_id = ? AND content_rowid = ?)"
        )
        return next(iter(self._skills(where, profile_id, content_rowid)), None)

    def count(self) -> int:
        """Number of patterns."""
        return self._count("skills")

    def member_count(self) -> int:
        """Number of members of all patterns."""
        return self._count("skill_members")

    def save(self, changes: SkillChanges) -> None:
        """Stores changes in one transaction.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE, INVALID_FIELD: nothing was stored.
        """
        skills = [_skill_values(skill, f"skills[{i}]") for i, skill in enumerate(changes.skills)]
        with self._database.transaction() as connection:
            connection.executemany(_upsert("skills", _SKILL, "skill_id"), skills)
            connection.executemany(
                _upsert("skill_members", _MEMBER, "profile_id, content_rowid"),
                [
                    (m.profile_id, m.content_rowid, m.skill_id, *tallies.values(m.tally))
                    for m in changes.members
                ],
            )
            connection.executemany(
                "DELETE FROM skills WHERE skill_id = ?", [(i,) for i in changes.removed]
            )
            if changes.learnt_seq is not None:
                watermark.advance(connection, LEARNT_SEQ, changes.learnt_seq)

    def clear(self, profile_id: str | None = None) -> int:
        """Forgets a profile's patterns (None = all); returns how many. The watermark stays."""
        with self._database.transaction() as connection:
            if profile_id is None:
                return connection.execute("DELETE FROM skills").rowcount
            query = "DELETE FROM skills WHERE profile_id = ?"
            return connection.execute(query, (profile_id,)).rowcount

    def _skills(self, where: str, *given: str | int) -> list[Skill]:
        query = f"SELECT {_SKILL} FROM skills{where} ORDER BY skill_id"  # noqa: S608 - constants
        with self._database.read() as connection:
            rows = connection.execute(query, given).fetchall()
        return [_skill(row) for row in rows]

    def _count(self, table: str) -> int:
        with self._database.read() as connection:
            query = f"SELECT count(*) FROM {table}"  # noqa: S608 - one of ours
            return int(connection.execute(query).fetchone()[0])


def _upsert(table: str, columns: str, key: str) -> str:
    names = columns.split(", ")
    sets = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key.split(", "))
    places = ", ".join("?" * len(names))
    return (
        f"INSERT INTO {table} ({columns}) VALUES ({places}) "  # noqa: S608 - constants
        f"ON CONFLICT ({key}) DO UPDATE SET {sets}"
    )


def _skill_values(skill: Skill, at: str) -> tuple[object, ...]:
    vector = validate.vector(f"{at}.centroid", skill.centroid, limits.DIMENSION)
    return (
        validate.integer(f"{at}.skill_id", skill.skill_id, 1, 2**63 - 1),
        skill.profile_id,
        validate.text(f"{at}.name", skill.name, 128, 1),
        pack_f32(vector),
        validate.text(f"{at}.model_version", skill.model_version, limits.MAX_SHORT_ID, 1),
        skill.members,
        skill.resultant,
        to_micros(skill.created_at),
        *tallies.values(skill.tally),
    )


def _skill(row: tuple[Any, ...]) -> Skill:
    skill_id, profile_id, name, centroid, model_version, members, resultant, created_at = row[:8]
    return Skill(
        skill_id=skill_id,
        profile_id=profile_id,
        name=name,
        centroid=unpack_f32("centroid", centroid, limits.DIMENSION),
        model_version=model_version,
        tally=tallies.tally(row[8:]),
        members=members,
        resultant=resultant,
        created_at=from_micros(created_at),
    )
