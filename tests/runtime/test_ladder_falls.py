"""A ladder answers by the best way that works, whatever the others do."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.clock import ManualClock, SystemClock
from omega_core.errors import OmegaError
from omega_runtime import (
    BreakerConfig,
    CircuitBreaker,
    Deadline,
    EventBus,
    Fall,
    Ladder,
    LadderConfig,
    Mode,
    NoAnswer,
    Outcome,
    State,
    Way,
    Why,
)
from omega_runtime.event_types import AnswerDegraded

START = datetime(2026, 5, 1, 20, tzinfo=UTC)
AMPLE = timedelta(seconds=30)
SHORT = timedelta(milliseconds=15)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What a way that hangs waits for; set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def _full(request: str, _deadline: Deadline) -> str:
    return f"full {request}"


def _shipped(request: str, _deadline: Deadline) -> str:
    return f"shipped {request}"


def _broken(_request: str, _deadline: Deadline) -> str:
    raise OSError


LAST = Way("shipped", Mode.UNHEALTHY, _shipped)


def test_the_best_way_answers_when_it_works(clock: ManualClock) -> None:
    bus = EventBus(clock)
    with Ladder([Way("full", Mode.HEALTHY, _full), LAST], clock, publish=bus.publish) as ladder:
        answer = ladder.answer("evening", AMPLE)
    assert (answer.value, answer.way, answer.mode) == ("full evening", "full", Mode.HEALTHY)
    assert answer.falls == ()
    assert bus.published == 0


def test_a_failing_way_falls_to_the_next_and_is_told(clock: ManualClock) -> None:
    bus = EventBus(clock)
    ways = [
        Way("full", Mode.HEALTHY, _broken),
        Way("exact", Mode.DEGRADED, lambda request, _: f"exact {request}"),
        LAST,
    ]
    with Ladder(ways, clock, publish=bus.publish) as ladder:
        answer = ladder.answer("evening", AMPLE)
    assert (answer.value, answer.way, answer.mode) == ("exact evening", "exact", Mode.DEGRADED)
    assert answer.falls == (Fall("full", Why.FAILED, "OSError"),)
    (told,) = bus.recent()
    assert told.event == AnswerDegraded("exact", "degraded", (("full", "failed"),))


def test_a_way_whose_breaker_is_open_is_not_tried(clock: ManualClock) -> None:
    breaker = CircuitBreaker("full", clock)
    tried: list[str] = []

    def count(request: str, deadline: Deadline) -> str:
        tried.append(request)
        return _broken(request, deadline)

    with Ladder([Way("full", Mode.HEALTHY, count, breaker=breaker), LAST], clock) as ladder:
        why = [ladder.answer("x", AMPLE).falls[0].why for _ in range(6)]
    assert why == [Why.FAILED] * 5 + [Why.OPEN]
    assert len(tried) == 5


def test_a_way_comes_back_when_its_part_does(clock: ManualClock) -> None:
    part = CircuitBreaker("encoder", clock)
    own = CircuitBreaker("full", clock)
    broken = True

    def encode() -> str:
        if broken:
            raise OSError
        return "vector"

    full: Way[str, str] = Way("full", Mode.HEALTHY, lambda _, __: part.call(encode), breaker=own)
    with Ladder([full, LAST], clock) as ladder:
        for _ in range(5):
            ladder.answer("x", AMPLE)
        assert own.state is State.OPEN
        clock.advance(timedelta(seconds=60))
        broken = False
        assert [ladder.answer("x", AMPLE).way for _ in range(2)] == ["full", "full"]
    assert [part.state, own.state] == [State.CLOSED, State.CLOSED]


def test_a_refusal_further_in_names_the_part(clock: ManualClock) -> None:
    part = CircuitBreaker("encoder", clock, BreakerConfig(failures_to_open=1))
    part.admit().settle(part.judge(OSError()))
    own = CircuitBreaker("full", clock, BreakerConfig(failures_to_open=1))
    full: Way[str, str] = Way("full", Mode.HEALTHY, lambda _, __: part.call(str), breaker=own)
    with Ladder([full, LAST], clock) as ladder:
        assert ladder.answer("x", AMPLE).falls == (Fall("full", Why.OPEN, "encoder"),)
    assert own.state is State.CLOSED


def test_a_way_that_hangs_is_given_up_and_counts_as_failed(released: threading.Event) -> None:
    clock = SystemClock()
    breaker = CircuitBreaker("full", clock, BreakerConfig(failures_to_open=1))

    def hang(request: str, _deadline: Deadline) -> str:
        released.wait()
        return request

    with Ladder([Way("full", Mode.HEALTHY, hang, breaker=breaker), LAST], clock) as ladder:
        answer = ladder.answer("x", SHORT)
    assert answer.value == "shipped x"
    assert answer.falls == (Fall("full", Why.LATE),)
    assert breaker.state is State.OPEN


def test_a_way_that_hangs_takes_no_thread_from_another(released: threading.Event) -> None:
    def hang(request: str, _deadline: Deadline) -> str:
        released.wait()
        return request

    ways = [
        Way("full", Mode.HEALTHY, hang, share=0.05),
        Way("exact", Mode.DEGRADED, _full),
        LAST,
    ]
    with Ladder(ways, SystemClock(), LadderConfig(workers=2)) as ladder:
        answers = [ladder.answer("x", timedelta(seconds=4)) for _ in range(3)]
    assert [answer.way for answer in answers] == ["exact"] * 3
    assert [answer.falls[0].why for answer in answers] == [Why.LATE, Why.LATE, Why.BUSY]


def test_a_busy_way_takes_no_trial_from_its_breaker(
    clock: ManualClock, released: threading.Event
) -> None:
    breaker = CircuitBreaker("full", clock, BreakerConfig(failures_to_open=1, half_open_calls=1))

    def hang(request: str, _deadline: Deadline) -> str:
        released.wait()
        return request

    ways = [Way("full", Mode.HEALTHY, hang, breaker=breaker), LAST]
    with Ladder(ways, clock, LadderConfig(workers=1)) as ladder:
        assert ladder.answer("x", SHORT).falls[0].why is Why.LATE
        clock.advance(timedelta(seconds=60))
        assert ladder.answer("x", SHORT).falls[0].why is Why.BUSY
    breaker.admit().settle(Outcome.SUCCESS)


def test_each_way_leaves_its_share_of_the_time_to_the_next(clock: ManualClock) -> None:
    given_time: list[timedelta] = []

    def slow(request: str, deadline: Deadline) -> str:
        given_time.append(deadline.remaining())
        clock.advance(timedelta(seconds=5))
        return _broken(request, deadline)

    ways = [
        Way("full", Mode.HEALTHY, slow, share=0.5),
        Way("exact", Mode.DEGRADED, slow, share=1),
        LAST,
    ]
    with Ladder(ways, clock) as ladder:
        ladder.answer("x", timedelta(seconds=20))
    assert given_time == [timedelta(seconds=10), timedelta(seconds=15)]


def test_without_time_left_only_the_last_way_is_asked(clock: ManualClock) -> None:
    def slow(request: str, deadline: Deadline) -> str:
        clock.advance(AMPLE)
        assert deadline.passed()
        return _broken(request, deadline)

    ways = [Way("full", Mode.HEALTHY, slow), Way("exact", Mode.DEGRADED, _full), LAST]
    with Ladder(ways, clock) as ladder:
        answer = ladder.answer("x", AMPLE)
        assert [fall.why for fall in answer.falls] == [Why.FAILED, Why.NO_TIME]
        assert ladder.answer("x", timedelta(0)).value == "shipped x"


def test_a_closed_ladder_still_answers(clock: ManualClock) -> None:
    ladder = Ladder([Way("full", Mode.HEALTHY, _full), LAST], clock)
    ladder.close()
    answer = ladder.answer("x", AMPLE)
    assert (answer.value, answer.falls[0].why) == ("shipped x", Why.BUSY)


def test_the_last_ways_error_is_the_cause_when_nothing_is_left(clock: ManualClock) -> None:
    ways = [Way("full", Mode.HEALTHY, _broken), Way("shipped", Mode.UNHEALTHY, _broken)]
    with Ladder(ways, clock) as ladder, pytest.raises(NoAnswer) as nothing:
        ladder.answer("x", AMPLE)
    assert isinstance(nothing.value.__cause__, OSError)
    assert nothing.value.falls == (Fall("full", Why.FAILED, "OSError"),)


def test_a_way_sees_the_callers_context(clock: ManualClock) -> None:
    trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace")
    trace.set("request 7")
    with Ladder([Way("full", Mode.HEALTHY, lambda _, __: trace.get()), LAST], clock) as ladder:
        assert ladder.answer("x", AMPLE).value == "request 7"


def test_even_an_exit_in_a_way_does_not_stop_the_answers(clock: ManualClock) -> None:
    def leave(_request: str, _deadline: Deadline) -> str:
        raise SystemExit

    ways = [Way("full", Mode.HEALTHY, leave), LAST]
    with Ladder(ways, clock, LadderConfig(workers=1)) as ladder:
        answers = [ladder.answer("x", AMPLE) for _ in range(3)]
    assert [answer.falls for answer in answers] == [(Fall("full", Why.FAILED, "SystemExit"),)] * 3


def test_threads_get_their_own_answers(clock: ManualClock) -> None:
    ways = [Way("full", Mode.HEALTHY, _full), LAST]
    with Ladder(ways, clock, LadderConfig(workers=8)) as ladder, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: ladder.answer(str(n), AMPLE), range(400)))
    assert [answer.value for answer in answers] == [f"full {n}" for n in range(400)]


@settings(max_examples=60, deadline=None)
@given(works=st.lists(st.booleans(), max_size=5))
def test_the_first_way_that_works_answers(works: list[bool]) -> None:
    ways = [
        Way(str(n), Mode.HEALTHY, _full if good else _broken, share=0.9)
        for n, good in enumerate(works)
    ]
    with Ladder([*ways, LAST], ManualClock(START), LadderConfig(workers=1)) as ladder:
        answer = ladder.answer("x", AMPLE)
    first = works.index(True) if True in works else len(works)
    assert answer.way == [*map(str, range(len(works))), "shipped"][first]
    assert [fall.way for fall in answer.falls] == [str(n) for n in range(first)]


def test_ways_that_make_no_ladder_are_refused(clock: ManualClock) -> None:
    guarded = Way("shipped", Mode.UNHEALTHY, _shipped, breaker=CircuitBreaker("shipped", clock))
    ladders: list[list[Way[str, str]]] = [[], [LAST, LAST], [guarded]]
    for ways in ladders:
        with pytest.raises(OmegaError, match="ways"):
            Ladder(ways, clock)
    with pytest.raises(OmegaError, match="share"):
        Way("full", Mode.HEALTHY, _full, share=0)
    with pytest.raises(OmegaError, match="workers"):
        LadderConfig(workers=0)
