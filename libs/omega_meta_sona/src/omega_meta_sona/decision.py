"""What an attempt at tuning comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from omega_core.tuning import SettingsState, TuningRecord
from omega_meta_sona.port import SettingsStore


class Outcome(StrEnum):
    """What became of an attempt."""

    TOO_FEW = "too_few"
    """Too few viewings that succeeded, or too few since the last test; nothing was tested."""
    NO_CHALLENGER = "no_challenger"
    """Nothing promised more than the setting in force; nothing was tested."""
    REJECTED = "rejected"
    """The challenger did not win on held-back viewings."""
    ADOPTED = "adopted"
    """It won."""


@dataclass(frozen=True)
class Decision:
    """The end of an attempt."""

    outcome: Outcome
    """What became of it."""
    record: TuningRecord | None = None
    """The challenger, when there was a test; its version is not set yet."""
    positives: int = 0
    """Viewings that the attempt could learn from."""
    candidates: int = 0
    """Settings that were judged."""
    gains: tuple[float, ...] = ()
    """What the challenger gained over the setting in force, one a held-back viewing."""


def settle(store: SettingsStore, decision: Decision) -> int | None:
    """Makes a decision durable; repeating it changes nothing.

    Returns:
        Version of the challenger; None when nothing was tested.

    Raises:
        OmegaError: as SettingsStore.adopt and .reject.
    """
    if decision.record is None:
        return None
    if decision.record.state is SettingsState.IN_FORCE:
        return store.adopt(decision.record)
    return store.reject(decision.record)
