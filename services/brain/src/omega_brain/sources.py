"""The brain's tables as tiers of its memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from omega_brain.index import CatalogueIndex
from omega_brain.state import Titles
from omega_brain.stores import Stores
from omega_core.errors import ErrorCode, OmegaError
from omega_core.memory import Memory, MemoryQuery
from omega_core.validate import EARLIEST
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingEvent
from omega_memory import Taken
from omega_memory.sources import pattern_memory, setting_memory, title_memory, viewing_memory
from omega_memory.tonight import unfinished_viewing
from omega_persistence.contents import ContentRow
from omega_persistence.events import RecordedEvent

_LEAST_NEAR = 50
"""Titles near a query whose viewings are looked at, where fewer are asked for."""


class ViewingSource:
    """Episodic: the table of events.

    Args:
        stores: the tables.
        index: finds watched titles by meaning.
        model_version: encoder of the titles' vectors.
        retention: how long a viewing stays one.
        learnt_to: newest seq that everything which learns from single viewings has seen.
    """

    def __init__(
        self,
        stores: Stores,
        index: CatalogueIndex,
        model_version: str,
        retention: timedelta,
        learnt_to: Callable[[], int],
    ) -> None:
        self._stores = stores
        self._index = index
        self._model_version = model_version
        self._retention = retention
        self._learnt_to = learnt_to
        self._accepted: list[ViewingEvent] = []

    def get(self, profile_id: str, key: str) -> Memory | None:
        """The viewing of that event id."""
        entry = self._stores.events.get(key)
        if entry is None or profile_id not in {"", entry.event.profile_id}:
            return None
        return self._memories([entry], profile_id)[0]

    def recent(self, query: MemoryQuery, limit: int) -> Sequence[Memory]:
        """The newest viewings; with a vector, the last ones of the titles nearest to it."""
        profile_id = query.profile_id or ""
        if query.vector is None:
            return self._memories(self._stores.events.recent(limit, profile_id), profile_id)
        last = self._stores.events.last_by_title(profile_id)
        if not last:
            return []
        near = self._index.vectors.search(
            query.vector,
            min(max(2 * query.limit, _LEAST_NEAR), limit),
            allowed=np.array(sorted(last), np.int64),
        )
        found = [last[rowid] for rowid in near.ids.tolist()]
        found.sort(key=lambda entry: entry.event.occurred_at, reverse=True)
        return self._memories(found, profile_id)

    def count(self) -> int:
        """Viewings that are kept one by one."""
        return self._stores.events.count()

    def accept(self, memory: Memory) -> Taken:
        """Makes a viewing of one that never said that it ended."""
        event = unfinished_viewing(memory)
        if event is None:
            return Taken.REFUSED
        try:
            recorded = self._stores.events.record(event)
        except OmegaError as error:
            if error.code in {ErrorCode.UNKNOWN_CONTENT, ErrorCode.UNKNOWN_PROFILE}:
                return Taken.REFUSED
            raise
        if recorded:
            self._accepted.append(event)
        return Taken.KEPT if recorded else Taken.KNOWN

    def fold(self, before: datetime, limit: int) -> int:
        """Moves viewings that arrived earlier into their titles' records."""
        return self._stores.title_records.fold(before, limit, learnt_to=self._learnt_to())

    def capacity(self, most: int, limit: int) -> int:
        """Moves the first to have arrived while there are more than `most`."""
        return self._stores.title_records.capacity(most, limit, learnt_to=self._learnt_to())

    def take_accepted(self) -> list[ViewingEvent]:
        """Viewings that `accept` has stored since the last call: the ranking is to learn them."""
        taken, self._accepted = self._accepted, []
        return taken

    def _memories(self, entries: Sequence[RecordedEvent], profile_id: str) -> list[Memory]:
        rows = self._stores.contents.by_rowids([entry.content_rowid for entry in entries])
        return [self._memory(entry, rows[entry.content_rowid], profile_id) for entry in entries]

    def _memory(self, entry: RecordedEvent, row: ContentRow, profile_id: str) -> Memory:
        memory = viewing_memory(
            entry.event,
            row.content.title,
            entry.recorded_at + self._retention,
            row.embedding,
            self._model_version,
        )
        # The household's history is everybody's.
        return memory if profile_id else replace(memory, profile_id="")


class PatternSource:
    """Collective: the fleet's patterns.

    A pattern lies in the centred space. For comparison with texts the title nearest to it stands
    for it.
    """

    def __init__(
        self, stores: Stores, titles: Callable[[], Titles], now: Callable[[], datetime]
    ) -> None:
        self._stores = stores
        self._titles = titles
        self._now = now

    def get(self, profile_id: str, key: str) -> Memory | None:
        """The pattern of that id."""
        return next((each for each in self._all() if each.key == key and not profile_id), None)

    def recent(self, query: MemoryQuery, limit: int) -> Sequence[Memory]:
        """The patterns; all came with the last change of the fleet's state."""
        return [] if query.profile_id else self._all()[:limit]

    def count(self) -> int:
        """Patterns held."""
        return self._stores.patterns.count()

    def _all(self) -> list[Memory]:
        held = self._stores.patterns.all()
        titles, model_version = self._titles(), self._stores.patterns.model_version()
        if not held or not len(titles.catalogue):
            return []
        vectors = np.array([pattern.embedding for pattern in held], np.float32)
        nearest = (titles.catalogue.embeddings @ vectors.T).argmax(axis=0)
        rows = self._stores.contents.by_rowids(titles.rowids[nearest].tolist())
        learnt_at = self._stores.meta.last_sync().succeeded_at or self._now()
        return [
            pattern_memory(
                str(pattern.pattern_id),
                pattern.success_rate,
                pattern.device_count_floor,
                rows[int(titles.rowids[row])].embedding,
                model_version,
                learnt_at,
                titles.catalogue.titles[row],
            )
            for pattern, row in zip(held, nearest.tolist(), strict=True)
        ]


class SettingSource:
    """Architectural: tuned settings and their lineage."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def get(self, profile_id: str, key: str) -> Memory | None:
        """The settings of that name."""
        return next((each for each in self._all() if each.key == key and not profile_id), None)

    def recent(self, query: MemoryQuery, limit: int) -> Sequence[Memory]:
        """The newest settings, newest first."""
        return [] if query.profile_id else self._all(limit)

    def count(self) -> int:
        """Settings that were decided on."""
        return len(self._stores.settings.history())

    def _all(self, limit: int = 1_000) -> list[Memory]:
        return [
            setting_memory(
                record.version,
                str(record.state),
                record.parent,
                record.fitness.overall,
                record.decided_at,
            )
            for record in self._stores.settings.history(limit)
            if record.decided_at is not None
        ]


class TitleFacts:
    """Physical: the catalogue."""

    def __init__(
        self,
        stores: Stores,
        index: CatalogueIndex,
        titles: Callable[[], Titles],
        model_version: str,
    ) -> None:
        self._stores = stores
        self._index = index
        self._titles = titles
        self._model_version = model_version

    def get(self, content_id: str) -> Memory | None:
        """The title of that id."""
        row = self._stores.contents.by_ids([content_id]).get(content_id)
        return None if row is None else self._memory(row)

    def search(
        self, vector: FloatArray, model_version: str, limit: int
    ) -> Sequence[tuple[Memory, float]]:
        """The titles most similar to a vector."""
        if model_version != self._model_version or not len(self._index.vectors):
            return []
        found = self._index.vectors.search(vector, limit)
        rows = self._stores.contents.by_rowids(found.ids.tolist())
        return [
            (self._memory(rows[rowid]), cosine)
            for rowid, cosine in zip(found.ids.tolist(), found.cosines.tolist(), strict=True)
        ]

    def page(self, after: str, limit: int) -> Sequence[Memory]:
        """Titles by id."""
        ids = self._titles().ids_after(after, limit)
        rows = self._stores.contents.by_ids(ids)
        return [self._memory(rows[content_id]) for content_id in ids]

    def count(self) -> int:
        """Titles stored."""
        return self._stores.contents.count()

    def _memory(self, row: ContentRow) -> Memory:
        return title_memory(row.content, EARLIEST, row.embedding, self._model_version)
