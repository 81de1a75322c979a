"""Taste patterns and their members as rows."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_core.taste import Skill, SkillChanges, SkillMember, Tally
from omega_core.vectors import unit
from omega_persistence import Contents, Database
from omega_persistence.skills import LEARNT_SEQ, Skills

AT = datetime(2026, 3, 1, 20, 15, 0, 123_456, UTC)
TALLY = Tally(AT, 1.0 / 3, 0.1, 7, {"genre:Sci-Fi": 0.30000000000000004, "time_of_day:3": 1e-9})


@pytest.fixture
def skills(database: Database, contents: Contents) -> Skills:
    assert contents.count() == 10
    return Skills(database)


def skill(skill_id: int, profile_id: str = "", name: str = "Größe & Crime") -> Skill:
    row = np.random.default_rng(skill_id).normal(size=384).astype(np.float32)
    return Skill(
        skill_id, profile_id, name, unit(row), "encoder-1", TALLY, 2, 1.75, AT - timedelta(days=3)
    )


def member(rowid: int, skill_id: int, profile_id: str = "") -> SkillMember:
    return SkillMember(profile_id, rowid, skill_id, TALLY)


def test_patterns_come_back_to_the_last_bit(skills: Skills) -> None:
    made = [skill(3), skill(5, "ann")]
    skills.save(SkillChanges(skills=tuple(made), members=(member(2, 3), member(2, 5, "ann"))))
    assert skills.skills() == made
    np.testing.assert_array_equal(skills.skills()[0].centroid, made[0].centroid)
    assert skills.skills("ann") == [made[1]]
    assert skills.members("") == [member(2, 3)]
    assert skills.members("ann", skill_id=5) == [member(2, 5, "ann")]
    assert (skills.profiles(), skills.count(), skills.member_count()) == (["", "ann"], 2, 2)


def test_members_are_asked_for_by_pattern_and_title(skills: Skills) -> None:
    rows = tuple(member(rowid, 1 + rowid % 2) for rowid in range(1, 9))
    skills.save(SkillChanges(skills=(skill(1), skill(2)), members=rows))
    assert [m.content_rowid for m in skills.members("", skill_id=1)] == [2, 4, 6, 8]
    wanted = np.array([8, 3, 99], np.int64)
    assert [m.content_rowid for m in skills.members("", rowids=wanted)] == [3, 8]
    assert [m.content_rowid for m in skills.members("", skill_id=1, rowids=wanted)] == [8]
    pattern = skills.pattern_of(3)
    assert pattern is not None
    assert pattern.skill_id == 2
    assert skills.pattern_of(3, "ann") is None
    assert skills.pattern_of(9) is None


def test_a_profiles_patterns_can_be_walked_one_by_one(skills: Skills) -> None:
    skills.save(SkillChanges(skills=(skill(2), skill(3, "ann"), skill(7), skill(9, "ann"))))
    assert skills.skill_after("", 0) == skill(2)
    assert skills.skill_after("", 2) == skill(7)
    assert skills.skill_after("", 7) is None
    assert skills.skill_after("ann", 3) == skill(9, "ann")


def test_changes_replace_move_and_remove_in_one_transaction(skills: Skills) -> None:
    skills.save(SkillChanges(skills=(skill(1), skill(2)), members=(member(1, 1), member(2, 2))))
    grown = replace(skill(1), name="Grown", members=3)
    skills.save(SkillChanges(skills=(grown,), members=(member(2, 1),), removed=(2,), learnt_seq=40))
    assert skills.skills() == [grown]
    assert skills.members("") == [member(1, 1), member(2, 1)]
    assert skills.learnt_seq() == 40


def test_members_that_stay_with_a_removed_pattern_go_with_it(skills: Skills) -> None:
    skills.save(SkillChanges(skills=(skill(1),), members=(member(1, 1), member(2, 1))))
    skills.save(SkillChanges(removed=(1,)))
    assert (skills.count(), skills.member_count()) == (0, 0)


def test_an_id_is_never_given_out_twice(skills: Skills) -> None:
    assert skills.last_skill_id() == 0
    skills.save(SkillChanges(skills=(skill(7),)))
    skills.save(SkillChanges(removed=(7,)))
    assert skills.last_skill_id() == 7


def test_what_is_learnt_already_is_not_stored_again(skills: Skills) -> None:
    skills.save(SkillChanges(skills=(skill(1),), learnt_seq=10))
    for seq in (10, 9):
        with pytest.raises(OmegaError) as refused:
            skills.save(SkillChanges(skills=(skill(2),), learnt_seq=seq))
        assert refused.value.code is ErrorCode.INTERNAL
    assert ([s.skill_id for s in skills.skills()], skills.learnt_seq()) == ([1], 10)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "x" * 129},
        {"centroid": np.zeros(384, np.float32)},
        {"centroid": np.ones(383, np.float32)},
        {"skill_id": 0},
        {"model_version": ""},
        {"resultant": -0.1},
    ],
)
def test_what_breaks_a_bound_is_refused_whole(skills: Skills, changes: dict[str, object]) -> None:
    bad = replace(skill(2), **changes)  # type: ignore[arg-type]  # fields by name
    with pytest.raises((OmegaError, sqlite3.Error)):
        skills.save(SkillChanges(skills=(skill(1), bad), learnt_seq=5))
    assert (skills.count(), skills.learnt_seq()) == (0, 0)


def test_a_member_needs_a_title_and_a_pattern(skills: Skills) -> None:
    for row in (member(99, 1), member(1, 2)):
        with pytest.raises(sqlite3.IntegrityError):
            skills.save(SkillChanges(skills=(skill(1),), members=(row,)))
    assert skills.count() == 0


def test_clearing_forgets_a_profile_or_all(skills: Skills, database: Database) -> None:
    skills.save(
        SkillChanges(
            skills=(skill(1), skill(2, "ann")),
            members=(member(1, 1), member(1, 2, "ann")),
            learnt_seq=3,
        )
    )
    assert skills.clear("ann") == 1
    assert [s.skill_id for s in skills.skills()] == [1]
    assert skills.clear() == 1
    assert (skills.count(), skills.member_count(), skills.learnt_seq()) == (0, 0, 3)
    with database.read() as connection:
        query = "SELECT value FROM meta WHERE key = ?"
        assert connection.execute(query, (LEARNT_SEQ,)).fetchone() == ("3",)
