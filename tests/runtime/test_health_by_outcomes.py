"""Health follows what was observed, and the whole is the worst that matters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_runtime import (
    BreakerConfig,
    CircuitBreaker,
    CircuitOpen,
    EventBus,
    GuardedPart,
    HealthConfig,
    HealthMonitor,
    Status,
    Watched,
)
from omega_runtime.event_types import HealthChanged

START = datetime(2026, 5, 1, 20, tzinfo=UTC)
VITAL, SPARE = Watched("store"), Watched("sync", vital=False)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def _status(monitor: HealthMonitor, name: str) -> Status:
    return next(part.status for part in monitor.snapshot().parts if part.name == name)


def _fail(monitor: HealthMonitor, name: str, times: int) -> None:
    for _ in range(times):
        monitor.failed(name, "OSError")


def test_three_failures_degrade_five_fell_and_five_successes_heal(clock: ManualClock) -> None:
    monitor = HealthMonitor([VITAL], clock)
    seen = []
    for _ in range(5):
        monitor.failed("store", "OSError")
        seen.append(_status(monitor, "store"))
    for _ in range(5):
        monitor.succeeded("store")
        seen.append(_status(monitor, "store"))
    assert [str(each) for each in seen] == (
        ["healthy"] * 2 + ["degraded"] * 2 + ["unhealthy"] * 5 + ["healthy"]
    )


def test_silence_makes_a_part_stale_and_a_word_ends_it(clock: ManualClock) -> None:
    monitor = HealthMonitor([VITAL], clock)
    clock.advance(timedelta(seconds=299))
    assert _status(monitor, "store") is Status.HEALTHY
    assert monitor.silent(300) == ()
    clock.advance(timedelta(seconds=1))
    assert _status(monitor, "store") is Status.STALE
    assert monitor.silent(300) == ("store",)
    assert monitor.snapshot().status is Status.DEGRADED
    monitor.succeeded("store")
    assert _status(monitor, "store") is Status.HEALTHY


def test_silence_does_not_heal_what_does_not_work(clock: ManualClock) -> None:
    monitor = HealthMonitor([VITAL], clock)
    _fail(monitor, "store", 5)
    clock.advance(timedelta(days=1))
    assert monitor.snapshot().status is Status.UNHEALTHY


def test_a_clock_that_is_set_back_does_not_hide_later_silence(clock: ManualClock) -> None:
    monitor = HealthMonitor([VITAL], clock)
    clock.advance(timedelta(days=-9_000))
    assert _status(monitor, "store") is Status.HEALTHY
    clock.advance(timedelta(seconds=300))
    assert _status(monitor, "store") is Status.STALE


@pytest.mark.parametrize(
    ("name", "failures", "whole"),
    [
        ("store", 3, Status.DEGRADED),
        ("store", 5, Status.UNHEALTHY),
        ("sync", 3, Status.HEALTHY),
        ("sync", 5, Status.DEGRADED),
    ],
)
def test_what_ails_a_part_that_is_not_vital_counts_one_step_milder(
    clock: ManualClock, name: str, failures: int, whole: Status
) -> None:
    monitor = HealthMonitor([VITAL, SPARE], clock)
    _fail(monitor, name, failures)
    assert monitor.snapshot().status is whole


def test_a_snapshot_says_why(clock: ManualClock) -> None:
    monitor = HealthMonitor([VITAL, SPARE], clock)
    monitor.succeeded("store")
    _fail(monitor, "store", 3)
    clock.advance(timedelta(seconds=10))
    snapshot = monitor.snapshot()
    store, sync = snapshot.parts
    assert snapshot.at == START + timedelta(seconds=10)
    assert (store.successes, store.failures, store.consecutive_failures) == (1, 3, 3)
    assert store.last_word == START
    assert sync.last_word is None
    assert snapshot.reasons == ("store: 3 failures and 0 successes in a row; last error: OSError",)
    clock.advance(timedelta(seconds=290))
    assert monitor.snapshot().reasons == tuple(
        f"{name}: nothing heard for 300 s" for name in ("store", "sync")
    )


def test_a_long_reason_is_cut(clock: ManualClock) -> None:
    monitor = HealthMonitor([VITAL], clock)
    for _ in range(3):
        monitor.failed("store", "x" * 10_000)
    assert len(monitor.snapshot().reasons[0]) < 300


def test_only_changes_are_told(clock: ManualClock) -> None:
    bus = EventBus(clock)
    monitor = HealthMonitor([VITAL], clock, publish=bus.publish)
    _fail(monitor, "store", 9)
    for _ in range(9):
        monitor.succeeded("store")
    changes = [each.event for each in bus.recent(HealthChanged)]
    assert [(each.before, each.after) for each in changes if isinstance(each, HealthChanged)] == [
        ("healthy", "degraded"),
        ("degraded", "unhealthy"),
        ("unhealthy", "healthy"),
    ]


@settings(max_examples=200, deadline=None)
@given(
    outcomes=st.lists(st.booleans(), max_size=60),
    low=st.integers(1, 4),
    gap=st.integers(0, 3),
    heal=st.integers(1, 4),
)
def test_status_is_what_the_whole_history_says(
    outcomes: list[bool], low: int, gap: int, heal: int
) -> None:
    config = HealthConfig(
        failures_to_degraded=low, failures_to_unhealthy=low + gap, successes_to_healthy=heal
    )
    monitor = HealthMonitor([VITAL], ManualClock(START), config)
    for good in outcomes:
        if good:
            monitor.succeeded("store")
        else:
            monitor.failed("store", "OSError")
    text = "".join("+" if good else "-" for good in outcomes)
    # The end of the last run long enough to heal, then the worst run of failures after it.
    healed = max((n for n in range(len(text) + 1) if text[:n].endswith("+" * heal)), default=0)
    worst = max(len(run) for run in text[healed:].split("+"))
    expected = (
        Status.UNHEALTHY
        if worst >= low + gap
        else Status.DEGRADED
        if worst >= low
        else Status.HEALTHY
    )
    assert _status(monitor, "store") is expected


def test_outcomes_of_many_threads_are_all_counted(clock: ManualClock) -> None:
    monitor = HealthMonitor([VITAL], clock)

    def work() -> None:
        for _ in range(200):
            monitor.succeeded("store")
            monitor.failed("store", "OSError")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work) for _ in range(8)]:
            done.result()
    (part,) = monitor.snapshot().parts
    assert (part.successes, part.failures) == (1_600, 1_600)


def test_a_guarded_part_tells_its_outcomes_and_no_refusals(clock: ManualClock) -> None:
    monitor = HealthMonitor([VITAL], clock)
    breaker = CircuitBreaker(
        "store",
        clock,
        BreakerConfig(failures_to_open=2),
        counts=lambda error: isinstance(error, OSError),
    )
    store = GuardedPart(breaker, monitor)

    def ends(error: BaseException) -> None:
        with pytest.raises(type(error)), store.use():
            raise error

    assert store.call(lambda: 3) == 3
    ends(ValueError("the caller's fault"))
    ends(KeyboardInterrupt())
    ends(OSError("what a person watched"))
    ends(OSError())
    with pytest.raises(CircuitOpen):
        store.call(int)
    (part,) = monitor.snapshot().parts
    assert (part.successes, part.failures) == (2, 2)
    ends(CircuitOpen("store", timedelta(0)))


def test_the_reason_is_the_kind_of_the_error_only(clock: ManualClock) -> None:
    monitor = HealthMonitor([VITAL], clock)
    store = GuardedPart(CircuitBreaker("store", clock), monitor)
    for _ in range(3):
        with pytest.raises(OSError, match="secret"), store.use():
            raise OSError("secret")
    assert monitor.snapshot().reasons == (
        "store: 3 failures and 0 successes in a row; last error: OSError",
    )


def test_a_guard_of_an_unwatched_part_is_refused(clock: ManualClock) -> None:
    with pytest.raises(OmegaError, match="breaker"):
        GuardedPart(CircuitBreaker("index", clock), HealthMonitor([VITAL], clock))


@pytest.mark.parametrize("parts", [[], [VITAL, VITAL]])
def test_parts_must_be_named_once(clock: ManualClock, parts: list[Watched]) -> None:
    with pytest.raises(OmegaError, match="parts"):
        HealthMonitor(parts, clock)


@pytest.mark.parametrize(
    "wrong",
    [
        {"failures_to_degraded": 0},
        {"failures_to_unhealthy": 2},
        {"successes_to_healthy": 0},
        {"stale_seconds": 0.5},
    ],
)
def test_a_threshold_out_of_bounds_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(OmegaError, match=next(iter(wrong))):
        HealthConfig(**wrong)  # type: ignore[arg-type]  # integers where the test gives them
