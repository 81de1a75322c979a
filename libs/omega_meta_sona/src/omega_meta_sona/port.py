"""Where settings and their lineage are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from omega_core.tuning import TuningRecord, Watch


class SettingsStore(Protocol):
    """A durable table of settings; omega_persistence.Settings answers it."""

    def in_force(self) -> TuningRecord | None:
        """The setting in force; None = the shipped ones."""
        ...

    def history(self, limit: int = 1_000) -> list[TuningRecord]:
        """The newest settings, newest first."""
        ...

    def attempts(self) -> int:
        """Tests made so far."""
        ...

    def adopt(self, record: TuningRecord) -> int:
        """Puts a setting in force; a repeated attempt changes nothing. Returns its version."""
        ...

    def reject(self, record: TuningRecord) -> int:
        """Keeps one that did not win; a repeated attempt changes nothing. Returns its version."""
        ...

    def note_watch(self, version: int, watch: Watch) -> None:
        """Keeps how the setting in force does."""
        ...

    def roll_back(self, version: int, watch: Watch, now: datetime) -> TuningRecord | None:
        """Ends a setting that lost; gives what is in force then."""
        ...
