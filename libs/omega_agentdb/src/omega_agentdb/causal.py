"""What led to what: learnt from viewings in their order, asked for by uplift."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import exp, log

import numpy as np

from omega_agentdb.causal_counts import Counts, Trial, facets_of, trial
from omega_agentdb.causal_paths import best_path
from omega_agentdb.config import CausalConfig
from omega_agentdb.skills import LearnStep
from omega_agentdb.stores import CausalStore, SkillStore
from omega_agentdb.uplift import Table, Uplift, uplift
from omega_core import validate
from omega_core.causes import ALL, AS_CAUSE, AS_EFFECT, CausalChanges, CausalCount, CausalTail
from omega_core.taste import TasteViewing, decay

STEP = 16
"""Viewings learnt in one step: some 20 ms."""
MAX_DEPTH = 5
"""Most edges of a path."""


@dataclass(frozen=True)
class CausalEdge:
    """A cause and an effect, as of an instant."""

    cause: str
    """A facet, such as "genre:Crime" or "time_of_day:3"."""
    effect: str
    """A facet of viewings that succeeded."""
    uplift: Uplift
    """P(effect | cause) - P(effect), its interval, and how sure it is."""
    probability: float
    """P(effect | cause), 0 to 1."""
    base_rate: float
    """P(effect) over all of the profile's viewings, 0 to 1."""
    sample_size: float
    """Decayed viewings that followed the cause."""
    first_observed: datetime
    """When the two were first seen together, aware."""
    last_observed: datetime
    """When last."""


class PathBy(StrEnum):
    """What the best path is best in."""

    PROBABILITY = "probability"
    """Greatest product of P(effect | cause)."""
    UPLIFT = "uplift"
    """Greatest sum of uplifts, over edges that have one above 0."""


@dataclass(frozen=True)
class CausalPath:
    """A way from a cause to an effect."""

    facets: tuple[str, ...]
    """From the cause to the effect, none twice."""
    worth: float
    """Product of the probabilities, or sum of the uplifts."""


class CausalLearner:
    """Counts what follows what. Safe for threads.

    Each viewing is a trial. Its causes are the genres and the taste pattern of the viewing before
    (of the same session, or at most 4 h earlier) and its own time slot and day type; its effects
    are its own genres and pattern, if it succeeded. Learn patterns first: a title without one has
    its genres only. Counts are kept for the household (profile "") over everybody's viewings, and
    for each named profile over its own.
    """

    def __init__(
        self, store: CausalStore, skills: SkillStore, config: CausalConfig | None = None
    ) -> None:
        self._store = store
        self._skills = skills
        self._config = config or CausalConfig()
        self._mutex = threading.Lock()

    @property
    def store(self) -> CausalStore:
        """Where counts are kept."""
        return self._store

    def learnt_seq(self) -> int:
        """Watermark: every viewing up to here is learnt; 0 = none."""
        return self._store.learnt_seq()

    def learn(self, viewings: Sequence[TasteViewing]) -> LearnStep:
        """Learns the first 16 of viewings that come after the watermark, in one transaction.

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
            counted = [
                self._counted(owner, [v for v in turn if owner in {"", v.profile_id}])
                for owner in sorted({"", *(v.profile_id for v in turn)})
            ]
            changes = CausalChanges(
                edges=tuple(edge for counts, _ in counted for edge in counts.changed_edges()),
                totals=tuple(each for counts, _ in counted for each in counts.changed_totals()),
                tails=tuple(tail for _, tail in counted if tail is not None),
                learnt_seq=last,
            )
            self._store.save(changes)
            done = {"viewings": len(turn), "edges": len(changes.edges)}
            return LearnStep(last, done, finished=len(new) <= STEP)

    def record(
        self, cause: str, effect: str, at: datetime, *, happened: bool = True, profile_id: str = ""
    ) -> None:
        """Counts a trial by hand: the cause was there, and the effect followed or did not.

        Args:
            cause: a facet, 1 to 128 characters.
            effect: a facet, 1 to 128 characters.
            at: when, aware.
            happened: whether the effect followed.
            profile_id: whose; empty = the household's.

        Raises:
            OmegaError: INVALID_FIELD, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        validate.text("cause", cause, 128, 1)
        validate.text("effect", effect, 128, 1)
        with self._mutex:
            made = Trial(at, (cause,), (effect,) if happened else ())
            counts = self._opened(profile_id, [made])
            counts.add(made)
            self._store.save(
                CausalChanges(edges=counts.changed_edges(), totals=counts.changed_totals())
            )

    def effects_of(
        self, cause: str, at: datetime, *, profile_id: str = "", only_sure: bool = False
    ) -> list[CausalEdge]:
        """What follows a cause, greatest uplift first; equal ones by name.

        Args:
            cause: a facet.
            at: the present instant, aware: the older the viewings, the wider the intervals.
            profile_id: whose; empty = the household's.
            only_sure: only edges whose interval leaves out 0.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        return self._edges(self._store.edges(profile_id, cause=cause), at, profile_id, only_sure)

    def causes_of(
        self, effect: str, at: datetime, *, profile_id: str = "", only_sure: bool = False
    ) -> list[CausalEdge]:
        """What an effect follows, greatest uplift first; arguments as of `effects_of`."""
        return self._edges(self._store.edges(profile_id, effect=effect), at, profile_id, only_sure)

    def path(
        self,
        cause: str,
        effect: str,
        at: datetime,
        *,
        profile_id: str = "",
        max_depth: int = 3,
        by: PathBy = PathBy.PROBABILITY,
        only_sure: bool = False,
    ) -> CausalPath | None:
        """The best way from a cause to an effect; None = there is none.

        Of equal ways the shortest, then the first by name.

        Args:
            cause: where it begins.
            effect: where it ends; other than `cause`.
            at: as of `effects_of`.
            profile_id: as of `effects_of`.
            max_depth: most edges, 1 to 5.
            by: what it is best in.
            only_sure: as of `effects_of`.

        Raises:
            OmegaError: INVALID_FIELD (max_depth), STORAGE_UNAVAILABLE.
        """
        validate.integer("max_depth", max_depth, 1, MAX_DEPTH)
        weights: dict[str, dict[str, float]] = {}
        for edge in self._edges(self._store.edges(profile_id), at, profile_id, only_sure):
            worth = edge.probability if by is PathBy.PROBABILITY else edge.uplift.value
            if worth > 0:
                added = log(worth) if by is PathBy.PROBABILITY else worth
                weights.setdefault(edge.cause, {})[edge.effect] = added
        found = best_path(weights, cause, effect, max_depth)
        if found is None:
            return None
        worth, facets = found
        return CausalPath(facets, exp(worth) if by is PathBy.PROBABILITY else worth)

    def _counted(
        self, owner: str, viewings: Sequence[TasteViewing]
    ) -> tuple[Counts, CausalTail | None]:
        """Counts with viewings of one profile added, and the tail after them."""
        rowids = np.array([viewing.content_rowid for viewing in viewings], np.int64)
        members = self._skills.members(owner, rowids=np.unique(rowids))
        skill_of = {member.content_rowid: member.skill_id for member in members}
        tail = self._store.tail(owner)
        trials = []
        for viewing in viewings:
            own = facets_of(viewing, skill_of.get(viewing.content_rowid))
            made, tail = trial(viewing, own, tail, self._config.within)
            trials.append(made)
        counts = self._opened(owner, trials)
        for made in trials:
            counts.add(made)
        return counts, None if tail is None else replace(tail, profile_id=owner)

    def _opened(self, owner: str, trials: Sequence[Trial]) -> Counts:
        pairs = {pair for made in trials for pair in made.pairs}
        held = self._store.edges(owner, pairs=pairs)
        return Counts(
            owner,
            self._config.half_life,
            {(edge.cause, edge.effect): edge for edge in held},
            {(each.kind, each.name): each for each in self._store.totals(owner)},
        )

    def _edges(
        self, counts: Sequence[CausalCount], at: datetime, profile_id: str, only_sure: bool
    ) -> list[CausalEdge]:
        half_life = self._config.half_life
        totals = {
            (each.kind, each.name): each.total * decay(each.last_observed, at, half_life)
            for each in self._store.totals(profile_id)
        }
        everything = totals.get((ALL, ""), 0.0)
        found = []
        for count in counts:
            table = Table(
                joint=count.value(at, half_life),
                cause=totals.get((AS_CAUSE, count.cause), 0.0),
                effect=totals.get((AS_EFFECT, count.effect), 0.0),
                all=everything,
            )
            if table.cause <= 0 or table.all <= 0:
                continue
            risen = uplift(table, self._config.level)
            if risen.sure or not only_sure:
                found.append(_edge(count, table, risen))
        return sorted(found, key=lambda edge: (-edge.uplift.value, edge.cause, edge.effect))


def _edge(count: CausalCount, table: Table, risen: Uplift) -> CausalEdge:
    return CausalEdge(
        cause=count.cause,
        effect=count.effect,
        uplift=risen,
        probability=min(1.0, table.joint / table.cause),
        base_rate=min(1.0, table.effect / table.all),
        sample_size=table.cause,
        first_observed=count.first_observed,
        last_observed=count.last_observed,
    )
