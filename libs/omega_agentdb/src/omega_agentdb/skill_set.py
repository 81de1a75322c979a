"""The patterns of one profile while a step of learning changes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from omega_agentdb.config import SkillConfig
from omega_agentdb.skill_geometry import direction
from omega_agentdb.skill_names import pattern_name
from omega_core.errors import invalid
from omega_core.taste import Skill, SkillMember, Tally, TasteViewing
from omega_core.vectors import FloatArray


@dataclass
class Added:
    """What a step did with viewings."""

    joined: int = 0
    """Titles that joined a pattern."""
    founded: int = 0
    """Patterns founded."""
    repeated: int = 0
    """Viewings of titles that had a pattern already."""
    unplaced: int = 0
    """Viewings of titles without a direction: they belong nowhere."""


class SkillSet:
    """Patterns of one profile, and those members that a step needs."""

    def __init__(
        self,
        profile_id: str,
        config: SkillConfig,
        model_version: str,
        skills: Sequence[Skill],
        members: Sequence[SkillMember],
        rebuilt: Iterable[int] = (),
    ) -> None:
        self._profile_id = profile_id
        self._config = config
        self._model_version = model_version
        self._skills = {skill.skill_id: skill for skill in skills}
        self._members = {member.content_rowid: member for member in members}
        self._touched_skills = set(rebuilt)
        self._touched_members: set[int] = set()

    @property
    def changed_skills(self) -> tuple[Skill, ...]:
        """Patterns that changed, by id, named anew."""
        return tuple(
            replace(skill, name=pattern_name(skill.contexts))
            for skill in (self._skills[i] for i in sorted(self._touched_skills))
        )

    @property
    def changed_members(self) -> tuple[SkillMember, ...]:
        """Members that changed, by rowid."""
        return tuple(self._members[i] for i in sorted(self._touched_members))

    def add(self, viewing: TasteViewing, vector: FloatArray, next_id: int, added: Added) -> int:
        """Takes a viewing of a title with a centred vector (d,); zero = it has no direction.

        Returns:
            The next id to give out.
        """
        known = self._members.get(viewing.content_rowid)
        if known is not None:
            added.repeated += 1
            self._count(self._skills[known.skill_id], known, viewing)
        elif not vector.any():
            added.unplaced += 1
        elif (nearest := self._nearest(vector)) is not None:
            added.joined += 1
            self.join(nearest, viewing, vector)
        else:
            added.founded += 1
            tally = Tally.of(viewing)
            self._put(
                Skill(
                    skill_id=next_id,
                    profile_id=self._profile_id,
                    name=pattern_name(tally.contexts),
                    centroid=vector,
                    model_version=self._model_version,
                    tally=tally,
                    members=1,
                    resultant=float(np.linalg.norm(vector)),
                    created_at=viewing.at,
                ),
                SkillMember(self._profile_id, viewing.content_rowid, next_id, tally),
            )
            return next_id + 1
        return next_id

    def count_for(self, skill_id: int, viewing: TasteViewing, vector: FloatArray) -> Skill:
        """Counts a viewing for its title's pattern, or for this one if it has none.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        known = self._members.get(viewing.content_rowid)
        if skill_id not in self._skills:
            raise invalid("skill_id", "a pattern of the profile")
        if known is not None:
            self._count(self._skills[known.skill_id], known, viewing)
            return self._skills[known.skill_id]
        if not vector.any():
            raise invalid("viewing.content_rowid", "a title with a direction")
        self.join(self._skills[skill_id], viewing, vector)
        return self._skills[skill_id]

    def join(self, skill: Skill, viewing: TasteViewing, vector: FloatArray) -> None:
        """Makes a viewed title that has no pattern yet a member of one."""
        total = _sum(skill) + vector
        centroid, resultant = direction(total)
        grown = replace(skill, centroid=centroid, resultant=resultant, members=skill.members + 1)
        empty = Tally(viewing.at)
        member = SkillMember(self._profile_id, viewing.content_rowid, skill.skill_id, empty)
        self._count(grown, member, viewing)

    def _count(self, skill: Skill, member: SkillMember, viewing: TasteViewing) -> None:
        half_life, tally = self._config.half_life, Tally.of(viewing)
        self._put(
            replace(skill, tally=skill.tally.plus(tally, half_life)),
            replace(member, tally=member.tally.plus(tally, half_life)),
        )

    def _put(self, skill: Skill, member: SkillMember) -> None:
        self._skills[skill.skill_id] = skill
        self._members[member.content_rowid] = member
        self._touched_skills.add(skill.skill_id)
        self._touched_members.add(member.content_rowid)

    def _nearest(self, vector: FloatArray) -> Skill | None:
        """The pattern that a title joins; equal cosines by id."""
        # One whose members have all lost their direction has none itself, and one without members
        # may be of another encoder.
        skills = [
            skill
            for _, skill in sorted(self._skills.items())
            if (skill.resultant or not skill.members) and skill.model_version == self._model_version
        ]
        if not skills:
            return None
        cosines = np.stack([skill.centroid for skill in skills]) @ vector
        best = int(cosines.argmax())
        full = len(skills) >= self._config.most_patterns
        return skills[best] if full or cosines[best] >= self._config.join_above else None


def of_members(
    skill: Skill,
    members: Sequence[SkillMember],
    vectors: FloatArray,
    model_version: str,
    half_life: timedelta,
) -> Skill:
    """A pattern with all that follows from its members (at least one) and their vectors (n, d).

    Titles without a direction count in the statistics; where none has one, the centroid stays.
    """
    tallies = [member.tally for member in members]
    tally = Tally.total(tallies, tallies[0].at, half_life)
    total = vectors.sum(axis=0, dtype=np.float64)
    centroid, resultant = direction(total)
    return replace(
        skill,
        name=pattern_name(tally.contexts),
        centroid=centroid if resultant else skill.centroid,
        model_version=model_version,
        tally=tally,
        members=len(members),
        resultant=resultant,
    )


def _sum(skill: Skill) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return skill.centroid.astype(np.float64) * skill.resultant
