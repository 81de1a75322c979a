"""Circuit breaker: stops calling what keeps failing, and tries it again later.

M. Nygard, Release It!, 2nd ed. (2018; 1st 2007), chapter 5, "Circuit Breaker". What this one does:

Closed. Every call is let through. `failures_to_open` failures in a row open it; a success in
between starts the count anew. "In a row" is the order in which calls end.

Open. Every call is refused with CircuitOpen, until `open_seconds` have passed since it opened;
then it is half open.

Half open. At most `half_open_calls` trials are under way at once; further calls are refused.
`successes_to_close` successful trials close it; one failed trial opens it for another
`open_seconds`. A trial that has not ended within `open_seconds` counts as failed at that moment,
so a call that hangs cannot hold the breaker half open for ever.

An outcome counts only in the state in which its call was let through: a call let through before a
change of state says nothing afterwards.

An exception for which `counts` is false means that the part answered, and is a success. A
CircuitOpen of another breaker further in, and what is no Exception (KeyboardInterrupt,
CancelledError), says nothing: it frees the trial's place and changes no count.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum, auto
from types import TracebackType
from typing import Self, TypeVar

from omega_core import validate
from omega_core.clock import Clock
from omega_runtime.elapsed import ZERO, Elapsed
from omega_runtime.event_types import BreakerChanged
from omega_runtime.events import Publish, unheard

T = TypeVar("T")


class CircuitOpen(Exception):  # noqa: N818 - the state's own name is the term
    """The call was refused, and not made.

    Attributes:
        breaker: name of the breaker.
        retry_after: time until a trial may be let through; 0 when only too many are under way.
    """

    def __init__(self, breaker: str, retry_after: timedelta) -> None:
        super().__init__(f"{breaker} is not called: its circuit is open")
        self.breaker = breaker
        self.retry_after = retry_after


class State(StrEnum):
    """State of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Outcome(Enum):
    """What a call said about the part."""

    SUCCESS = auto()
    FAILURE = auto()
    NOTHING = auto()


@dataclass(frozen=True)
class BreakerConfig:
    """When a breaker opens and closes."""

    failures_to_open: int = 5
    """Failures in a row that open it, 1 to 1,000."""
    open_seconds: float = 60.0
    """How long it stays open, and how long a trial may take, 0.01 to 86,400."""
    half_open_calls: int = 3
    """Trials under way at once while half open, 1 to 100."""
    successes_to_close: int = 2
    """Successful trials that close it, 1 to 100."""

    def __post_init__(self) -> None:
        validate.integer("failures_to_open", self.failures_to_open, 1, 1_000)
        validate.number("open_seconds", self.open_seconds, 0.01, 86_400)
        validate.integer("half_open_calls", self.half_open_calls, 1, 100)
        validate.integer("successes_to_close", self.successes_to_close, 1, 100)


def every_exception(_error: Exception) -> bool:
    """Counts every exception as a failure."""
    return True


class Permit:
    """Leave for one call, to be settled once with its outcome; later settlements do nothing."""

    def __init__(self, breaker: CircuitBreaker, generation: int) -> None:
        """Made by `CircuitBreaker.admit`."""
        self._breaker = breaker
        self.generation = generation
        self.settled = False

    def settle(self, outcome: Outcome) -> None:
        """Tells the breaker how the call ended. Any thread may do so."""
        self._breaker.settle(self, outcome)


class CircuitBreaker:
    """Guards the calls of one part: `breaker.call(fn)`, `with breaker:`, or `admit` and `settle`.

    Thread-safe; no lock is held while a guarded call runs. `with` may be nested, and must be left
    by the thread that entered it.

    Args:
        name: of the part, for errors and events.
        clock: measures the waits; a step back of the clock counts as no time.
        config: thresholds.
        counts: whether an exception is a failure of the part; must not raise.
        publish: is told each change of state.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        config: BreakerConfig | None = None,
        *,
        counts: Callable[[Exception], bool] = every_exception,
        publish: Publish = unheard,
    ) -> None:
        self.name = name
        self._config = config or BreakerConfig()
        self._counts = counts
        self._publish = publish
        self._wait = timedelta(seconds=self._config.open_seconds)
        self._elapsed = Elapsed(clock)
        self._lock = threading.Lock()
        self._state = State.CLOSED
        self._generation = 0
        self._count = 0
        self._opened = ZERO
        self._trials: dict[Permit, timedelta] = {}
        self._entered = threading.local()

    @property
    def state(self) -> State:
        """Its present state."""
        with self._lock:
            self._advance()
            return self._state

    def call(self, call: Callable[[], T]) -> T:
        """Makes the call and passes on its result or exception.

        Raises:
            CircuitOpen: when it was refused.
        """
        with self:
            return call()

    def admit(self) -> Permit:
        """Leave for one call whose outcome will be settled by hand.

        Raises:
            CircuitOpen: when it is refused.
        """
        with self._lock:
            now = self._advance()
            if self._state is State.OPEN:
                raise CircuitOpen(self.name, self._opened + self._wait - now)
            if self._state is State.HALF_OPEN and len(self._trials) >= self._config.half_open_calls:
                raise CircuitOpen(self.name, ZERO)
            permit = Permit(self, self._generation)
            if self._state is State.HALF_OPEN:
                self._trials[permit] = now
            return permit

    def judge(self, error: BaseException | None) -> Outcome:
        """What a call that ended so (None = without exception) says about the part."""
        if error is None:
            return Outcome.SUCCESS
        if isinstance(error, CircuitOpen) or not isinstance(error, Exception):
            return Outcome.NOTHING
        return Outcome.FAILURE if self._counts(error) else Outcome.SUCCESS

    def settle(self, permit: Permit, outcome: Outcome) -> None:
        """The same as `permit.settle(outcome)`."""
        with self._lock:
            now = self._advance()
            if permit.settled or permit.generation != self._generation:
                return
            permit.settled = True
            if self._trials.pop(permit, None) is None:
                self._settle_closed(outcome, now)
            else:
                self._settle_trial(outcome, now)

    def _settle_closed(self, outcome: Outcome, now: timedelta) -> None:
        if outcome is Outcome.SUCCESS:
            self._count = 0
        elif outcome is Outcome.FAILURE:
            self._count += 1
            if self._count >= self._config.failures_to_open:
                self._open(now)

    def _settle_trial(self, outcome: Outcome, now: timedelta) -> None:
        if outcome is Outcome.FAILURE:
            self._open(now)
        elif outcome is Outcome.SUCCESS:
            self._count += 1
            if self._count >= self._config.successes_to_close:
                self._turn(State.CLOSED)

    def _advance(self) -> timedelta:
        """Makes the changes that time alone has brought, each at its own moment."""
        now = self._elapsed.read()
        while True:
            if self._state is State.OPEN and now >= self._opened + self._wait:
                self._turn(State.HALF_OPEN)
            elif self._trials and now >= (late := min(self._trials.values()) + self._wait):
                self._open(late)
            else:
                return now

    def _open(self, at: timedelta) -> None:
        self._opened = at
        self._turn(State.OPEN)

    def _turn(self, state: State) -> None:
        before, self._state = self._state, state
        self._generation += 1
        self._count = 0
        self._trials.clear()
        # Under the lock, so that the changes are told in their order; publishing never waits.
        self._publish(BreakerChanged(breaker=self.name, before=before, after=state))

    def __enter__(self) -> Self:
        permit = self.admit()
        stack: list[Permit] = self._entered.__dict__.setdefault("stack", [])
        stack.append(permit)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        permit: Permit = self._entered.stack.pop()
        permit.settle(self.judge(error))
