"""The ranking tunes itself: one attempt a week in small steps, and an eye on what was adopted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from omega_brain.household import Household
from omega_brain.index import CatalogueIndex
from omega_brain.stepwise import Progress
from omega_brain.stores import Stores
from omega_brain.telling import tell_tried
from omega_brain.tuned import Tuned
from omega_brain.viewed import folded
from omega_core.tuning import TuningRecord
from omega_loops import Context
from omega_meta_sona import (
    Tuner,
    TuningConfig,
    Watcher,
    Watching,
    World,
    compare,
    gather,
    rank_config,
    settle,
    timeline,
)
from omega_rank.config import RankConfig
from omega_rank.history import History
from omega_runtime.events import Publish

_STRETCH = 0.05
"""Seconds that one step of an attempt works."""
_WATCHED = 16
"""Viewings that one step holds the setting in force against."""


class Tuning:
    """Steps of the Evolutionary and the Deliberative loop, and the settings in force.

    Args:
        stores: lineage and viewings.
        household: ranks by what is in force.
        index: searches by it.
        half_life: bends the tuned half-life of old viewings to the way of the taste.
        publish: is told what was tried.
        config: how settings are tried.
    """

    def __init__(
        self,
        stores: Stores,
        household: Household,
        index: CatalogueIndex,
        half_life: Callable[[float], float],
        publish: Publish,
        config: TuningConfig | None = None,
    ) -> None:
        self._stores = stores
        self._household = household
        self._index = index
        self._half_life = half_life
        self._publish = publish
        self._config = config or TuningConfig()
        self._watcher = Watcher(stores.settings, self._config)
        self._attempt: tuple[int, Tuner] | None = None

    def apply(self) -> None:
        """Ranks by the settings in force, as the lineage says, and the latest drift of the taste.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        record = self._stores.settings.in_force()
        tuned = Tuned.shipped() if record is None else _tuned(record)
        half_life = self._half_life(tuned.rank.half_life)
        tuned = replace(tuned, rank=replace(tuned.rank, half_life=half_life))
        if tuned != self._household.tuned:
            self._household.tune(tuned)
        self._index.tune(tuned.ef)

    def forget(self) -> None:
        """Drops an attempt under way: it was made of viewings that may be gone."""
        self._attempt = None

    def step(self, context: Context) -> Progress:
        """Tries to find better settings, some milliseconds at a time.

        Nothing is kept before the end: a restart makes the attempt again, with the same result.
        """
        if self._attempt is None or self._attempt[0] != context.cycle:
            self._attempt = context.cycle, self._begin(context)
        decision = self._attempt[1].step(_STRETCH)
        if decision is None:
            return Progress(finished=False)
        self._attempt = None
        tried = settle(self._stores.settings, decision)
        if tried is not None and decision.record is not None:
            tell_tried(decision.record, tried, self._publish)
        self.apply()
        return Progress(int(tried is not None))

    def watch(self, context: Context) -> Progress:
        """Holds what was watched since against the settings in force and their parent."""
        record, pair = self._stores.settings.in_force(), self._watcher.pair()
        if record is None or pair is None:
            return Progress()
        fresh = self._stores.events.since(record.watch.seq, _WATCHED)
        if not fresh:
            return Progress()
        world = self._world()
        before = [e for e in self._stores.events.all_events() if e.seq <= record.watch.seq]
        history = History.replay(
            world.catalogue,
            [entry.event for entry in before],
            records=folded(self._stores).values(),
            seqs=[entry.seq for entry in before],
        )
        for entry in fresh:
            later = compare(world, history, pair, entry.event, entry.seq)
            if later and self._watcher.observe(later, context.now) is Watching.ROLLED_BACK:
                self.apply()
                return Progress(1)
            history.observe(entry.event, entry.seq)
        return Progress(len(fresh), finished=len(fresh) < _WATCHED)

    def _begin(self, context: Context) -> Tuner:
        entries = self._stores.events.all_events()
        viewings = timeline(folded(self._stores).values(), [entry.event for entry in entries])
        last_seq = max((entry.seq for entry in entries), default=0)
        inputs = gather(self._stores.settings, self._world(), viewings, context.now, last_seq)
        return Tuner(inputs, self._config, self._index.probe())

    def _world(self) -> World:
        household = self._household
        return World(household.titles.catalogue, household.collective.model, RankConfig())


def _tuned(record: TuningRecord) -> Tuned:
    return Tuned(record.version, rank_config(record.settings), record.settings.ef or None)
