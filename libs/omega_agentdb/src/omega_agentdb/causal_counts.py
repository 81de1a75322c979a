"""The counts of one profile while a step of learning adds viewings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from omega_core.causes import ALL, AS_CAUSE, AS_EFFECT, CausalCount, CausalTail, CausalTotal
from omega_core.taste import GENRE, PATTERN, TasteViewing, decay, facet


@dataclass(frozen=True)
class Trial:
    """A viewing: what came before, and what of it succeeded."""

    at: datetime
    """When it ended."""
    causes: tuple[str, ...]
    """Facets of the viewing before and of the circumstances."""
    effects: tuple[str, ...]
    """Facets of the viewing if it succeeded, else none."""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Each cause with each effect."""
        return [(cause, effect) for cause in self.causes for effect in self.effects]


def trial(
    viewing: TasteViewing, own: tuple[str, ...], tail: CausalTail | None, within: timedelta
) -> tuple[Trial, CausalTail]:
    """A viewing as a trial, and the tail after it.

    A viewing that arrives late, after one that ended later, follows nothing and is followed by
    nothing.

    Args:
        viewing: the viewing.
        own: its facets, as `facets_of` gives them.
        tail: the viewing before it by arrival.
        within: longest time between the ends of two viewings of different sessions.
    """
    before: tuple[str, ...] = ()
    late = tail is not None and viewing.at < tail.at
    if tail is not None and not late:
        same = bool(viewing.session_id) and viewing.session_id == tail.session_id
        if same or viewing.at - tail.at <= within:
            before = tail.causes
    follows = CausalTail(viewing.profile_id, viewing.session_id, viewing.at, own)
    made = Trial(viewing.at, before + viewing.circumstances, own if viewing.success else ())
    return made, tail if tail is not None and late else follows


def facets_of(viewing: TasteViewing, skill_id: int | None) -> tuple[str, ...]:
    """What a viewing is of: its genres, and its taste pattern where it has one."""
    genres = tuple(facet(GENRE, genre) for genre in dict.fromkeys(viewing.genres))
    return genres if skill_id is None else (*genres, facet(PATTERN, skill_id))


@dataclass
class Counts:
    """Counts of one profile, those that a step needs."""

    profile_id: str
    """Whose."""
    half_life: timedelta
    """A viewing counts half as much after this time."""
    edges: dict[tuple[str, str], CausalCount]
    """By cause and effect."""
    totals: dict[tuple[int, str], CausalTotal]
    """By kind and name."""
    touched: set[tuple[str, str] | tuple[int, str]] = field(default_factory=set)
    """What changed."""

    def add(self, each: Trial) -> None:
        """Counts a trial."""
        for pair in each.pairs:
            self._add_edge(pair, each.at)
        self._add_total(ALL, ("",), each.at)
        self._add_total(AS_CAUSE, each.causes, each.at)
        self._add_total(AS_EFFECT, each.effects, each.at)

    def changed_edges(self) -> tuple[CausalCount, ...]:
        """Edges that changed."""
        return tuple(self.edges[key] for key in sorted(self.edges.keys() & self.touched))

    def changed_totals(self) -> tuple[CausalTotal, ...]:
        """Totals that changed."""
        return tuple(self.totals[key] for key in sorted(self.totals.keys() & self.touched))

    def _add_edge(self, pair: tuple[str, str], at: datetime) -> None:
        held = self.edges.get(pair)
        first, last = (at, at) if held is None else (held.first_observed, held.last_observed)
        joint, last = self._grown(0.0 if held is None else held.joint, last, at)
        self.edges[pair] = CausalCount(self.profile_id, *pair, joint, min(first, at), last)
        self.touched.add(pair)

    def _add_total(self, kind: int, names: Iterable[str], at: datetime) -> None:
        for name in names:
            held = self.totals.get((kind, name))
            total, last = (0.0, at) if held is None else (held.total, held.last_observed)
            total, last = self._grown(total, last, at)
            self.totals[kind, name] = CausalTotal(self.profile_id, kind, name, total, last)
            self.touched.add((kind, name))

    def _grown(self, count: float, last: datetime, at: datetime) -> tuple[float, datetime]:
        """A decayed count with one viewing more, as of the later instant."""
        until = max(last, at)
        return (
            count * decay(last, until, self.half_life) + decay(at, until, self.half_life),
            until,
        )
