"""What a brain learns with: memory, agent database, preferences and loops, joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omega_agentdb import AgentDB, AgentDBConfig
from omega_agentdb.agentdb import Stores as AgentStores
from omega_brain.adaptive import Adaptive, learnt_to
from omega_brain.config import BrainConfig
from omega_brain.deliberative import Deliberative
from omega_brain.evening import Evening
from omega_brain.household import Household
from omega_brain.index import CatalogueIndex
from omega_brain.longterm import Evolutionary, Trajectory
from omega_brain.loops import BrainLoops
from omega_brain.preferences import Preferences
from omega_brain.runtime import Runtime
from omega_brain.sources import PatternSource, SettingSource, TitleFacts, ViewingSource
from omega_brain.standing import Standing
from omega_brain.stores import Stores
from omega_brain.telling import ToldSkills, ToldVectors
from omega_brain.tuning import Tuning
from omega_brain.vectors import CentredTitles
from omega_brain.zone import zone_of
from omega_core.clock import Clock
from omega_core.memory import Tier
from omega_core.viewing import ViewingEvent
from omega_loops import RecommendationGate
from omega_memory import HouseholdMemory, MemoryConfig, Tiers, shipped, trajectory
from omega_memory.substrate import Latencies
from omega_persistence.causal import Causal
from omega_persistence.episodes import Episodes
from omega_persistence.vectors import Vectors
from omega_runtime.events import Publish


@dataclass(frozen=True)
class Mind:
    """The parts, by name."""

    memory: HouseholdMemory
    """Twelve tiers."""
    agentdb: AgentDB
    """Vectors, episodes, taste patterns, causes."""
    preferences: Preferences
    """What is known of circumstances."""
    latencies: Latencies
    """How long answers took."""
    evening: Evening
    """What is on and what was shown."""
    adaptive: Adaptive
    """What is learnt from new viewings."""
    evolutionary: Evolutionary
    """Upkeep of what was learnt."""
    standing: Standing
    """What the slow tiers say."""
    loops: BrainLoops
    """The seven loops."""

    def forget(self, profile_id: str) -> None:
        """Drops what is held in memory of a profile and of the household; empty = of everybody."""
        self.evening.forget()
        self.evolutionary.forget()
        self.standing.forget()
        if profile_id:
            self.memory.forget_profile(profile_id)
            self.memory.forget_tonight()
        else:
            self.memory.clear()


def make_mind(
    *,
    config: BrainConfig,
    clock: Clock,
    stores: Stores,
    index: CatalogueIndex,
    household: Household,
    model_version: str,
    runtime: Runtime,
    gate: RecommendationGate,
    learn_stored: Callable[[Sequence[ViewingEvent]], None],
    limit_answers: Callable[[float], None],
    changed: Callable[[], None],
) -> Mind:
    """Joins the parts; nothing runs yet.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    zone = zone_of(config.timezone)
    publish = runtime.events.publish
    agentdb = _agentdb(config, clock, stores, index, household, model_version, publish)
    memory, viewings = _memory(clock, stores, index, household, model_version, runtime, agentdb)
    preferences = Preferences(memory, zone, clock.now)
    household.prefer(preferences.suited)
    latencies = Latencies()

    def half_life(tuned: float) -> float:
        reports = memory.named(Tier.EVOLUTIONARY, trajectory.DRIFT_PREFIX, clock.now())
        return trajectory.recency_half_life(reports, tuned)

    tuning = Tuning(stores, household, index, half_life, publish)
    standing = Standing(
        stores,
        memory,
        household,
        preferences,
        tuning,
        config.recommend_timeout_ms,
        limit_answers,
        clock,
    )
    evening = Evening(household, memory, agentdb, preferences.follow, changed)
    deliberative = Deliberative(
        stores, memory, household, standing, latencies, tuning.watch, publish, config.region
    )
    adaptive = Adaptive(
        stores,
        memory,
        agentdb,
        lambda: learn_stored(viewings.take_accepted()),
        zone,
        config.max_storage_mb * 1_000_000,
    )
    evolutionary = Evolutionary(agentdb, index.compact, tuning.step, publish)
    loops = BrainLoops(
        stores,
        clock,
        gate,
        evening=evening,
        adaptive=adaptive,
        deliberative=deliberative,
        evolutionary=evolutionary,
        trajectory=Trajectory(stores, memory, household, model_version),
        publish=publish,
    )
    standing.read()
    return Mind(
        memory, agentdb, preferences, latencies, evening, adaptive, evolutionary, standing, loops
    )


def _agentdb(
    config: BrainConfig,
    clock: Clock,
    stores: Stores,
    index: CatalogueIndex,
    household: Household,
    model_version: str,
    publish: Publish,
) -> AgentDB:
    return AgentDB(
        index.vectors,
        CentredTitles(household, model_version),
        AgentStores(
            ToldSkills(stores.database, publish),
            Causal(stores.database),
            Episodes(stores.database, stores.events),
            ToldVectors(Vectors(stores.database), publish),
        ),
        clock,
        AgentDBConfig(max_patterns=config.max_patterns),
    )


def _memory(
    clock: Clock,
    stores: Stores,
    index: CatalogueIndex,
    household: Household,
    model_version: str,
    runtime: Runtime,
    agentdb: AgentDB,
) -> tuple[HouseholdMemory, ViewingSource]:
    config = MemoryConfig()
    rule = config.rule(Tier.EPISODIC)
    assert rule.retention is not None  # noqa: S101 - a month, by its configuration
    viewings = ViewingSource(
        stores, index, model_version, rule.retention, lambda: learnt_to(stores, agentdb)
    )
    tiers = Tiers(
        config,
        rows=stores.memories,
        episodes=viewings,
        patterns=PatternSource(stores, lambda: household.titles, clock.now),
        settings=SettingSource(stores),
        titles=TitleFacts(stores, index, lambda: household.titles, model_version),
        defaults=shipped.source(),
    )
    publish = runtime.events.publish
    return HouseholdMemory(tiers, stores.database.transaction, config, publish), viewings
