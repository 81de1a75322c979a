"""The ranking is tuned on what this household watched, and a restart changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.tuning import (
    Evidence,
    Fitness,
    SettingsState,
    TunedSettings,
    TuningRecord,
)
from omega_core.viewing import ViewingEvent
from omega_loops import Loop

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def watched(
    config: BrainConfig,
    stocked_storage: Path,
    clock: ManualClock,
    titles: list[Content],
    viewing: Callable[..., ViewingEvent],
) -> Iterator[Brain]:
    """A brain whose household watched 100 titles in four months."""
    import shutil  # noqa: PLC0415 - this fixture alone copies

    shutil.copytree(stocked_storage, config.storage_path)
    brain = Brain(config, clock=clock)
    brain.loops.tick(clock.now())
    for n, title in enumerate(titles[:100]):
        clock.advance(timedelta(hours=29))
        event = viewing(title.content_id, 0.95 if n % 3 else 0.2)
        brain.observe(replace(event, occurred_at=clock.now()))
    yield brain
    brain.close()


def test_a_household_tunes_its_own_ranking(watched: Brain, clock: ManualClock) -> None:
    for _ in range(400):
        if any(
            report.loop is Loop.EVOLUTIONARY and report.outcome == "finished"
            for report in watched.loops.tick(clock.now())
        ):
            break
    else:
        pytest.fail("the weekly cycle never ended")
    (report,) = watched.persistence.loops.history(Loop.EVOLUTIONARY, 1)
    assert report.cycle == 1
    history = watched.persistence.settings.history()
    assert len(history) == report.changes["settings_tried"] <= 1
    in_force = watched.persistence.settings.in_force()
    assert watched.household.tuned.version == (in_force.version if in_force else 0)


def test_what_was_adopted_ranks_after_a_restart_and_no_longer_once_it_is_rolled_back(
    watched: Brain, clock: ManualClock, config: BrainConfig
) -> None:
    # After a restart, as the lists below: what the session of a running brain adds is not asked.
    watched.close()
    before = Brain(config, clock=clock)
    plain = before.recommend(RecommendQuery(limit=50))
    assert plain.settings_version == 0
    fitness = Fitness(0.2, 0.5, 0.5, 0.5, 0.5)
    now = clock.now()
    before.persistence.settings.adopt(
        TuningRecord(
            version=0,
            parent=None,
            state=SettingsState.IN_FORCE,
            settings=TunedSettings(genre=8.0, nearest=0.1, content=0.1, ef=200),
            fitness=fitness,
            parent_fitness=fitness,
            evidence=Evidence(1, now, now, events=40, effect=0.1, p_value=0.001, alpha=0.02),
            decided_at=now,
        )
    )
    before.close()
    brain = Brain(config, clock=clock)
    tuned = brain.recommend(RecommendQuery(limit=50))
    assert tuned.settings_version == 1
    assert tuned.content_ids != plain.content_ids
    record = brain.persistence.settings.in_force()
    assert record is not None
    brain.persistence.settings.roll_back(record.version, record.watch, now)
    brain.close()
    again = Brain(config, clock=clock)
    back = again.recommend(RecommendQuery(limit=50))
    assert (back.settings_version, back.content_ids) == (0, plain.content_ids)
    again.close()
