"""A durable store of settings, and a planted household whose tuning wins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_meta_sona import World
from omega_persistence import Database, Settings
from omega_rank import RankConfig
from omega_testing import planted
from omega_testing.planted import PlantedWorld

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "omega.db"


@pytest.fixture
def store(path: Path) -> Iterator[Settings]:
    database = Database.open(path, clock=ManualClock(NOW))
    yield Settings(database)
    database.close()


@pytest.fixture(scope="session")
def titles() -> PlantedWorld:
    return planted.planted_world(2)


@pytest.fixture(scope="session")
def world(titles: PlantedWorld) -> World:
    return World(titles.catalogue, titles.model, RankConfig())
