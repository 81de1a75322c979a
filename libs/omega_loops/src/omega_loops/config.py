"""Settings of the loops."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core import validate
from omega_loops.loop import Loop


@dataclass(frozen=True)
class LoopConfig:
    """How long loops may work at a stretch, and how they come back."""

    reflexive_budget_seconds: float = 0.05
    """Stretch of the Reflexive loop, 0.001 to 0.1."""
    reactive_budget_seconds: float = 1.0
    """Stretch of the Reactive loop, 0.001 to 5."""
    periodic_budget_seconds: float = 5.0
    """Stretch of each periodic loop, 0.001 to 3,600."""
    tick_seconds: float = 1.0
    """Longest sleep between two looks at the clock, 0.001 to 60. A wall clock can jump, so nothing
    sleeps until a far instant."""
    patience_seconds: float = 0.05
    """Longest wait for recommendations to end, 0 to 5. Then one step is done beside them, so that
    a stream of requests without a gap cannot keep the TV from learning."""
    retry_first_seconds: float = 1.0
    """Wait after a first failure, 0.001 to 3,600; doubled after each further one."""
    retry_most_seconds: float = 900.0
    """Longest wait after a failure, retry_first_seconds to 86,400."""
    event_attempts: int = 5
    """Failures after which a deadline loop gives an event up, 1 to 100. Periodic loops never do."""
    max_waiting_events: int = 10_000
    """Runs of deadline loops that may wait, 1 to 1,000,000."""

    def __post_init__(self) -> None:
        """Checks the bounds.

        Raises:
            OmegaError: INVALID_FIELD that names the field.
        """
        number = validate.number
        number("reflexive_budget_seconds", self.reflexive_budget_seconds, 0.001, 0.1)
        number("reactive_budget_seconds", self.reactive_budget_seconds, 0.001, 5)
        number("periodic_budget_seconds", self.periodic_budget_seconds, 0.001, 3600)
        number("tick_seconds", self.tick_seconds, 0.001, 60)
        number("patience_seconds", self.patience_seconds, 0, 5)
        number("retry_first_seconds", self.retry_first_seconds, 0.001, 3600)
        number("retry_most_seconds", self.retry_most_seconds, self.retry_first_seconds, 86_400)
        validate.integer("event_attempts", self.event_attempts, 1, 100)
        validate.integer("max_waiting_events", self.max_waiting_events, 1, 1_000_000)

    def budget(self, loop: Loop) -> float:
        """Seconds that `loop` may work at a stretch."""
        if loop is Loop.REFLEXIVE:
            return self.reflexive_budget_seconds
        if loop is Loop.REACTIVE:
            return self.reactive_budget_seconds
        return self.periodic_budget_seconds

    def backoff(self, failures: int) -> float:
        """Seconds to wait after `failures` (at least 1) failures in a row."""
        doublings = min(failures - 1, 63)
        return float(min(self.retry_first_seconds * 2.0**doublings, self.retry_most_seconds))
