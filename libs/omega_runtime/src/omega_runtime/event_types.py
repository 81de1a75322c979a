"""The events of a TV. They carry ids, counts and times, never a title or a person's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from omega_runtime.events import Event


@dataclass(frozen=True)
class SystemStarted(Event):
    """The brain serves."""

    name: ClassVar[str] = "system.started"
    version: str


@dataclass(frozen=True)
class SystemShutdown(Event):
    """The brain is about to stop."""

    name: ClassVar[str] = "system.shutdown"
    reason: str


@dataclass(frozen=True)
class SystemPaused(Event):
    """Background work stands still; answers go on."""

    name: ClassVar[str] = "system.paused"
    reason: str


@dataclass(frozen=True)
class SystemResumed(Event):
    """Background work goes on."""

    name: ClassVar[str] = "system.resumed"


@dataclass(frozen=True)
class LoopCycleStarted(Event):
    """A loop begins a cycle."""

    name: ClassVar[str] = "loop.cycle.started"
    loop: str


@dataclass(frozen=True)
class LoopCycleCompleted(Event):
    """A loop ended a cycle."""

    name: ClassVar[str] = "loop.cycle.completed"
    loop: str
    seconds: float
    changes: int
    """Things it changed."""


@dataclass(frozen=True)
class LoopFailed(Event):
    """A cycle ended with an error."""

    name: ClassVar[str] = "loop.error"
    loop: str
    error: str


@dataclass(frozen=True)
class MemoryStored(Event):
    """A memory was written to a tier."""

    name: ClassVar[str] = "memory.stored"
    tier: str
    memory_id: str


@dataclass(frozen=True)
class MemoryRetrieved(Event):
    """Memories of a tier were read."""

    name: ClassVar[str] = "memory.retrieved"
    tier: str
    count: int


@dataclass(frozen=True)
class MemoryConsolidated(Event):
    """Memories moved from one tier to another."""

    name: ClassVar[str] = "memory.consolidated"
    source: str
    target: str
    count: int


@dataclass(frozen=True)
class MemoryEvicted(Event):
    """Memories left a tier for good."""

    name: ClassVar[str] = "memory.evicted"
    tier: str
    count: int
    reason: str


@dataclass(frozen=True)
class IntelligenceCreated(Event):
    """A taste pattern was found."""

    name: ClassVar[str] = "intelligence.created"
    pattern_id: str


@dataclass(frozen=True)
class IntelligenceEvolved(Event):
    """A taste pattern changed by merge, split or new evidence."""

    name: ClassVar[str] = "intelligence.evolved"
    pattern_id: str
    success_rate: float
    """0 to 1, after the change."""


@dataclass(frozen=True)
class ArchitectureCreated(Event):
    """A first set of ranking settings was taken."""

    name: ClassVar[str] = "architecture.created"
    setting_id: str


@dataclass(frozen=True)
class ArchitectureEvolved(Event):
    """Better ranking settings took the place of others that were tuned."""

    name: ClassVar[str] = "architecture.evolved"
    setting_id: str
    parent_id: str
    gain: float
    """Mean gain over the parent on viewings that the search had not seen, -1 to 1."""


@dataclass(frozen=True)
class ArchitectureMutated(Event):
    """Ranking settings were proposed and tested."""

    name: ClassVar[str] = "architecture.mutated"
    setting_id: str
    parent_id: str


@dataclass(frozen=True)
class AgentCreated(Event):
    """A program stored a vector in the agent database."""

    name: ClassVar[str] = "agent.created"
    item_id: str


@dataclass(frozen=True)
class AgentDestroyed(Event):
    """A program's vector left the agent database."""

    name: ClassVar[str] = "agent.destroyed"
    item_id: str


@dataclass(frozen=True)
class AgentsPruned(Event):
    """The agent database forgot what had faded, what was too much, or all vectors of programs."""

    name: ClassVar[str] = "agents.pruned"
    removed: int
    kept: int


@dataclass(frozen=True)
class ErrorRaised(Event):
    """An error that no caller will see."""

    name: ClassVar[str] = "error"
    where: str
    error: str


@dataclass(frozen=True)
class MetricsCollected(Event):
    """Figures were read."""

    name: ClassVar[str] = "metrics.collected"
    figures: tuple[tuple[str, float], ...]
    """Name and value."""


@dataclass(frozen=True)
class HealthChanged(Event):
    """An outcome changed the health of a part."""

    name: ClassVar[str] = "health.changed"
    part: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True)
class BreakerChanged(Event):
    """A circuit breaker changed its state."""

    name: ClassVar[str] = "breaker.changed"
    breaker: str
    before: str
    after: str


@dataclass(frozen=True)
class AnswerDegraded(Event):
    """An answer came from a way other than the best."""

    name: ClassVar[str] = "answer.degraded"
    way: str
    mode: str
    falls: tuple[tuple[str, str], ...]
    """Each better way and why it did not answer."""
