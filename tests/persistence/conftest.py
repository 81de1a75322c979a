"""A database in a temporary directory, and makers of what goes in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omega_core.clock import ManualClock
from omega_core.content import Content, ContentKind
from omega_core.vectors import unit
from omega_core.viewing import ViewingEvent
from omega_persistence import Contents, Database, StoredContent

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
MakeTitle = Callable[..., StoredContent]
MakeEvent = Callable[..., ViewingEvent]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tv" / "omega.db"


@pytest.fixture
def database(path: Path, clock: ManualClock) -> Iterator[Database]:
    opened = Database.open(path, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def make_title() -> MakeTitle:
    """A title whose vector follows from its number."""

    def make(
        number: int, *, title: str = "", model: str = "encoder-1", ordinal: int | None = None
    ) -> StoredContent:
        vector = np.random.default_rng(number).normal(size=384)
        return StoredContent(
            content=Content(f"c{number}", title or f"Title {number}", ContentKind.MOVIE),
            embedding=unit(vector.astype(np.float32)),
            model_version=model,
            ordinal=ordinal,
        )

    return make


@pytest.fixture
def make_event() -> MakeEvent:
    """An event a minute after the one numbered before it."""

    def make(number: int, *, title: int = 0, watched: float = 0.9, **stated: Any) -> ViewingEvent:
        event = ViewingEvent(
            event_id=f"e{number}",
            content_id=f"c{title}",
            watch_percentage=watched,
            engagement_score=0.5,
            occurred_at=NOW + timedelta(minutes=number),
        )
        return replace(event, **stated)

    return make


@pytest.fixture
def contents(database: Database, make_title: MakeTitle) -> Contents:
    """The table of titles with c0 to c9."""
    table = Contents(database)
    table.upsert([make_title(number) for number in range(10)])
    return table
