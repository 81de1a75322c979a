"""Taste patterns: learnt online from viewings, kept in order by a slow consolidation."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

import numpy as np

from omega_agentdb import checks, skill_upkeep
from omega_agentdb.config import SkillConfig
from omega_agentdb.port import IdArray
from omega_agentdb.skill_set import Added, SkillSet, of_members
from omega_agentdb.skill_upkeep import Progress, UpkeepStep
from omega_agentdb.stores import SkillStore, TitleVectors
from omega_core import limits, validate
from omega_core.taste import Skill, SkillChanges, SkillMember, Tally, TasteViewing
from omega_core.vectors import FloatArray

STEP = 32
"""Viewings learnt in one step: some 10 ms."""


@dataclass(frozen=True)
class LearnStep:
    """What one step of learning did."""

    learnt_seq: int
    """Watermark: every viewing up to here is learnt."""
    counts: dict[str, int] = field(default_factory=dict)
    """What was changed -> how often."""
    finished: bool = True
    """False: viewings are left, call again with the same ones or more."""


class SkillLearner:
    """Clusters the titles that a profile watched, by their centred vectors. Safe for threads.

    A title that was not watched before joins the pattern of the nearest centroid if it lies near
    enough, else founds one (leader clustering, Hartigan 1975, with centroids that move). Each
    viewing counts for the household (profile "") and for the profile that watched, if any.
    """

    def __init__(
        self, store: SkillStore, vectors: TitleVectors, config: SkillConfig | None = None
    ) -> None:
        self._store = store
        self._vectors = vectors
        self._config = config or SkillConfig()
        self._mutex = threading.RLock()

    @property
    def config(self) -> SkillConfig:
        """Settings."""
        return self._config

    @property
    def model_version(self) -> str:
        """Encoder of the titles' vectors."""
        return self._vectors.model_version

    @property
    def store(self) -> SkillStore:
        """Where patterns are kept."""
        return self._store

    def learnt_seq(self) -> int:
        """Watermark: every viewing up to here is learnt; 0 = none."""
        return self._store.learnt_seq()

    def learn(self, viewings: Sequence[TasteViewing]) -> LearnStep:
        """Learns the first 32 of viewings that come after the watermark, in one transaction.

        Patterns of another encoder are rebuilt first.

        Args:
            viewings: everything that arrived since the watermark, or its beginning, in any order;
                what is learnt already is passed over.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: nothing was learnt.
        """
        with self._mutex:
            watermark = self._store.learnt_seq()
            new = sorted((v for v in viewings if v.seq > watermark), key=lambda v: v.seq)
            if not new:
                return LearnStep(watermark)
            turn, last = new[:STEP], new[min(STEP, len(new)) - 1].seq
            added = Added()
            self._store.save(self._taught(turn, added, learnt_seq=last))
            return LearnStep(last, asdict(added), finished=len(new) <= STEP)

    def found(self, name: str, centroid: FloatArray, at: datetime, *, profile_id: str = "") -> int:
        """Founds a pattern by hand, for titles to join.

        The next consolidation forgets it if none has, and names it after those that have.

        Args:
            name: 1 to 128 characters.
            centroid: (384,) centred, finite, not zero.
            at: the present instant, aware.
            profile_id: whose; empty = the household's.

        Returns:
            Its id.

        Raises:
            OmegaError: INVALID_FIELD, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._mutex:
            skill = Skill(
                skill_id=self._store.last_skill_id() + 1,
                profile_id=profile_id,
                name=validate.text("name", name, 128, 1),
                centroid=checks.query(centroid, 1, limits.DIMENSION),
                model_version=self._vectors.model_version,
                tally=Tally(at),
                members=0,
                resultant=0.0,
                created_at=at,
            )
            self._store.save(SkillChanges(skills=(skill,)))
            return skill.skill_id

    def count_for(self, skill_id: int, viewing: TasteViewing) -> Skill:
        """Counts a viewing by hand; a title that has no pattern yet becomes a member of this one.

        The watermark stays: do not give it viewings that `learn` is given too.

        Args:
            skill_id: a pattern of the profile `viewing.profile_id`.
            viewing: its seq is of no account.

        Returns:
            The pattern that the viewing counted for: the title's own if it had one.

        Raises:
            OmegaError: INVALID_FIELD (skill_id is unknown, or the title has no direction),
                STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._mutex:
            rowid, owner = viewing.content_rowid, viewing.profile_id
            patterns = self._opened(owner, np.array([rowid], np.int64))
            (vector,) = self._vectors.centred(np.array([rowid], np.int64))
            counted = patterns.count_for(skill_id, viewing, vector)
            self._store.save(
                SkillChanges(skills=patterns.changed_skills, members=patterns.changed_members)
            )
            return counted

    def consolidate(self, at: datetime, progress: Progress | None = None) -> UpkeepStep:
        """One step of keeping the patterns in order; see `omega_agentdb.skill_upkeep`.

        Args:
            at: the present instant, aware.
            progress: what the step before returned; None = from the beginning. A consolidation
                that begins again leaves what one run would have left.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: the step changed nothing.
        """
        with self._mutex:
            return skill_upkeep.consolidate(self, at, progress)

    def rebuild(self, progress: Progress | None = None) -> UpkeepStep:
        """One step of making every pattern anew from its members.

        Needed when titles' vectors changed: another encoder, another centring mean.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: the step changed nothing.
        """
        with self._mutex:
            return skill_upkeep.rebuild(self, progress)

    def pattern_of(self, content_rowid: int, profile_id: str = "") -> Skill | None:
        """The pattern that a title belongs to; None = it was not watched, or long ago."""
        return self._store.pattern_of(content_rowid, profile_id)

    def refreshed(self, skill: Skill) -> tuple[Skill, list[SkillMember], FloatArray]:
        """A pattern as its members make it, with them and their vectors (n, 384)."""
        members = self._store.members(skill.profile_id, skill_id=skill.skill_id)
        rows = self._vectors.centred(np.array([m.content_rowid for m in members], np.int64))
        if not members:
            return skill, members, rows
        fresh = of_members(
            skill, members, rows, self._vectors.model_version, self._config.half_life
        )
        return fresh, members, rows

    def _taught(
        self, viewings: Sequence[TasteViewing], added: Added, learnt_seq: int
    ) -> SkillChanges:
        rowids = np.array([viewing.content_rowid for viewing in viewings], np.int64)
        vectors = self._vectors.centred(rowids)
        next_id = self._store.last_skill_id() + 1
        sets = {
            owner: self._opened(owner, np.unique(rowids))
            for owner in sorted({"", *(viewing.profile_id for viewing in viewings)})
        }
        for viewing, vector in zip(viewings, vectors, strict=True):
            for owner in sorted({"", viewing.profile_id}):
                next_id = sets[owner].add(viewing, vector, next_id, added)
        return SkillChanges(
            skills=tuple(skill for each in sets.values() for skill in each.changed_skills),
            members=tuple(member for each in sets.values() for member in each.changed_members),
            learnt_seq=learnt_seq,
        )

    def _opened(self, owner: str, rowids: IdArray) -> SkillSet:
        version = self._vectors.model_version
        held = self._store.skills(owner)
        stale = {s.skill_id for s in held if s.members and s.model_version != version}
        skills = [self.refreshed(s)[0] if s.skill_id in stale else s for s in held]
        members = self._store.members(owner, rowids=rowids)
        return SkillSet(owner, self._config, version, skills, members, stale)
