"""The breaker does what a simple model does, second by second, for any order of calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from omega_core.clock import ManualClock
from omega_runtime import BreakerConfig, CircuitBreaker, CircuitOpen, Outcome, Permit

SUCCESS, FAILURE, NOTHING = Outcome.SUCCESS, Outcome.FAILURE, Outcome.NOTHING


@dataclass
class _Model:
    """Lives through every second instead of computing with instants."""

    config: BreakerConfig
    state: str = "closed"
    failures: int = 0
    successes: int = 0
    left: int = 0
    """Seconds until an open one turns half open."""
    calls: dict[int, int] = field(default_factory=dict)
    """Calls that still count: number and seconds under way."""
    made: int = 0

    def second(self) -> None:
        if self.state == "open":
            self.left -= 1
            if self.left == 0:
                self.turn("half_open")
        elif self.state == "half_open":
            self.calls = {call: age + 1 for call, age in self.calls.items()}
            if any(age == self.config.open_seconds for age in self.calls.values()):
                self.turn("open")

    def turn(self, state: str) -> None:
        self.state = state
        self.failures = self.successes = 0
        self.left = int(self.config.open_seconds)
        self.calls = {}

    def admit(self) -> int | None:
        full = self.state == "half_open" and len(self.calls) == self.config.half_open_calls
        if self.state == "open" or full:
            return None
        self.made += 1
        self.calls[self.made] = 0
        return self.made

    def settle(self, call: int, outcome: Outcome) -> None:
        if self.calls.pop(call, None) is None or outcome is NOTHING:
            return
        if outcome is FAILURE:
            self.failures += 1
            if self.state == "half_open" or self.failures == self.config.failures_to_open:
                self.turn("open")
        else:
            self.failures = 0
            self.successes += 1
            if self.state == "half_open" and self.successes == self.config.successes_to_close:
                self.turn("closed")


class _Breakers(RuleBasedStateMachine):
    calls = Bundle("calls")

    @initialize(
        config=st.builds(
            BreakerConfig,
            failures_to_open=st.integers(1, 3),
            open_seconds=st.integers(1, 4).map(float),
            half_open_calls=st.integers(1, 3),
            successes_to_close=st.integers(1, 4),
        )
    )
    def start(self, config: BreakerConfig) -> None:
        self.clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
        self.breaker = CircuitBreaker("part", self.clock, config)
        self.model = _Model(config)

    @rule(target=calls)
    def begin(self) -> tuple[Permit, int] | None:
        number = self.model.admit()
        if number is None:
            with pytest.raises(CircuitOpen) as refused:
                self.breaker.admit()
            left = self.model.left if self.model.state == "open" else 0
            assert refused.value.retry_after == timedelta(seconds=left)
            return None
        return self.breaker.admit(), number

    @rule(call=calls, outcome=st.sampled_from([SUCCESS, FAILURE, NOTHING]))
    def end(self, call: tuple[Permit, int] | None, outcome: Outcome) -> None:
        if call is not None:
            permit, number = call
            permit.settle(outcome)
            self.model.settle(number, outcome)

    @rule()
    def call_that_fails(self) -> None:
        number = self.model.admit()
        # A TypeError from inside, or the refusal in its place.
        with pytest.raises(CircuitOpen if number is None else TypeError):
            self.breaker.call(lambda: len(None))  # type: ignore[arg-type]  # fails on purpose
        if number is not None:
            self.model.settle(number, FAILURE)

    @rule()
    def call_that_works(self) -> None:
        number = self.model.admit()
        if number is None:
            with pytest.raises(CircuitOpen):
                self.breaker.call(int)
        else:
            assert self.breaker.call(int) == 0
            self.model.settle(number, SUCCESS)

    @rule(seconds=st.integers(1, 10))
    def wait(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        for _ in range(seconds):
            self.model.second()

    @rule(days=st.integers(1, 10_000))
    def set_the_clock_back(self, days: int) -> None:
        # Read first: a step forward that nobody saw is taken back together with the step back.
        assert self.breaker.state == self.model.state
        self.clock.advance(timedelta(days=-days))

    @invariant()
    def same_state(self) -> None:
        if hasattr(self, "model"):
            assert self.breaker.state == self.model.state


_Breakers.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBreakers = _Breakers.TestCase
