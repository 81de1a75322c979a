"""What led to what: decayed counts of viewings that followed something.

A cause is a facet (omega_core.taste) of the viewing before or of the circumstances, an effect a
facet of a viewing that succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from omega_core.taste import HALF_LIFE, decay

AS_CAUSE, AS_EFFECT, ALL = 0, 1, 2
"""Sorts of totals."""


@dataclass(frozen=True)
class CausalCount:
    """Decayed viewings that followed a cause and had an effect."""

    profile_id: str
    """Whose; empty = the household as a whole."""
    cause: str
    """What came before."""
    effect: str
    """What succeeded."""
    joint: float
    """Decayed, as of last_observed."""
    first_observed: datetime
    """Aware."""
    last_observed: datetime
    """Aware."""

    def value(self, at: datetime, half_life: timedelta = HALF_LIFE) -> float:
        """Decayed viewings as of `at`: what is of least value is forgotten first."""
        return self.joint * decay(self.last_observed, at, half_life)


@dataclass(frozen=True)
class CausalTotal:
    """Decayed viewings in which one facet took part."""

    profile_id: str
    """Whose."""
    kind: int
    """AS_CAUSE, AS_EFFECT, or ALL viewings (name "")."""
    name: str
    """The facet."""
    total: float
    """Decayed, as of last_observed."""
    last_observed: datetime
    """Aware."""


@dataclass(frozen=True)
class CausalTail:
    """A profile's last viewing: the next one follows it."""

    profile_id: str
    """Whose."""
    session_id: str
    """Its session; empty = not known."""
    at: datetime
    """When it ended, aware."""
    causes: tuple[str, ...]
    """Its facets."""


@dataclass(frozen=True)
class CausalChanges:
    """One step of learning causes: stored in one transaction or not at all."""

    edges: tuple[CausalCount, ...] = ()
    """Added or replaced."""
    totals: tuple[CausalTotal, ...] = ()
    """Added or replaced."""
    tails: tuple[CausalTail, ...] = ()
    """Added or replaced."""
    learnt_seq: int | None = None
    """Watermark: every viewing up to here is learnt; None = it stays."""
