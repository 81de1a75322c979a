"""Once a day: what the household prefers and when, how well its lists fit, what this TV can do."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from omega_brain.household import Household
from omega_brain.standing import Standing
from omega_brain.stepwise import Progress, Step, Stepwise
from omega_brain.stores import Stores
from omega_core.memory import Memory, Tier
from omega_core.vectors import FloatArray
from omega_loops import Context
from omega_memory import HouseholdMemory, popular, seasons, semantic
from omega_memory.habits import Habits
from omega_memory.popular import PopularTitle
from omega_memory.substrate import Latencies, device_memory
from omega_rank.catalogue import Catalogue
from omega_runtime.event_types import MetricsCollected
from omega_runtime.events import Publish

_POPULAR = 200
"""Titles of the fleet's liking that are remembered."""
_LIST = 20
"""Titles of the list that is measured."""


class Deliberative:
    """Job of the Deliberative loop.

    Args:
        stores: the tables.
        memory: the tiers.
        household: what is ranked.
        standing: readers of what is written here.
        latencies: how long answers took.
        watch_settings: holds what was watched against the settings in force.
        publish: is told the measured figures.
        region: of the TV; empty = not stated.
    """

    def __init__(
        self,
        stores: Stores,
        memory: HouseholdMemory,
        household: Household,
        standing: Standing,
        latencies: Latencies,
        watch_settings: Step,
        publish: Publish,
        region: str = "",
    ) -> None:
        self._region = region
        self._stores = stores
        self._memory = memory
        self._household = household
        self._standing = standing
        self._latencies = latencies
        self._publish = publish
        self._left: tuple[int, list[str]] = (0, [])
        self.job = Stepwise(
            (
                ("preferences", self._write_preferences),
                ("settings_watched", watch_settings),
                ("popular_titles", self._write_popular),
                ("device_facts", self._write_device),
                ("tiers_read", standing.step),
                ("miscalibration_permille", self._measure),
            )
        )

    def _write_preferences(self, context: Context) -> Progress:
        """One profile a step: after some years it takes tens of milliseconds."""
        cycle, left = self._left
        if cycle != context.cycle or not left:
            left = self._standing.profile_ids()
            self._left = context.cycle, left
        written = self._prefer(left[0], context.now)
        del left[0]
        return Progress(written, finished=not left)

    def _prefer(self, profile_id: str, now: datetime) -> int:
        body = self._stores.habits.get(profile_id)
        if body is None:
            return 0
        habits = Habits.from_json(body)
        return sum(
            self._memory.replace(tier, profile_id, prefix, memories, now)
            for tier, prefix, memories in (
                (Tier.SEMANTIC, semantic.PREFIX, semantic.preferences(habits, profile_id, now)),
                (Tier.TEMPORAL, seasons.PREFIX, seasons.rhythms(habits, profile_id, now)),
            )
        )

    def _write_popular(self, context: Context) -> Progress:
        """What is on the rise first, then what the fleet likes."""
        titles, collective = self._household.titles.catalogue, self._household.collective
        trending = collective.trending.now(context.now) if collective.trending else None
        memories: list[Memory] = []
        if trending is not None:
            for regional, where in ((True, self._region), (False, "")):
                chosen = trending.regional == regional
                rising = _named(titles, trending.rows[chosen], trending.scores[chosen])
                memories += popular.popular_memories(
                    rising, "trend", where, context.now, first=len(memories) + 1
                )
        model = collective.model
        if model is not None and model.informed:
            rows = np.argsort(-model.log_prior, kind="stable")[:_POPULAR]
            if trending is not None:
                rows = rows[~np.isin(rows, trending.rows)]
            shares = np.exp(model.log_prior[rows] - model.log_prior.max())
            liked = _named(titles, rows, shares)
            memories += popular.popular_memories(
                liked, "prior", "", context.now, first=len(memories) + 1
            )
        if not memories:
            return Progress()
        stored = self._memory.replace(
            Tier.CIVILIZATIONAL, "", popular.PREFIX, memories, context.now
        )
        return Progress(stored)

    def _write_device(self, context: Context) -> Progress:
        profile = self._latencies.profile()
        return Progress(int(self._memory.store(device_memory(profile, context.now), context.now)))

    def _measure(self, _context: Context) -> Progress:
        figures = self._household.fit(_LIST)
        if figures is None:
            return Progress()
        self._publish(MetricsCollected(figures=tuple(figures.items())))
        return Progress(round(1_000 * figures["miscalibration"]))


def _named(catalogue: Catalogue, rows: NDArray[np.int64], scores: FloatArray) -> list[PopularTitle]:
    """Titles at `rows` (m,) with their scores (m,)."""
    return [
        PopularTitle(catalogue.ids[row], catalogue.titles[row], score)
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
    ]
