"""Three modes of answering, derived from which parts work."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from omega_runtime.health import Health, Status, Watched


class Part(StrEnum):
    """A part of the TV that can fail by itself."""

    ENCODER = "encoder"
    """Turns text into vectors."""
    INDEX = "index"
    """Graph index of the vectors."""
    STORE = "store"
    """Database of the TV."""
    SYNC = "sync"
    """Exchange with the fleet."""
    RANKER = "ranker"
    """Orders and diversifies candidates."""


WATCHED = tuple(Watched(part, vital=part is Part.STORE) for part in Part)
"""The parts as a health monitor wants them: without the store nothing of the household is known;
each other part has a substitute."""


class Mode(StrEnum):
    """How good an answer can be."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True)
class Allowance:
    """What an answer may use."""

    encoder: bool
    """Fresh vectors of the context; else only those that are cached."""
    graph_index: bool
    """Approximate search in the graph."""
    exact_search: bool
    """Search by comparison with every vector."""
    cached_contexts: bool
    """Vectors of contexts met before."""
    re_rank: bool
    """The ranker; else the order of similarity."""
    popular_lists: bool = True
    """The list shipped with the firmware and what is popular in the fleet."""


ALLOWANCES: Mapping[Mode, Allowance] = MappingProxyType(
    {
        Mode.HEALTHY: Allowance(
            encoder=True, graph_index=True, exact_search=True, cached_contexts=True, re_rank=True
        ),
        Mode.DEGRADED: Allowance(
            encoder=False, graph_index=False, exact_search=True, cached_contexts=True, re_rank=False
        ),
        Mode.UNHEALTHY: Allowance(
            encoder=False,
            graph_index=False,
            exact_search=False,
            cached_contexts=False,
            re_rank=False,
        ),
    }
)
"""What each mode may use."""

_FULL = frozenset({Part.ENCODER, Part.INDEX, Part.STORE, Part.RANKER})


def mode_of(working: AbstractSet[Part]) -> Mode:
    """The best mode that the working parts allow.

    Sync changes nothing here: a TV without network answers as well as before.
    """
    if working >= _FULL:
        return Mode.HEALTHY
    return Mode.DEGRADED if Part.STORE in working else Mode.UNHEALTHY


def working_parts(health: Health) -> frozenset[Part]:
    """Parts that are watched and not unhealthy.

    A stale part counts as working: one that is only asked on demand would otherwise never be
    asked again.
    """
    status = {part.name: part.status for part in health.parts}
    return frozenset(
        part for part in Part if status.get(part, Status.UNHEALTHY) is not Status.UNHEALTHY
    )
