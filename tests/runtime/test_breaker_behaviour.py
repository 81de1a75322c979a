"""The breaker in its three states, by the exceptions of a caller and under threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_runtime import BreakerConfig, CircuitBreaker, CircuitOpen, EventBus, Outcome, State
from omega_runtime.event_types import BreakerChanged

START = datetime(2026, 5, 1, 20, tzinfo=UTC)
MINUTE = timedelta(seconds=60)


class _BrokenError(Exception):
    pass


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def _state(breaker: CircuitBreaker) -> State:
    # A call: a type checker would take a property for unchanged.
    return breaker.state


def _break() -> None:
    raise _BrokenError


def _fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(_BrokenError):
            breaker.call(_break)


def test_five_failures_in_a_row_open_it_and_nothing_is_called_then(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock)
    calls: list[int] = []
    _fail(breaker, 4)
    breaker.call(lambda: calls.append(1))
    _fail(breaker, 4)
    assert _state(breaker) is State.CLOSED
    _fail(breaker, 1)
    assert _state(breaker) is State.OPEN
    clock.advance(timedelta(seconds=59))
    with pytest.raises(CircuitOpen) as refused:
        breaker.call(lambda: calls.append(2))
    assert calls == [1]
    assert refused.value.breaker == "index"
    assert refused.value.retry_after == timedelta(seconds=1)


def test_after_a_minute_two_successes_close_it(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock)
    _fail(breaker, 5)
    clock.advance(MINUTE)
    assert breaker.call(lambda: 7) == 7
    assert _state(breaker) is State.HALF_OPEN
    with breaker:
        pass
    assert _state(breaker) is State.CLOSED
    _fail(breaker, 4)
    assert _state(breaker) is State.CLOSED


def test_one_failed_trial_opens_it_for_another_minute(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock)
    _fail(breaker, 5)
    clock.advance(MINUTE)
    breaker.call(int)
    _fail(breaker, 1)
    clock.advance(timedelta(seconds=59))
    assert _state(breaker) is State.OPEN
    clock.advance(timedelta(seconds=1))
    assert _state(breaker) is State.HALF_OPEN


def test_at_most_three_trials_are_under_way_and_an_ended_one_frees_its_place(
    clock: ManualClock,
) -> None:
    breaker = CircuitBreaker("index", clock, BreakerConfig(successes_to_close=9))
    _fail(breaker, 5)
    clock.advance(MINUTE)
    trials = [breaker.admit() for _ in range(3)]
    with pytest.raises(CircuitOpen) as refused:
        breaker.admit()
    assert refused.value.retry_after == timedelta(0)
    trials[0].settle(Outcome.NOTHING)
    breaker.admit()


def test_three_trials_that_hang_do_not_hold_it_half_open_for_ever(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock)
    _fail(breaker, 5)
    clock.advance(MINUTE)
    hung = [breaker.admit() for _ in range(3)]
    clock.advance(MINUTE)
    assert _state(breaker) is State.OPEN
    clock.advance(MINUTE)
    assert _state(breaker) is State.HALF_OPEN
    for permit in hung:
        permit.settle(Outcome.SUCCESS)
    assert _state(breaker) is State.HALF_OPEN


def test_an_exception_that_does_not_count_shows_that_the_part_answers(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock, counts=lambda error: isinstance(error, _BrokenError))
    _fail(breaker, 4)
    with pytest.raises(ValueError, match="no number"):
        breaker.call(lambda: int("no number"))
    _fail(breaker, 4)
    assert _state(breaker) is State.CLOSED


def test_an_interrupt_and_a_refusal_further_in_say_nothing(clock: ManualClock) -> None:
    inner = CircuitBreaker("encoder", clock)
    outer = CircuitBreaker("full", clock, BreakerConfig(failures_to_open=2))
    _fail(inner, 5)
    _fail(outer, 1)
    for _ in range(3):
        with pytest.raises(CircuitOpen):
            outer.call(lambda: inner.call(int))
    assert _state(outer) is State.CLOSED
    with pytest.raises(KeyboardInterrupt), outer:
        raise KeyboardInterrupt
    _fail(outer, 1)
    assert _state(outer) is State.OPEN


def test_a_permit_counts_once(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock, BreakerConfig(failures_to_open=2))
    permit = breaker.admit()
    permit.settle(Outcome.FAILURE)
    permit.settle(Outcome.FAILURE)
    assert _state(breaker) is State.CLOSED


def test_a_clock_that_is_set_back_does_not_keep_it_open(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock)
    clock.advance(timedelta(days=9_000))
    _fail(breaker, 5)
    clock.advance(timedelta(days=-9_000))
    assert _state(breaker) is State.OPEN
    clock.advance(MINUTE)
    assert _state(breaker) is State.HALF_OPEN


def test_each_change_of_state_is_told(clock: ManualClock) -> None:
    bus = EventBus(clock)
    breaker = CircuitBreaker("index", clock, publish=bus.publish)
    _fail(breaker, 5)
    clock.advance(MINUTE)
    breaker.call(int)
    breaker.call(int)
    told = [each.event for each in bus.recent(BreakerChanged)]
    states = ["closed", "open", "half_open", "closed"]
    assert told == [BreakerChanged("index", before, after) for before, after in pairwise(states)]


def test_threads_never_run_more_trials_than_allowed(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock, BreakerConfig(successes_to_close=100))
    _fail(breaker, 5)
    clock.advance(MINUTE)
    lock = threading.Lock()
    all_asked = threading.Barrier(16)
    running, most, refused = 0, 0, 0

    def trial() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_asked.wait()
        with lock:
            running -= 1

    def caller() -> None:
        nonlocal refused
        try:
            breaker.call(trial)
        except CircuitOpen:
            with lock:
                refused += 1
            all_asked.wait()

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(caller) for _ in range(16)]:
            done.result()
    assert (most, refused) == (3, 13)


def test_failures_of_many_threads_are_all_counted(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock, BreakerConfig(failures_to_open=801))
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(_fail, breaker, 100) for _ in range(8)]:
            done.result()
    assert _state(breaker) is State.CLOSED
    _fail(breaker, 1)
    assert _state(breaker) is State.OPEN


def test_nested_uses_in_one_thread_each_count(clock: ManualClock) -> None:
    breaker = CircuitBreaker("index", clock, BreakerConfig(failures_to_open=2))
    with pytest.raises(_BrokenError), breaker, breaker:
        _break()
    assert _state(breaker) is State.OPEN


@pytest.mark.parametrize(
    "wrong",
    [
        {"failures_to_open": 0},
        {"open_seconds": 0.0},
        {"open_seconds": float("nan")},
        {"half_open_calls": 0},
        {"successes_to_close": 101},
    ],
)
def test_a_setting_out_of_bounds_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(OmegaError, match=next(iter(wrong))):
        BreakerConfig(**wrong)  # type: ignore[arg-type]  # integers where the test gives them
