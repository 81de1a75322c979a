"""The slow upkeep of taste patterns: made anew from members, pruned, merged, split.

Each step is one transaction, and what a step does follows from what is stored: so a run that was
broken off begins again and ends where it would have ended. For each profile in turn:

1. refresh: each pattern is made anew from its members; what decayed to nothing is forgotten;
2. merge: the two patterns whose centroids lie closest become one, until no two lie too close; above
   the bound, patterns of least value are forgotten;
3. split: a pattern whose members lie better in two halves is divided, unless a half would lie so
   close to another pattern that it would be merged. So a split never undoes a merge, nor is undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Protocol

import numpy as np

from omega_agentdb.config import SkillConfig
from omega_agentdb.skill_geometry import Halves, divide
from omega_agentdb.skill_set import of_members
from omega_agentdb.stores import SkillStore
from omega_core.taste import Skill, SkillChanges, SkillMember
from omega_core.vectors import FloatArray


class Phase(IntEnum):
    """What is being done for a profile."""

    REFRESH = 1
    MERGE = 2
    SPLIT = 3


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    profile_id: str
    """The profile at hand."""
    phase: Phase = Phase.REFRESH
    """What is being done for it."""
    skill_id: int = 0
    """The last pattern looked at."""


@dataclass(frozen=True)
class UpkeepStep:
    """What one step did."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """What was changed -> how often: refreshed, pruned, merged, split."""
    progress: Progress | None = None
    """For the next step; None = finished."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.progress is None


class Patterns(Protocol):
    """What the upkeep needs of the learner."""

    @property
    def config(self) -> SkillConfig:
        """Settings."""
        ...

    @property
    def store(self) -> SkillStore:
        """Where patterns are kept."""
        ...

    @property
    def model_version(self) -> str:
        """Encoder of the titles' vectors."""
        ...

    def refreshed(self, skill: Skill) -> tuple[Skill, list[SkillMember], FloatArray]:
        """A pattern as its members make it, with them and their vectors (n, 384)."""
        ...


def consolidate(patterns: Patterns, at: datetime, progress: Progress | None) -> UpkeepStep:
    """One step of a consolidation; `SkillLearner.consolidate` says more."""
    here = progress or _profile_after(patterns, None)
    if here is None:
        return UpkeepStep()
    step = {Phase.REFRESH: _refresh, Phase.MERGE: _merge, Phase.SPLIT: _split}[here.phase]
    done = step(patterns, at, here)
    if done is not None:
        return done
    if here.phase is Phase.SPLIT:
        return UpkeepStep(progress=_profile_after(patterns, here.profile_id))
    return UpkeepStep(progress=Progress(here.profile_id, Phase(here.phase + 1)))


def rebuild(patterns: Patterns, progress: Progress | None) -> UpkeepStep:
    """One step of a rebuild; `SkillLearner.rebuild` says more."""
    here = progress or _profile_after(patterns, None)
    if here is None:
        return UpkeepStep()
    return _refresh(patterns, None, here) or UpkeepStep(
        progress=_profile_after(patterns, here.profile_id)
    )


def _profile_after(patterns: Patterns, profile_id: str | None) -> Progress | None:
    profiles = patterns.store.profiles()
    later = (p for p in profiles if profile_id is None or p > profile_id)
    return next((Progress(p) for p in later), None)


def _refresh(patterns: Patterns, at: datetime | None, here: Progress) -> UpkeepStep | None:
    """Makes the next pattern anew; at an instant, forgets it if it decayed to nothing."""
    skill = patterns.store.skill_after(here.profile_id, here.skill_id)
    if skill is None:
        return None
    ahead = replace(here, skill_id=skill.skill_id)
    fresh, _, _ = patterns.refreshed(skill)
    config = patterns.config
    if at is not None and fresh.value(at, config.half_life) < config.prune_below:
        patterns.store.save(SkillChanges(removed=(skill.skill_id,)))
        return UpkeepStep({"pruned": 1}, ahead)
    if _same(skill, fresh):
        return UpkeepStep(progress=ahead)
    patterns.store.save(SkillChanges(skills=(fresh,)))
    return UpkeepStep({"refreshed": 1}, ahead)


def _merge(patterns: Patterns, at: datetime, here: Progress) -> UpkeepStep | None:
    """Merges the two closest patterns if they lie too close, or forgets one too many."""
    config, store = patterns.config, patterns.store
    skills = store.skills(here.profile_id)
    pair = _closest(skills, config.merge_above)
    if pair is not None:
        store.save(_merged(patterns, *pair))
        return UpkeepStep({"merged": 1}, here)
    excess = len(skills) - config.most_patterns
    if excess > 0:
        least = sorted(skills, key=lambda s: (s.value(at, config.half_life), s.skill_id))
        store.save(SkillChanges(removed=tuple(skill.skill_id for skill in least[:excess])))
        return UpkeepStep({"pruned": excess}, here)
    return None


def _merged(patterns: Patterns, kept: Skill, gone: Skill) -> SkillChanges:
    """Two patterns as one, which is the older one."""
    parts = [patterns.refreshed(skill)[1:] for skill in (kept, gone)]
    moved = [member.moved(kept.skill_id) for member in parts[1][0]]
    members, vectors = parts[0][0] + moved, np.concatenate([rows for _, rows in parts])
    # By rowid, as a refresh will find them: the same sums to the last bit.
    order = np.argsort([member.content_rowid for member in members])
    whole = of_members(
        replace(kept, created_at=min(kept.created_at, gone.created_at)),
        [members[i] for i in order.tolist()],
        vectors[order],
        patterns.model_version,
        patterns.config.half_life,
    )
    return SkillChanges(skills=(whole,), members=tuple(moved), removed=(gone.skill_id,))


def _split(patterns: Patterns, _at: datetime, here: Progress) -> UpkeepStep | None:
    """Divides the next pattern if it should be; its halves are looked at again."""
    skill = patterns.store.skill_after(here.profile_id, here.skill_id)
    if skill is None:
        return None
    ahead = replace(here, skill_id=skill.skill_id)
    config = patterns.config
    if skill.members < 2 * config.least_half:
        return UpkeepStep(progress=ahead)
    _, members, vectors = patterns.refreshed(skill)
    halves = divide(vectors)
    if halves is None or not _apart(patterns, skill, halves):
        return UpkeepStep(progress=ahead)
    # The half that was watched more stays the pattern that it was.
    sides = [
        [m for m, s in zip(members, halves.second, strict=True) if s == side] for side in (0, 1)
    ]
    weights = [sum(m.tally.viewings for m in side) for side in sides]
    kept = int(weights[1] > weights[0])
    moved = np.asarray(halves.second != kept)
    new_id = patterns.store.last_skill_id() + 1
    version, half_life = patterns.model_version, config.half_life
    stays = of_members(skill, sides[kept], vectors[~moved], version, half_life)
    leaves = replace(skill, skill_id=new_id)
    leaves = of_members(leaves, sides[1 - kept], vectors[moved], version, half_life)
    patterns.store.save(
        SkillChanges(
            skills=(stays, leaves), members=tuple(m.moved(new_id) for m in sides[1 - kept])
        )
    )
    return UpkeepStep({"split": 1}, here)


def _apart(patterns: Patterns, skill: Skill, halves: Halves) -> bool:
    """Whether two halves of a pattern lie well apart, from each other and from the others."""
    config = patterns.config
    sizes = (int(halves.second.sum()), int((~halves.second).sum()))
    if min(sizes) < config.least_half or halves.silhouette < config.split_above:
        return False
    others = [s for s in patterns.store.skills(skill.profile_id) if s.skill_id != skill.skill_id]
    if len(others) + 2 > config.most_patterns:
        return False
    if float(halves.centroids[0] @ halves.centroids[1]) >= config.merge_above:
        return False
    if not others:
        return True
    cosines = np.stack([other.centroid for other in others]) @ halves.centroids.T
    return bool(cosines.max() < config.merge_above)


def _closest(skills: list[Skill], least: float) -> tuple[Skill, Skill] | None:
    """The two closest patterns by id, if their cosine is at least so much."""
    with_members = [skill for skill in skills if skill.members]
    if len(with_members) < 2:  # noqa: PLR2004 - a pair
        return None
    centroids = np.stack([skill.centroid for skill in with_members])
    cosines = np.triu(centroids @ centroids.T, 1) - 2 * np.tri(len(with_members))
    first, second = np.unravel_index(int(cosines.argmax()), cosines.shape)
    if cosines[first, second] < least:
        return None
    return with_members[int(first)], with_members[int(second)]


def _same(old: Skill, new: Skill) -> bool:
    return old == new and bool(np.array_equal(old.centroid, new.centroid))
