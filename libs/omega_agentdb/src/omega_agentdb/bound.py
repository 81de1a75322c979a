"""The one bound on patterns and causal edges: what is of least value goes first."""

from __future__ import annotations

from datetime import datetime

from omega_agentdb.config import AgentDBConfig
from omega_agentdb.stores import CausalStore, SkillStore
from omega_core.causes import CausalCount
from omega_core.taste import Skill, SkillChanges, decay

_SPARE = 0.05
"""Share of the bound that is made free at a time, so that not each step has to look."""
_TURN = 500
"""Rows forgotten in one transaction."""


def enforce(
    config: AgentDBConfig, skills: SkillStore, causal: CausalStore, at: datetime
) -> dict[str, int]:
    """Forgets what there is too much of, as of an instant; returns what was forgotten.

    A pattern is worth its decayed viewings, an edge its decayed joint ones; of equal ones, edges go
    first, and the others by name. A call that was broken off goes on with the next.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    excess = skills.count() + causal.count() - config.max_patterns
    if excess <= 0:
        return {}
    excess += int(_SPARE * config.max_patterns)
    least: list[tuple[float, int, tuple[str, ...], CausalCount | Skill]] = [
        (edge.value(at, config.causal.half_life), 0, _key(edge), edge) for edge in causal.edges()
    ]
    least += [
        (skill.value(at, config.skills.half_life), 1, (f"{skill.skill_id:020d}",), skill)
        for skill in skills.skills()
    ]
    least.sort(key=lambda each: each[:3])
    gone = [each for _, _, _, each in least[:excess]]
    edges = [_key(each) for each in gone if isinstance(each, CausalCount)]
    patterns = [each.skill_id for each in gone if isinstance(each, Skill)]
    for start in range(0, len(edges), _TURN):
        causal.remove(edges[start : start + _TURN])
    if patterns:
        skills.save(SkillChanges(removed=tuple(patterns)))
    return {"edges": len(edges), "patterns": len(patterns)}


def forget_faded(config: AgentDBConfig, causal: CausalStore, at: datetime) -> dict[str, int]:
    """Forgets edges and totals that decayed to nothing; returns what was forgotten.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    bound, half_life = config.causal.forget_below, config.causal.half_life
    edges = [_key(edge) for edge in causal.edges() if edge.value(at, half_life) < bound]
    totals = [
        (each.profile_id, each.kind, each.name)
        for profile_id in causal.profiles()
        for each in causal.totals(profile_id)
        if each.total * decay(each.last_observed, at, half_life) < bound
    ]
    for start in range(0, len(edges), _TURN):
        causal.remove(edges[start : start + _TURN])
    for start in range(0, len(totals), _TURN):
        causal.remove_totals(totals[start : start + _TURN])
    return {"edges": len(edges), "totals": len(totals)}


def _key(edge: CausalCount) -> tuple[str, str, str]:
    return edge.profile_id, edge.cause, edge.effect
