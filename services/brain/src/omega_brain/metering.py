"""What the brain tells of itself while it runs: lines in the log, and metrics for who exports them.

Without a provider of OpenTelemetry each metric costs a call that does nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from opentelemetry import metrics

from omega_core import spans
from omega_runtime import Event, Mode, Published, State
from omega_runtime.event_types import (
    AnswerDegraded,
    BreakerChanged,
    HealthChanged,
    LoopCycleCompleted,
    LoopFailed,
    MemoryEvicted,
)

_log = logging.getLogger(__name__)
HEARD: tuple[type[Event], ...] = (
    AnswerDegraded,
    BreakerChanged,
    HealthChanged,
    LoopCycleCompleted,
    LoopFailed,
    MemoryEvicted,
)
"""Types of the events that Metering takes."""
_STATES = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}

# Made once: without a provider, the API keeps every meter that was ever asked for.
_meter = metrics.get_meter("omega_brain")
_answers = _meter.create_histogram(
    "omega.brain.answer.duration",
    unit="s",
    description="Time that a list took, by its mode",
    explicit_bucket_boundaries_advisory=spans.OPERATIONS,
)
_cycles = _meter.create_histogram(
    "omega.brain.loop.duration",
    unit="s",
    description="Time of each run that ended a cycle",
    explicit_bucket_boundaries_advisory=spans.JOBS,
)
_failed_cycles = _meter.create_counter(
    "omega.brain.loop.failures", unit="{run}", description="Runs of loops that raised"
)
_evicted = _meter.create_counter(
    "omega.brain.memory.evicted", unit="{memory}", description="Memories that left their tier"
)
_breakers = _meter.create_gauge(
    "omega.brain.breaker.state", unit="{state}", description="0 closed, 1 half open, 2 open"
)
_patterns = _meter.create_gauge(
    "omega.brain.taste.patterns", unit="{pattern}", description="Taste patterns that are held"
)


def answered(seconds: float, mode: Mode) -> None:
    """A list was made."""
    _answers.record(seconds, {"omega.brain.mode": str(mode)})


class Metering:
    """Takes events of the bus.

    Args:
        patterns: counts the taste patterns.
    """

    def __init__(self, patterns: Callable[[], int]) -> None:
        self._patterns = patterns

    def __call__(self, published: Published) -> None:
        """Logs and counts one event."""
        match published.event:
            case AnswerDegraded(way=way, falls=falls):
                _log.info("a list came by the way %s: %s", way, dict(falls))
            case HealthChanged(part=part, before=before, after=after, reason=reason):
                _log.warning("%s was %s and is %s. %s", part, before, after, reason)
            case BreakerChanged(breaker=breaker, before=before, after=after):
                _log.info("the breaker of %s was %s and is %s", breaker, before, after)
                _breakers.set(_STATES[State(after)], {"omega.brain.part": breaker})
            case LoopCycleCompleted(loop=loop, seconds=seconds):
                _cycles.record(seconds, {"omega.brain.loop": loop})
                if loop == "adaptive":
                    _patterns.set(self._patterns())
            case LoopFailed(loop=loop, error=error):
                _failed_cycles.add(1, {"omega.brain.loop": loop, "error.type": error})
            case MemoryEvicted(tier=tier, count=count):
                _evicted.add(count, {"omega.brain.tier": tier})
