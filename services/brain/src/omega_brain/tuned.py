"""The settings that answers are made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from omega_rank.config import RankConfig


@dataclass(frozen=True)
class Tuned:
    """A set of settings and where it comes from."""

    version: int
    """Its version in the table of settings; 0 = shipped."""
    rank: RankConfig
    """Weights and constants of the ranking."""
    ef: int | None
    """Candidates looked at in a search of the index; None = as configured."""

    @classmethod
    def shipped(cls) -> Self:
        """What came with the firmware."""
        return cls(version=0, rank=RankConfig(), ef=None)
