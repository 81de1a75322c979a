"""The collective state: global patterns at a version."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from omega_core import limits, validate
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.vectors import FloatArray, pack_f16, unpack_f16
from omega_persistence import keys
from omega_persistence.database import Database

_UPSERT = """
INSERT INTO global_patterns VALUES (?, ?, ?, ?, ?)
ON CONFLICT (pattern_id) DO UPDATE SET embedding = excluded.embedding,
    success_rate = excluded.success_rate, device_count_floor = excluded.device_count_floor,
    weight = excluded.weight
"""


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
                does not exceed it, or a pattern breaks a bound), ENCODER_MISMATCH
                (delta.model_version is not the held one and base_version is not 0), STORAGE_FULL,
                STORAGE_UNAVAILABLE.
        """
        rows = [_values(pattern, f"delta.patterns[{i}]") for i, pattern in enumerate(patterns)]
        validate.integer("delta.version", version, base_version + 1, 2**63 - 1)
        validate.text("delta.model_version", model_version, limits.MAX_SHORT_ID, 1)
        with self._database.transaction() as connection:
            if base_version == 0:
                connection.execute("DELETE FROM global_patterns")
            else:
                self._require_base(base_version, model_version)
            connection.executemany(
                "DELETE FROM global_patterns WHERE pattern_id = ?", [(i,) for i in removed_ids]
            )
            connection.executemany(_UPSERT, rows)
            connection.execute(keys.SET, (keys.STATE_VERSION, str(version)))
            connection.execute(keys.SET, (keys.STATE_MODEL, model_version))

    def all(self) -> list[StoredPattern]:
        """Every pattern, by id."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT pattern_id, embedding, success_rate, device_count_floor, weight "
                "FROM global_patterns ORDER BY pattern_id"
            ).fetchall()
        return [
            StoredPattern(i, unpack_f16("embedding", packed, limits.DIMENSION), rate, floor, weight)
            for i, packed, rate, floor, weight in rows
        ]

    def count(self) -> int:
        """Number of patterns."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM global_patterns").fetchone()[0])

    def version(self) -> int:
        """The held version; 0 = none."""
        with self._database.read() as connection:
            return int(_fact(connection, keys.STATE_VERSION) or 0)

    def model_version(self) -> str:
        """Encoder of the patterns; empty when none is held."""
        with self._database.read() as connection:
            return _fact(connection, keys.STATE_MODEL)

    def clear(self) -> None:
        """Back to version 0, so that the next exchange brings everything."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM global_patterns")
            connection.execute(
                "DELETE FROM meta WHERE key IN (?, ?)", (keys.STATE_VERSION, keys.STATE_MODEL)
            )

    def _require_base(self, base_version: int, model_version: str) -> None:
        held = self.version()
        if base_version != held:
            raise invalid("delta.base_version", f"the held version {held}")
        encoder = self.model_version()
        if model_version != encoder:
            raise OmegaError(ErrorCode.ENCODER_MISMATCH, field="delta.model_version", bound=encoder)


def _fact(connection: sqlite3.Connection, key: str) -> str:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return "" if row is None else str(row[0])


def _values(pattern: StoredPattern, at: str) -> tuple[object, ...]:
    vector = validate.vector(f"{at}.embedding", pattern.embedding, limits.DIMENSION)
    return (
        validate.integer(f"{at}.pattern_id", pattern.pattern_id, 1, 2**32 - 1),
        pack_f16(vector),
        validate.number(f"{at}.success_rate", pattern.success_rate, 0, 1),
        validate.integer(f"{at}.device_count_floor", pattern.device_count_floor, 1, 2**32 - 1),
        validate.number(f"{at}.weight", pattern.weight, 0, 1),
    )
