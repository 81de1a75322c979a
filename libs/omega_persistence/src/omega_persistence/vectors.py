"""Vectors stored through the agent database. Answers the port VectorRecords of omega_agentdb."""

from __future__ import annotations

import json
from collections.abc import Sequence

from omega_core import limits
from omega_core.vector_records import VectorRecord
from omega_core.vectors import pack_f16, unpack_f16
from omega_persistence.database import Database
from omega_persistence.times import from_micros, to_micros

_SAVE = """
INSERT INTO vectors (vector_id, vector, metadata, value, stored_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (vector_id) DO UPDATE SET vector = excluded.vector, metadata = excluded.metadata,
    value = excluded.value, stored_at = excluded.stored_at
"""


class Vectors:
    """The table of vectors. Every method may raise STORAGE_UNAVAILABLE, writes STORAGE_FULL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[VectorRecord]:
        """Every vector, by id."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT vector_id, vector, metadata, value, stored_at FROM vectors "
                "ORDER BY vector_id"
            ).fetchall()
        return [
            VectorRecord(
                vector_id=vector_id,
                vector=unpack_f16("vector", vector, limits.DIMENSION),
                metadata=json.loads(metadata),
                value=value,
                stored_at=from_micros(stored_at),
            )
            for vector_id, vector, metadata, value, stored_at in rows
        ]

    def save(self, record: VectorRecord, removed: Sequence[str] = ()) -> None:
        """Adds or replaces a vector and forgets others, in one transaction."""
        with self._database.transaction() as connection:
            connection.execute(
                _SAVE,
                (
                    record.vector_id,
                    pack_f16(record.vector),
                    json.dumps(dict(record.metadata), ensure_ascii=False),
                    record.value,
                    to_micros(record.stored_at),
                ),
            )
            self.remove(removed)

    def remove(self, vector_ids: Sequence[str]) -> int:
        """Forgets vectors; returns how many were there."""
        with self._database.transaction() as connection:
            return connection.executemany(
                "DELETE FROM vectors WHERE vector_id = ?", [(each,) for each in vector_ids]
            ).rowcount

    def clear(self) -> int:
        """Forgets every vector; returns how many there were."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM vectors").rowcount
