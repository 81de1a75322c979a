"""What a brain does is told on its bus, each kind of event by the work that it stands for."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from omega_brain.answers import RecommendQuery
from omega_brain.background import Background
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.memory import MemoryQuery, Tier
from omega_core.tuning import (
    Evidence,
    Fitness,
    SettingsState,
    TunedSettings,
    TuningRecord,
)
from omega_core.viewing import PlaybackAction, ViewingEvent
from omega_meta_sona import Decision, Outcome
from omega_runtime import Event
from omega_runtime.event_types import (
    AgentCreated,
    AgentDestroyed,
    AgentsPruned,
    ArchitectureCreated,
    ArchitectureEvolved,
    ArchitectureMutated,
    ErrorRaised,
    IntelligenceCreated,
    IntelligenceEvolved,
    LoopCycleCompleted,
    LoopCycleStarted,
    LoopFailed,
    MemoryConsolidated,
    MemoryEvicted,
    MemoryRetrieved,
    MemoryStored,
    MetricsCollected,
    SystemPaused,
    SystemResumed,
    SystemShutdown,
    SystemStarted,
)

START = datetime(2026, 3, 2, 18, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROW = np.eye(384, dtype=np.float32)[0]
Told = Callable[[], list[Event]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def tv(config: BrainConfig, stocked_storage: Path, clock: ManualClock) -> Iterator[Brain]:
    shutil.copytree(stocked_storage, config.storage_path)
    brain = Brain(replace(config, max_patterns=16), clock=clock)
    yield brain
    brain.close()


@pytest.fixture
def told(tv: Brain) -> Told:
    """What was told since it was last asked."""
    queue = tv.runtime.events.subscribe()
    return lambda: [published.event for published in queue.drain()]


def kinds(events: list[Event]) -> set[type[Event]]:
    return {type(each) for each in events}


def watch(tv: Brain, titles: list[Content], begin: datetime) -> None:
    """An evening of two titles on each of the days before an instant."""
    tv.observe_all(
        [
            ViewingEvent(
                f"{begin:%d%H}-{n}",
                title.content_id,
                0.95,
                0.95,
                begin - (len(titles) - n) // 2 * DAY + n % 2 * HOUR,
            )
            for n, title in enumerate(titles)
        ]
    )


def test_a_start_a_pause_and_a_stop_are_told(tv: Brain, told: Told) -> None:
    tv.clear_data(str(uuid.uuid4()))
    assert not kinds(told()) & {SystemPaused, SystemResumed}, "nothing ran"
    tv.start()
    tv.clear_data(str(uuid.uuid4()))
    tv.close()
    system = [e for e in told() if e.name.startswith("system.")]
    assert [type(e) for e in system] == [SystemStarted, SystemPaused, SystemResumed, SystemShutdown]


def test_loops_memories_and_patterns_tell_what_they_do(
    tv: Brain, told: Told, titles: list[Content], clock: ManualClock
) -> None:
    tv.loops.tick(clock.now())
    watch(tv, titles[:24], START)
    tv.recommend(RecommendQuery())
    play = ViewingEvent("on", titles[50].content_id, 0.1, 0.1, START, action=PlaybackAction.PLAY)
    tv.observe(play)
    for later in (timedelta(seconds=5), HOUR):
        clock.advance(later)
        tv.loops.tick(clock.now())
    events = told()
    assert kinds(events) >= {
        LoopCycleStarted,
        LoopCycleCompleted,
        MemoryStored,
        MemoryConsolidated,
        IntelligenceCreated,
    }
    found = {e.pattern_id for e in events if isinstance(e, IntelligenceCreated)}
    assert found == {str(skill.skill_id) for skill in tv.agentdb.skill_list()}
    tv.remember(MemoryQuery(tiers=(Tier.SESSION,)))
    assert kinds(told()) == {MemoryRetrieved}

    watch(tv, titles[:6], START + 2 * HOUR)
    clock.advance(HOUR)
    tv.loops.tick(clock.now())
    rates = {e.pattern_id: e.success_rate for e in told() if isinstance(e, IntelligenceEvolved)}
    held = {str(skill.skill_id): skill.success_rate for skill in tv.agentdb.skill_list()}
    assert rates
    assert rates.items() <= held.items()

    before = tv.agentdb.stats()
    assert before.skills + before.causal_edges > 16
    clock.advance(8 * DAY)
    events = told()
    while AgentsPruned not in kinds(events):
        assert tv.loops.tick(clock.now())
        events += told()
    (pruned,) = (e for e in events if isinstance(e, AgentsPruned))
    after = tv.agentdb.stats()
    assert pruned.kept == after.skills + after.causal_edges <= 16
    assert kinds(events) >= {MemoryEvicted, MetricsCollected}


def test_vectors_of_programs_tell_when_they_come_and_go(tv: Brain, told: Told) -> None:
    tv.agentdb.vector_store(ROW, vector_id="least", value=0)
    for n in range(16):
        tv.agentdb.vector_store(ROW, vector_id=f"v{n}")
    assert tv.agentdb.vector_delete("v3")
    assert not tv.agentdb.vector_delete("v3")
    events = told()
    assert [e.item_id for e in events if isinstance(e, AgentCreated)] == [
        "least",
        *(f"v{n}" for n in range(16)),
    ]
    assert [e.item_id for e in events if isinstance(e, AgentDestroyed)] == ["least", "v3"]
    tv.agentdb.clear()
    assert told() == [AgentsPruned(removed=15, kept=0)]


@pytest.mark.parametrize("wins", [True, False])
def test_settings_that_were_tried_tell_what_became_of_them(
    wins: bool, tv: Brain, told: Told, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitness = Fitness(0.2, 0.5, 0.5, 0.5, 0.5)

    class Planned:
        """An attempt that is over at its first step."""

        def __init__(self, *_: object) -> None:
            pass

        def step(self, _seconds: float) -> Decision:
            now, held = clock.now(), tv.persistence.settings.in_force()
            attempt = tv.persistence.settings.attempts() + 1
            record = TuningRecord(
                version=0,
                parent=held.version if held else None,
                state=SettingsState.IN_FORCE if wins else SettingsState.REJECTED,
                settings=TunedSettings(genre=1.0 + attempt),
                fitness=fitness,
                parent_fitness=fitness,
                evidence=Evidence(attempt, now, now, 40, 0.25, 0.001 if wins else 0.5, 0.02),
                decided_at=now,
            )
            return Decision(Outcome.ADOPTED if wins else Outcome.REJECTED, record)

    monkeypatch.setattr("omega_brain.tuning.Tuner", Planned)
    tv.loops.tick(clock.now())
    for week in (1, 2):
        clock.advance(8 * DAY)
        while len(tv.persistence.settings.history()) < week:
            assert tv.loops.tick(clock.now())
    tried = [e for e in told() if e.name.startswith("architecture.")]
    assert tried == (
        [
            ArchitectureMutated("1", "0"),
            ArchitectureCreated("1"),
            ArchitectureMutated("2", "1"),
            ArchitectureEvolved("2", "1", 0.25),
        ]
        if wins
        else [ArchitectureMutated("1", "0"), ArchitectureMutated("2", "0")]
    )


def test_what_fails_in_the_background_is_told(
    tv: Brain, told: Told, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("a title that was watched")

    monkeypatch.setattr(tv.memory, "auto_consolidate", broken)
    tv.loops.tick(clock.now())
    clock.advance(HOUR)
    tv.loops.tick(clock.now())
    assert LoopFailed("adaptive", "OSError") in told()

    queue = tv.runtime.events.subscribe(ErrorRaised)
    background = Background(tv)
    background._run("backup", lambda: 0.01, broken)  # type: ignore[arg-type]  # it never returns
    raised = queue.get(timeout=20)
    background.stop()
    assert raised is not None
    assert raised.event == ErrorRaised("backup", "OSError")
