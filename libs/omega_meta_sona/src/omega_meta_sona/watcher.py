"""What becomes of a setting after it was adopted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from omega_core.tuning import SHIPPED, TunedSettings, TuningRecord
from omega_core.viewing import ViewingEvent
from omega_meta_sona import eprocess
from omega_meta_sona.config import TuningConfig
from omega_meta_sona.gains import gain
from omega_meta_sona.moments import World, rows_of, target_ranks
from omega_meta_sona.port import SettingsStore
from omega_rank import History


class Watching(StrEnum):
    """What a viewing meant for the setting in force."""

    IDLE = "idle"
    """The shipped settings are in force, or the viewing was counted before."""
    KEPT = "kept"
    """It was counted."""
    ROLLED_BACK = "rolled_back"
    """The evidence against the setting is complete: its parent is in force again."""


@dataclass(frozen=True)
class Later:
    """A viewing that succeeded, of a title not seen before, scored under both settings."""

    seq: int
    """Order of arrival."""
    own_gain: float
    """Discounted gain of the title's rank under the setting in force, 0 to 1."""
    parent_gain: float
    """The same under its parent."""


def compare(
    world: World,
    history: History,
    pair: tuple[TunedSettings, TunedSettings],
    viewing: ViewingEvent,
    seq: int,
) -> Later | None:
    """Scores a viewing under (setting in force, parent); None = it does not count.

    A viewing counts when it succeeded, and the title was not seen before and is in the catalogue.

    Args:
        world: titles, fleet, shipped settings.
        history: the household just before the viewing; its settings are changed (configure).
        pair: the two settings.
        viewing: what was watched.
        seq: its order of arrival.
    """
    row = world.catalogue.row_of.get(viewing.content_id)
    if not viewing.success or row is None or history.seen[row]:
        return None
    targets = rows_of(world.catalogue, [viewing])
    own, parent = target_ranks(world, history, pair, targets)
    return Later(seq, float(gain(own)[0]), float(gain(parent)[0]))


class Watcher:
    """Follows the setting in force and ends it when it loses against its parent.

    All state is in the store: a restart goes on where it was, and a viewing counts once.
    """

    def __init__(self, store: SettingsStore, config: TuningConfig | None = None) -> None:
        self._store = store
        self._config = config or TuningConfig()

    def pair(self) -> tuple[TunedSettings, TunedSettings] | None:
        """The setting in force and its parent; None = the shipped settings are in force."""
        held = self._store.in_force()
        return None if held is None else (held.settings, self._parent_of(held))

    def observe(self, later: Later, now: datetime) -> Watching:
        """Counts one viewing; durable on return.

        Raises:
            OmegaError: as SettingsStore.note_watch and .roll_back.
        """
        held = self._store.in_force()
        if held is None or later.seq <= held.watch.seq:
            return Watching.IDLE
        watch = eprocess.after(held.watch, later.own_gain - later.parent_gain, later.seq)
        if eprocess.loses(watch, self._config.watch_alpha):
            self._store.roll_back(held.version, watch, now)
            return Watching.ROLLED_BACK
        self._store.note_watch(held.version, watch)
        return Watching.KEPT

    def _parent_of(self, record: TuningRecord) -> TunedSettings:
        for other in self._store.history():
            if other.version == record.parent:
                return other.settings
        return SHIPPED
