"""Vectors with metadata for programs in the brain's process, bounded and durable."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import uuid4

import numpy as np

from omega_agentdb import checks
from omega_agentdb.port import VectorIndex
from omega_agentdb.stores import VectorRecords
from omega_core import limits, validate
from omega_core.clock import Clock
from omega_core.vector_records import VectorRecord
from omega_core.vectors import FloatArray

MAX_ENTRIES = 16
"""Most entries of a vector's metadata."""
MAX_VALUE = 1_000
"""Longest value of an entry, in characters."""


@dataclass(frozen=True)
class FoundVector:
    """A vector near the one asked for."""

    vector_id: str
    """Its id."""
    similarity: float
    """Cosine, -1 to 1."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What it stands for."""


class VectorStore:
    """Vectors under ids of their own. Safe for threads.

    The table is the truth; the index follows it and is filled from it at the start.

    Args:
        index: an empty index.
        records: the table.
        clock: time.
        most: most vectors; the one of least value, and of those the oldest, makes room.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """

    def __init__(self, index: VectorIndex, records: VectorRecords, clock: Clock, most: int) -> None:
        self._index = index
        self._records = records
        self._clock = clock
        self._most = most
        self._mutex = threading.Lock()
        self._held: dict[int, VectorRecord] = {}  # by label in the index, without the vector
        self._label_of: dict[str, int] = {}
        self._next = 0
        for record in records.all():
            self._take_in(record)

    def store(
        self,
        vector: FloatArray,
        metadata: Mapping[str, str] | None = None,
        *,
        vector_id: str | None = None,
        value: float = 0.5,
    ) -> str:
        """Stores a vector, durably; a known id takes the new one.

        Args:
            vector: (dimension,), finite, not zero; kept with norm 1, rounded to float16.
            metadata: at most 16 entries; keys of 1 to 64, values of at most 1,000 characters.
            vector_id: 1 to 64 characters of [A-Za-z0-9._:-]; None = a new UUID.
            value: 0 to 1; vectors of least value go first where there are too many.

        Returns:
            The vector's id.

        Raises:
            OmegaError: INVALID_FIELD, STORAGE_FULL, STORAGE_UNAVAILABLE: nothing was stored.
        """
        record = VectorRecord(
            vector_id=validate.identifier(
                "vector_id", str(uuid4()) if vector_id is None else vector_id, limits.MAX_SHORT_ID
            ),
            vector=checks.query(vector, 1, self._index.dimension),
            metadata=_checked(metadata or {}),
            value=validate.number("value", value, 0, 1),
            stored_at=self._clock.now(),
        )
        with self._mutex:
            removed = self._out_of_room(record.vector_id)
            self._records.save(record, removed)
            self._let_go(removed)
            self._take_in(record)
        return record.vector_id

    def search(
        self,
        vector: FloatArray,
        k: int,
        *,
        allowed: Iterable[str] | None = None,
        min_similarity: float = -1.0,
    ) -> list[FoundVector]:
        """The k nearest, nearest first.

        Args:
            vector: (dimension,), finite, not zero.
            k: at least 1.
            allowed: only these ids; unknown ones are passed over. None = all.
            min_similarity: least cosine, -1 to 1.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        with self._mutex:
            among = None
            if allowed is not None:
                labels = [self._label_of[each] for each in allowed if each in self._label_of]
                among = np.array(labels, np.int64)
            found = self._index.search(vector, k, among)
            return [
                FoundVector(self._held[label].vector_id, cosine, self._held[label].metadata)
                for label, cosine in zip(found.ids.tolist(), found.cosines.tolist(), strict=True)
                if cosine >= min_similarity
            ]

    def get(self, vector_id: str) -> VectorRecord | None:
        """A vector with its metadata; None = unknown."""
        with self._mutex:
            label = self._label_of.get(vector_id)
            if label is None:
                return None
            (row,) = self._index.vectors(np.array([label], np.int64))
            held = self._held[label]
        return VectorRecord(vector_id, row, held.metadata, held.value, held.stored_at)

    def delete(self, vector_id: str) -> bool:
        """Forgets a vector, durably; False = unknown.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: it is still there.
        """
        with self._mutex:
            if vector_id not in self._label_of:
                return False
            self._records.remove([vector_id])
            self._let_go([vector_id])
            return True

    def compact(self) -> bool:
        """One step of taking out what removed vectors left; True = nothing is left."""
        return self._index.compact()

    def clear(self) -> int:
        """Forgets every vector, durably; returns how many there were.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: they are still there.
        """
        with self._mutex:
            gone = self._records.clear()
            self._let_go(list(self._label_of))
            return gone

    def __len__(self) -> int:
        return len(self._label_of)

    def _take_in(self, record: VectorRecord) -> None:
        label = self._label_of.get(record.vector_id, self._next)
        self._next = max(self._next, label + 1)
        self._index.add(np.array([label], np.int64), record.vector[np.newaxis])
        self._label_of[record.vector_id] = label
        # The index holds the vector already.
        empty = np.empty(0, np.float32)
        self._held[label] = VectorRecord(
            record.vector_id, empty, record.metadata, record.value, record.stored_at
        )

    def _let_go(self, vector_ids: list[str]) -> None:
        labels = [self._label_of.pop(each) for each in vector_ids]
        for label in labels:
            del self._held[label]
        self._index.remove(np.array(labels, np.int64))

    def _out_of_room(self, vector_id: str) -> list[str]:
        """Who must go so that a vector of this id may come."""
        excess = len(self._label_of) + (vector_id not in self._label_of) - self._most
        if excess <= 0:
            return []
        others = (held for held in self._held.values() if held.vector_id != vector_id)
        least = sorted(others, key=lambda held: (held.value, held.stored_at, held.vector_id))
        return [held.vector_id for held in least[:excess]]


def _checked(metadata: Mapping[str, str]) -> Mapping[str, str]:
    validate.count("metadata", metadata, MAX_ENTRIES)
    for key, value in metadata.items():
        validate.text("metadata", key, limits.MAX_SHORT_ID, 1)
        validate.text(f"metadata[{key}]", value, MAX_VALUE)
    return MappingProxyType(dict(metadata))
