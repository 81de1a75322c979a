"""When a TV comes: as the server says, around the mean, later the longer nobody answers."""

from __future__ import annotations

import heapq
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_brain.schedule import LONGEST, Schedule
from omega_core.clock import ManualClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MEAN = 600.0
TVS = 10_000


class Seconds:
    """Seconds that are moved by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def _schedule(
    seconds: Seconds | None = None, not_before: datetime | None = None, seed: int = 0
) -> Schedule:
    draw = random.Random(seed).uniform  # noqa: S311 - repeatable draws
    return Schedule(MEAN, ManualClock(NOW), not_before, draw=draw, monotonic=seconds or Seconds())


def test_without_word_from_the_server_a_wait_is_drawn_from_half_to_one_and_a_half() -> None:
    schedule = _schedule()
    assert 300 <= schedule.wait() <= 900
    drawn = []
    for _ in range(300):
        assert schedule.succeeded() is None
        drawn.append(schedule.wait())
    assert all(300 <= wait <= 900 for wait in drawn)
    assert min(drawn) < 330
    assert max(drawn) > 870


@given(st.floats(1, 10 * LONGEST))
def test_a_window_of_the_server_is_kept_to_and_bounded_by_a_day(asked: float) -> None:
    schedule = _schedule()
    not_before = schedule.succeeded(asked)
    assert schedule.wait() == pytest.approx(min(asked, LONGEST))
    assert not_before == NOW + timedelta(seconds=min(asked, LONGEST))


@given(st.floats(0, 0.99))
def test_a_server_that_says_next_to_nothing_is_not_run_over(asked: float) -> None:
    schedule = _schedule()
    assert schedule.succeeded(asked) is None
    assert 300 <= schedule.wait() <= 900


@given(failures=st.integers(1, 60), asked=st.floats(0, 2 * LONGEST), seed=st.integers(0, 99))
def test_a_backoff_grows_to_six_means_on_top_of_what_a_refusal_asks(
    failures: int, asked: float, seed: int
) -> None:
    schedule = _schedule(seed=seed)
    for _ in range(failures - 1):
        schedule.failed()
    schedule.failed(asked)
    floor = min(asked, LONGEST) if asked >= 1 else 0.0
    top = MEAN * min(2 ** (failures - 1), 6)
    assert floor <= schedule.wait() <= max(1.0, floor + top)
    assert schedule.failures == failures


def test_full_jitter_reaches_from_nothing_to_the_top() -> None:
    drawn = []
    for seed in range(500):
        schedule = _schedule(seed=seed)
        for _ in range(4):
            schedule.failed()
        drawn.append(schedule.wait())
    assert min(drawn) < 40
    assert max(drawn) > 3_560


def test_a_success_ends_the_backoff() -> None:
    schedule = _schedule()
    for _ in range(20):
        schedule.failed()
    schedule.succeeded()
    assert schedule.failures == 0
    schedule.failed()
    assert schedule.wait() <= MEAN


def test_a_wait_passes_with_the_time_of_the_process() -> None:
    seconds = Seconds()
    schedule = _schedule(seconds)
    schedule.succeeded(100)
    seconds.at += 30
    assert schedule.wait() == 70
    assert schedule.next_at == NOW + timedelta(seconds=70)
    seconds.at += 1_000
    assert schedule.wait() == 0


def test_a_window_outlives_a_restart_and_a_clock_that_was_set_back_does_not_stretch_it() -> None:
    assert _schedule(not_before=NOW + timedelta(hours=5)).wait() == 5 * 3_600
    assert _schedule(not_before=NOW - timedelta(hours=5)).wait() <= 900
    assert _schedule(not_before=NOW + timedelta(days=400)).wait() <= 900


def test_where_nothing_is_planned_there_is_no_instant() -> None:
    assert Schedule(0, ManualClock(NOW)).next_at is None


@pytest.mark.parametrize("outage", [60, 600, 3_600, 6 * 3_600])
def test_ten_thousand_tvs_never_come_in_a_crowd_after_an_outage(outage: int) -> None:
    """The busiest second after it has no more than what chance gives twice the mean rate.

    Arrivals of a second are Poisson: at 2 x 16.7 a second, six standard deviations above are 68.
    """
    begins, ends = 2_000, 2_000 + outage
    seconds = Seconds()
    fleet = [_schedule(seconds, seed=seed) for seed in range(TVS)]
    queue = [(schedule.wait(), number) for number, schedule in enumerate(fleet)]
    heapq.heapify(queue)
    arrivals = [0] * (ends + 4_000)
    while queue[0][0] < len(arrivals):
        at, number = heapq.heappop(queue)
        seconds.at = at
        arrivals[int(at)] += 1
        schedule = fleet[number]
        if begins <= at < ends:
            schedule.failed()
        else:
            schedule.succeeded()
        heapq.heappush(queue, (at + schedule.wait(), number))
    mean = TVS / MEAN
    before = arrivals[1_000:begins]
    assert sum(before) / len(before) == pytest.approx(mean, rel=0.05)
    assert max(arrivals[begins:]) <= 2 * mean + 6 * (2 * mean) ** 0.5
    minutes = [sum(arrivals[at : at + 60]) / 60 for at in range(ends, len(arrivals) - 60, 60)]
    assert max(minutes) <= 2.1 * mean, "no minute is twice as busy as usual"
    if outage >= 3_600:
        assert max(minutes) <= 1.35 * mean, "a long outage ends as quietly as it went on"
