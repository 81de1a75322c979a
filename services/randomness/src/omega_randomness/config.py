"""Settings of the randomness server, read from OMEGA_RANDOMNESS_*."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omega_core import validate
from omega_threshold import Schedule

PREFIX = "OMEGA_RANDOMNESS_"
"""Prefix of the environment variables."""


@dataclass(frozen=True)
class RandomnessConfig:
    """Everything that who runs it may set."""

    storage_path: Path = Path("/var/lib/omega-randomness")
    """Folder of the keys, which must be there. Whoever reads it can try guesses on sealed reports
    of the open epochs: no backup, and nobody of the operator."""
    epoch_days: int = 28
    """Length of an epoch, 1 to 366; the fleet's, and never changed: epochs are counted by it."""
    grace_hours: int = 48
    """How long after its end an epoch is still served, 0 to 720."""
    max_evaluations: int = 1_000_000
    """Most elements that are evaluated in one epoch, for all callers together, 1,000 to
    1,000,000,000,000: what all TVs need. It is also how many guesses the operator can try."""

    def __post_init__(self) -> None:
        validate.integer("epoch_days", self.epoch_days, 1, 366)
        validate.integer("grace_hours", self.grace_hours, 0, 720)
        validate.integer("max_evaluations", self.max_evaluations, 1_000, 1_000_000_000_000)

    def schedule(self) -> Schedule:
        """When epochs begin and close."""
        return Schedule(self.epoch_days, self.grace_hours)
