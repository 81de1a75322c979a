"""What one attempt at tuning rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from omega_core.tuning import SHIPPED, TunedSettings, TuningRecord
from omega_core.viewing import ViewingEvent
from omega_meta_sona.moments import World
from omega_meta_sona.port import SettingsStore

YEAR = timedelta(days=365)
"""How far back tests count against alpha."""
_ALL = 1_000


@dataclass(frozen=True, eq=False)
class TuningInputs:
    """The past, and what was tried on it. Equal inputs give an equal decision."""

    world: World
    """Titles, fleet, shipped settings."""
    viewings: Sequence[ViewingEvent]
    """By time (timeline.timeline); titles that the catalogue lacks are passed over."""
    now: datetime
    """When the decision is made, aware."""
    in_force: TuningRecord | None = None
    """What a challenger must beat; None = the shipped settings."""
    attempt: int = 1
    """Number of the next test of this household, from 1."""
    tests_this_year: int = 0
    """Tests against the setting in force within the last year: alpha is spent on them together."""
    tested_until: datetime | None = None
    """Last viewing of any earlier test; only later ones are fresh. None = there was no test."""
    last_seq: int = 0
    """Order of arrival of the newest viewing: the watch begins after it."""

    @property
    def settings(self) -> TunedSettings:
        """What a challenger must beat."""
        return self.in_force.settings if self.in_force else SHIPPED


def gather(
    store: SettingsStore,
    world: World,
    viewings: Sequence[ViewingEvent],
    now: datetime,
    last_seq: int = 0,
) -> TuningInputs:
    """The inputs of the next attempt, as the stored lineage says."""
    held = store.in_force()
    version = held.version if held else None
    history = store.history(_ALL)
    recent = [
        record
        for record in history
        if record.parent == version and record.decided_at and record.decided_at > now - YEAR
    ]
    return TuningInputs(
        world=world,
        viewings=viewings,
        now=now,
        in_force=held,
        attempt=store.attempts() + 1,
        tests_this_year=len(recent),
        tested_until=max((record.evidence.tested_until for record in history), default=None),
        last_seq=last_seq,
    )
