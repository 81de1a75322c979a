"""Once a week, a year and ten years: what is slow to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from omega_agentdb import AgentDB
from omega_agentdb.skill_upkeep import Progress as PatternProgress
from omega_brain.household import Household
from omega_brain.stepwise import Progress, Stepwise
from omega_brain.stores import Stores
from omega_brain.viewed import viewed
from omega_core.memory import Memory
from omega_loops import Context, Loop
from omega_memory import HouseholdMemory
from omega_memory.trajectory import (
    TasteTitle,
    drift,
    drift_memory,
    snapshot,
    snapshot_memory,
)
from omega_runtime.event_types import AgentsPruned
from omega_runtime.events import Publish

_YEAR = Loop.TRANSFORMATIVE.period


class Evolutionary:
    """Job of the Evolutionary loop.

    Args:
        agentdb: taste patterns and causes.
        compact_index: lets deleted vectors of titles really go, some at a time.
        tune: one step of self-tuning.
        publish: is told what had to go.
    """

    def __init__(
        self,
        agentdb: AgentDB,
        compact_index: Callable[[], Progress],
        tune: Callable[[Context], Progress],
        publish: Publish,
    ) -> None:
        self._agentdb = agentdb
        self._publish = publish
        self._compact_index = compact_index
        self._pattern_progress: PatternProgress | None = None
        self.job = Stepwise(
            (
                ("patterns_changed", self._tidy_patterns),
                ("causes_forgotten", self._tidy_causes),
                ("vectors_compacted", self._compact),
                ("settings_tried", tune),
            )
        )

    def forget(self) -> None:
        """Begins the upkeep of patterns anew: those at hand may be gone."""
        self._pattern_progress = None

    def _tidy_patterns(self, context: Context) -> Progress:
        step = self._agentdb.skills.consolidate(context.now, self._pattern_progress)
        self._pattern_progress = step.progress
        return Progress(sum(step.counts.values()), step.finished)

    def _tidy_causes(self, context: Context) -> Progress:
        gone = sum(self._agentdb.keep_within_bounds(context.now).values())
        if gone:
            left = self._agentdb.stats()
            self._publish(AgentsPruned(gone, left.skills + left.causal_edges))
        return Progress(gone)

    def _compact(self, _context: Context) -> Progress:
        progress = self._compact_index()
        return replace(progress, finished=progress.finished and self._agentdb.vectors.compact())


class Trajectory:
    """Jobs of the Transformative and the Transcendent loop.

    Args:
        stores: the tables.
        memory: the tiers.
        household: titles and their vectors.
        model_version: encoder of the vectors.
    """

    def __init__(
        self, stores: Stores, memory: HouseholdMemory, household: Household, model_version: str
    ) -> None:
        self._stores = stores
        self._memory = memory
        self._household = household
        self._model_version = model_version
        self.yearly = Stepwise((("taste_memories", self._year),))
        self.once_in_ten_years = Stepwise((("taste_memories", self._decade),))

    def _year(self, context: Context) -> Progress:
        end, begin = context.due_at, context.due_at - (1 + context.coalesced) * _YEAR
        return self._write(context, (begin - _YEAR, begin), (begin, end))

    def _decade(self, context: Context) -> Progress:
        end, begin = context.due_at, context.due_at - Loop.TRANSCENDENT.period
        written = self._write(context, (begin, begin + _YEAR), (end - _YEAR, end)).count
        for profile_id in self._profile_ids():
            taken = snapshot(_period(begin, end), self._titles(profile_id, begin, end))
            written += self._store(
                [snapshot_memory(taken, profile_id, self._model_version, context.now)], context
            )
        return Progress(written)

    def _write(
        self,
        context: Context,
        earlier: tuple[datetime, datetime],
        later: tuple[datetime, datetime],
    ) -> Progress:
        """A snapshot of the later span, and how far it lies from the earlier one."""
        written = 0
        for profile_id in self._profile_ids():
            before, after = self._titles(profile_id, *earlier), self._titles(profile_id, *later)
            memories = [
                snapshot_memory(
                    snapshot(_period(*later), after), profile_id, self._model_version, context.now
                )
            ]
            if before and after:
                report = drift(_period(*earlier), before, _period(*later), after)
                memories.append(drift_memory(report, profile_id, context.now))
            written += self._store(memories, context)
        return Progress(written)

    def _store(self, memories: Sequence[Memory], context: Context) -> int:
        return self._memory.store_all(memories, context.now)

    def _profile_ids(self) -> list[str]:
        return ["", *(profile.profile_id for profile in self._stores.profiles.all())]

    def _titles(self, profile_id: str, begin: datetime, end: datetime) -> list[TasteTitle]:
        """Titles that a profile succeeded with for the first time in a span."""
        titles = self._household.titles
        catalogue = titles.catalogue
        return [
            TasteTitle(record.content_id, catalogue.genres_of[row], catalogue.embeddings[row])
            for record in viewed(self._stores, profile_id).values()
            if record.first_success_at is not None
            and begin <= record.first_success_at < end
            and (row := catalogue.row_of.get(record.content_id)) is not None
            and np.any(catalogue.embeddings[row])
        ]


def _period(begin: datetime, end: datetime) -> str:
    """A span as the name of a period: "2031-04" for a year, "2021-04..2031-04" for more."""
    last = f"{end:%Y-%m}"
    return last if end - begin <= _YEAR + timedelta(days=1) else f"{begin:%Y-%m}..{last}"
