"""A part behind its circuit breaker, whose outcomes also tell its health."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from omega_core.errors import invalid
from omega_runtime.breaker import CircuitBreaker, Outcome
from omega_runtime.health import HealthMonitor

T = TypeVar("T")


class GuardedPart:
    """Calls one part: refused while its breaker is open, each outcome told to the monitor.

    A refused call was not made and tells the monitor nothing.

    Args:
        breaker: its name is the part's name in the monitor.
        monitor: watches the part.

    Raises:
        OmegaError: INVALID_FIELD when it does not.
    """

    def __init__(self, breaker: CircuitBreaker, monitor: HealthMonitor) -> None:
        if breaker.name not in monitor.names:
            raise invalid("breaker", "named as a part that is watched")
        self._breaker = breaker
        self._monitor = monitor

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker that guards it."""
        return self._breaker

    def call(self, call: Callable[[], T]) -> T:
        """Makes the call and passes on its result or exception.

        Raises:
            CircuitOpen: when it was refused.
        """
        with self.use():
            return call()

    @contextmanager
    def use(self) -> Iterator[None]:
        """`with part.use():` guards the block as `call` guards a function.

        Raises:
            CircuitOpen: when it was refused.
        """
        permit = self._breaker.admit()
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            outcome = self._breaker.judge(error)
            permit.settle(outcome)
            if outcome is Outcome.SUCCESS:
                self._monitor.succeeded(self._breaker.name)
            elif outcome is Outcome.FAILURE:
                # The kind alone: an error's text may quote what a person typed or watched.
                self._monitor.failed(self._breaker.name, type(error).__name__)
