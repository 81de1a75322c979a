"""Taste patterns by name and by direction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from omega_agentdb import checks
from omega_core import limits, validate
from omega_core.taste import Skill
from omega_core.vectors import FloatArray


class FoundSkill(NamedTuple):
    """A pattern near a direction."""

    skill: Skill
    """The pattern."""
    similarity: float
    """Cosine of its centroid, -1 to 1."""


def search(skills: Sequence[Skill], text: str, limit: int, at: datetime) -> list[Skill]:
    """Patterns whose name holds a text, without case, by decayed successes; equal ones by id.

    Args:
        skills: where to look.
        text: empty = all.
        limit: most patterns, at least 1.
        at: the present instant, aware.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.text("text", text, limits.MAX_QUERY)
    validate.integer("limit", limit, 1, 2**31 - 1)
    named = [skill for skill in skills if text.lower() in skill.name.lower()]
    named.sort(key=lambda skill: (-skill.value(at) * skill.success_rate, skill.skill_id))
    return named[:limit]


def nearest(skills: Sequence[Skill], vector: FloatArray, k: int) -> list[FoundSkill]:
    """The k patterns nearest to a direction, nearest first; equal ones by id.

    Args:
        skills: where to look.
        vector: (384,) centred, finite, not zero.
        k: most patterns, at least 1.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    query = checks.query(vector, k, limits.DIMENSION)
    if not skills:
        return []
    cosines = np.stack([skill.centroid for skill in skills]) @ query
    ids = np.array([skill.skill_id for skill in skills], np.int64)
    order = np.lexsort((ids, -cosines))[:k]
    return [FoundSkill(skills[i], float(np.clip(cosines[i], -1, 1))) for i in order.tolist()]
