"""The brain's parts behind their breakers, their health, and what is told of it."""

from __future__ import annotations

import logging
from importlib.metadata import version

from omega_brain.metering import HEARD, Metering
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_runtime import (
    WATCHED,
    CircuitBreaker,
    EventBus,
    GuardedPart,
    Health,
    HealthConfig,
    HealthMonitor,
    Mode,
    Part,
    State,
    mode_of,
    working_parts,
)
from omega_runtime.event_types import SystemShutdown, SystemStarted

_log = logging.getLogger(__name__)
_ANSWERS = frozenset(
    {
        ErrorCode.INVALID_FIELD,
        ErrorCode.UNKNOWN_CONTENT,
        ErrorCode.UNKNOWN_PROFILE,
        ErrorCode.UNKNOWN_RECOMMENDATION,
        ErrorCode.ENCODER_MISMATCH,
        ErrorCode.CORRUPT_RESOURCE,
        ErrorCode.SYNC_NOT_CONFIGURED,
        ErrorCode.SYNC_NOT_ALLOWED,
        ErrorCode.STORAGE_FULL,
    }
)
"""Errors by which a part shows that it works: the fault is the caller's, the fleet's or the
disk's, and each call must find out anew."""


class Runtime:
    """Which parts work, and how they are called. Safe for threads.

    Args:
        clock: measures the breakers' waits.
    """

    def __init__(self, clock: Clock) -> None:
        self.events = EventBus(clock)
        """What happens, for whoever wants to hear it."""
        self.monitor = HealthMonitor(WATCHED, clock, publish=self.events.publish)
        """Health of each part, by the outcomes of its calls."""
        self._parts = {
            part: GuardedPart(
                CircuitBreaker(str(part), clock, counts=_is_failure, publish=self.events.publish),
                self.monitor,
            )
            for part in Part
        }

    def part(self, part: Part) -> GuardedPart:
        """The guard through which every call of a part goes."""
        return self._parts[part]

    def breaker(self, part: Part) -> State:
        """State of a part's circuit breaker."""
        return self._parts[part].breaker.state

    @property
    def health(self) -> Health:
        """Health at this moment."""
        return self.monitor.snapshot()

    @property
    def mode(self) -> Mode:
        """The best mode that the working parts allow."""
        return mode_of(working_parts(self.health))

    def lost(self, part: Part, reason: str) -> None:
        """Tells that a part is not there: unhealthy until it succeeds."""
        for _ in range(HealthConfig().failures_to_unhealthy):
            self.monitor.failed(part, reason)

    def started(self, metering: Metering) -> None:
        """Tells that the brain serves, and has what happens logged and counted."""
        self.events.handle(metering, *HEARD)
        self.events.publish(SystemStarted(version=version("omega-brain")))

    def stopping(self, reason: str) -> None:
        """Tells that the brain is about to stop, and closes the event bus."""
        self.events.publish(SystemShutdown(reason=reason))
        self.events.close()


def _is_failure(error: Exception) -> bool:
    return not (isinstance(error, OmegaError) and error.code in _ANSWERS)
