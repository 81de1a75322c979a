"""The collective state: global patterns at a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from omega_core.vectors import FloatArray

from omega_persistence.database import Database


@dataclass(frozen=True)
class StoredPattern:
    """A taste that at least 3 TVs share."""

    pattern_id: int
    """From 1."""
    embedding: FloatArray = field(compare=False, repr=False)
    """Centred unit vector (384,) float32; kept as float16."""
    success_rate: float
    """0 to 1."""
    device_count_floor: int
    """Distinct TVs behind it, rounded down to a power of two."""
    weight: float
    """Share of the fleet's weighted taste, 0 to 1."""


class GlobalPatterns:
    """The table of global patterns and the version it stands at."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply_delta(
        self,
        *,
        base_version: int,
        version: int,
        patterns: Sequence[StoredPattern],
        removed_ids: Sequence[int],
        model_version: str,
    ) -> None:
        """Moves the state from `base_version` to `version`, all or nothing.

        Base 0 replaces everything. Otherwise ids in `removed_ids` go and `patterns` are added or
        replaced; ids that are not held are passed over.

        Raises:
            OmegaError: INVALID_FIELD (delta.base_version is not the held version, delta.version
                does not exceed it, or an embedding is bad), ENCODER_MISMATCH (delta.model_version
                is not the held one and base_version is not 0), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        raise NotImplementedError

    def all(self) -> list[StoredPattern]:
        """Every pattern, by id."""
        raise NotImplementedError

    def count(self) -> int:
        """Number of patterns."""
        raise NotImplementedError

    def version(self) -> int:
        """The held version; 0 = none."""
        raise NotImplementedError

    def model_version(self) -> str:
        """Encoder of the patterns; empty when none is held."""
        raise NotImplementedError

    def clear(self) -> None:
        """Back to version 0, so that the next exchange brings everything."""
        raise NotImplementedError
