"""A brain inside a program: opened, asked, taught, synced and closed without a server."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from omega_agentdb import AgentDB
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.loops import BrainLoops
from omega_brain.runtime import Runtime
from omega_brain.stores import Stores
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_memory import HouseholdMemory
from omega_runtime import Mode
from omega_runtime.event_types import SystemShutdown, SystemStarted


def test_a_program_can_drive_a_brain_without_a_server(
    config: BrainConfig,
    stocked_storage: Path,
    titles: list[Content],
    viewing: Callable[..., ViewingEvent],
) -> None:
    shutil.copytree(stocked_storage, config.storage_path)
    with Brain.init(config) as brain:
        brain.start()
        assert brain.observe(viewing(titles[0].content_id)).recorded
        answer = brain.recommend(RecommendQuery(limit=10))
        assert (len(answer.titles), answer.mode) == (10, Mode.HEALTHY)
        assert titles[0].content_id not in answer.content_ids
        with pytest.raises(OmegaError) as caught:
            brain.sync()
        assert caught.value.code == ErrorCode.SYNC_NOT_CONFIGURED
        assert brain.runtime.mode is Mode.HEALTHY, "a TV without a fleet is well"
        assert brain.runtime.events.recent(SystemStarted)
    assert brain.runtime.events.recent(SystemShutdown)
    with pytest.raises(OmegaError) as caught:
        brain.observe(viewing(titles[1].content_id))
    assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE
    with Brain.init(config) as again:
        assert again.persistence.events.count() == 1


def test_the_accessors_are_the_parts_that_serve(
    brain: Brain, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    assert isinstance(brain.agentdb, AgentDB)
    assert isinstance(brain.memory, HouseholdMemory)
    assert isinstance(brain.loops, BrainLoops)
    assert isinstance(brain.persistence, Stores)
    assert isinstance(brain.runtime, Runtime)
    event = replace(viewing(titles[3].content_id), session_id="tonight")
    assert brain.agentdb.reflexion_store(event)
    (episode,) = brain.agentdb.reflexion_by_session("tonight")
    assert episode.episode_id == event.event_id
    assert brain.persistence.events.count() == 1
    assert brain.agentdb.stats().catalogue_vectors == len(titles)
    brain.persistence.database.backup()
    assert brain.persistence.database.backup_path.exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("dimension", 512),
        ("hnsw_m", 1),
        ("hnsw_ef", 0),
        ("max_patterns", 15),
        ("recommend_timeout_ms", 0),
        ("max_storage_mb", 63),
        ("max_watchers", 65),
        ("sync_interval_secs", 9),
        ("timezone", "Mars/Olympus"),
        ("min_samples", 0),
    ],
)
def test_a_setting_out_of_bounds_is_named(setting: str, value: object) -> None:
    with pytest.raises(OmegaError) as caught:
        BrainConfig(**{setting: value})  # type: ignore[arg-type]  # a table of settings
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, setting)


def test_the_defaults_are_the_originals() -> None:
    config = BrainConfig()
    assert (config.dimension, config.hnsw_m, config.hnsw_ef) == (384, 32, 100)
    assert (config.max_patterns, config.sync_interval_secs) == (10_000, 600)
    assert (str(config.storage_path), config.recommend_timeout_ms) == ("/data/omega", 15)
    assert config.constellation_url == "https://constellation.omega.tv"
