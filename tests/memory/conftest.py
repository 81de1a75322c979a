"""A memory over a real database, and makers of memories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from omega_core.clock import ManualClock
from omega_core.memory import Memory, Tier
from omega_memory import MemoryConfig
from omega_testing.remembering import Remembering, open_memory

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
Open = Callable[..., Remembering]
Make = Callable[..., Memory]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def opened(tmp_path: Path, clock: ManualClock) -> Iterator[Open]:
    """Opens memories of their own, closed at the end."""
    made: list[Remembering] = []

    def open_one(config: MemoryConfig | None = None, **sources: Any) -> Remembering:
        made.append(open_memory(tmp_path / f"{len(made)}.db", clock, config, **sources))
        return made[-1]

    yield open_one
    for each in made:
        each.database.close()


@pytest.fixture
def tv(opened: Open) -> Remembering:
    """A memory with the numbers of the table of tiers."""
    return opened()


@pytest.fixture
def make() -> Make:
    """A memory of the evening by its key."""
    return make_memory


def make_memory(tier: Tier, key: str, importance: float = 0.99, **parts: Any) -> Memory:
    memory = Memory(
        tier=tier,
        key=key,
        text=f"About {key}.",
        importance=importance,
        created_at=NOW,
        accessed_at=NOW,
    )
    return replace(memory, **parts)
