"""A household's memory over the real tables, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from omega_core.clock import ManualClock
from omega_core.content import Content, ContentKind
from omega_core.memory import Memory, MemoryQuery
from omega_core.vectors import FloatArray, unit
from omega_memory import Fixed, HouseholdMemory, MemoryConfig, Taken, Tiers
from omega_memory.sources import title_memory, viewing_memory
from omega_memory.tonight import unfinished_viewing
from omega_persistence import (
    ContentRow,
    Contents,
    Database,
    Events,
    Memories,
    RecordedEvent,
    StoredContent,
    TitleRecords,
)
from omega_runtime.events import Event

MODEL = "encoder-1"
"""Encoder of every vector here."""


def vector(number: int) -> FloatArray:
    """A unit vector (384,) to the precision of float16 that follows from its number."""
    drawn = np.random.default_rng(number).normal(size=384).astype(np.float32)
    return unit(unit(drawn).astype(np.float16).astype(np.float32))


class EventEpisodes:
    """The port of Episodic over the tables of viewings and records."""

    def __init__(self, database: Database, retention: timedelta) -> None:
        self.events = Events(database)
        self.records = TitleRecords(database)
        self._contents = Contents(database)
        self._retention = retention

    def get(self, profile_id: str, key: str) -> Memory | None:
        """The viewing of that event id."""
        found = self.events.get(key)
        if found is None or found.event.profile_id != profile_id:
            return None
        return self._memories([found])[0]

    def recent(self, query: MemoryQuery, limit: int) -> Sequence[Memory]:
        """The newest viewings; the household's are everybody's."""
        found = self.events.all_events(query.profile_id or "")
        return self._memories(found[::-1][:limit])

    def count(self) -> int:
        """Number of viewings."""
        return self.events.count()

    def accept(self, memory: Memory) -> Taken:
        """Records a viewing that nobody ended."""
        event = unfinished_viewing(memory)
        if event is None:
            return Taken.REFUSED
        return Taken.KEPT if self.events.record(event) else Taken.KNOWN

    def fold(self, before: datetime, limit: int) -> int:
        """Moves viewings into records."""
        return self.records.fold(before, limit)

    def capacity(self, most: int, limit: int) -> int:
        """Moves viewings beyond `most` into records."""
        return self.records.capacity(most, limit)

    def _memories(self, found: Sequence[RecordedEvent]) -> list[Memory]:
        titles = self._contents.by_ids([each.event.content_id for each in found])
        return [self._memory(each, titles[each.event.content_id]) for each in found]

    def _memory(self, entry: RecordedEvent, title: ContentRow) -> Memory:
        return viewing_memory(
            entry.event,
            title.content.title,
            entry.recorded_at + self._retention,
            unit(title.embedding),
            title.model_version,
        )


class CatalogueTitles:
    """The port of Physical over the table of titles, with an exact search."""

    def __init__(self, database: Database, known_since: datetime) -> None:
        self._contents = Contents(database)
        self._since = known_since

    def get(self, content_id: str) -> Memory | None:
        """The title of that id."""
        row = self._contents.by_ids([content_id]).get(content_id)
        return None if row is None else self._memory(row)

    def search(
        self, vector: FloatArray, model_version: str, limit: int
    ) -> Sequence[tuple[Memory, float]]:
        """The titles nearest to a vector."""
        rowids, matrix = self._contents.matrix(model_version)
        cosines = matrix @ vector
        nearest = [int(rowids[i]) for i in np.argsort(-cosines, kind="stable")[:limit]]
        rows = self._contents.by_rowids(nearest)
        query = MemoryQuery(vector=vector, model_version=model_version)
        found = [self._memory(rows[rowid]) for rowid in nearest]
        return [(each, query.similarity(each)) for each in found]

    def page(self, after: str, limit: int) -> Sequence[Memory]:
        """Titles in order of id."""
        rows = sorted(self._contents.all_rows(), key=lambda row: row.content.content_id)
        later = [row for row in rows if row.content.content_id > after]
        return [self._memory(row) for row in later[:limit]]

    def count(self) -> int:
        """Number of titles."""
        return self._contents.count()

    def _memory(self, row: ContentRow) -> Memory:
        return title_memory(row.content, self._since, unit(row.embedding), row.model_version)


@dataclass
class Remembering:
    """A memory with all that is around it. Make it with `open_memory`."""

    database: Database
    """The open file."""
    clock: ManualClock
    """Moves by hand."""
    config: MemoryConfig
    """Of the memory."""
    memory: HouseholdMemory
    """What is tested."""
    rows: Memories
    """Its table."""
    episodes: EventEpisodes
    """Its viewings."""
    told: list[Event] = field(default_factory=list)
    """Every event that was published, in order."""


def open_memory(
    path: Path,
    clock: ManualClock,
    config: MemoryConfig | None = None,
    *,
    titles: int = 10,
    patterns: Sequence[Memory] = (),
    settings: Sequence[Memory] = (),
    defaults: Sequence[Memory] = (),
) -> Remembering:
    """Opens the database at `path` with titles c0, c1, ... and a memory over it."""
    config = config or MemoryConfig()
    database = Database.open(path, clock=clock)
    Contents(database).upsert(
        [
            StoredContent(
                content=Content(f"c{n}", f"Title {n}", ContentKind.MOVIE, ("Drama",), 1900 + n),
                embedding=vector(n),
                model_version=MODEL,
            )
            for n in range(titles)
        ]
    )
    rows = Memories(database)
    episodes = EventEpisodes(database, timedelta(days=config.episodic_retention_days))
    tiers = Tiers(
        config,
        rows=rows,
        episodes=episodes,
        patterns=Fixed(patterns),
        settings=Fixed(settings),
        titles=CatalogueTitles(database, clock.now()),
        defaults=Fixed(defaults),
    )
    told: list[Event] = []
    memory = HouseholdMemory(tiers, database.transaction, config, told.append)
    return Remembering(database, clock, config, memory, rows, episodes, told)
