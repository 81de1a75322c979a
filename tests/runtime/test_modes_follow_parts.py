"""The mode is a function of the parts that work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise

import pytest

from omega_core.clock import ManualClock
from omega_runtime import (
    ALLOWANCES,
    WATCHED,
    HealthMonitor,
    Mode,
    Part,
    Status,
    Watched,
    mode_of,
    working_parts,
)

ORDER = [Mode.UNHEALTHY, Mode.DEGRADED, Mode.HEALTHY]
SUBSETS = [frozenset(some) for n in range(len(Part) + 1) for some in combinations(Part, n)]


@pytest.mark.parametrize(
    ("missing", "mode"),
    [
        (set(), Mode.HEALTHY),
        ({Part.SYNC}, Mode.HEALTHY),
        ({Part.ENCODER}, Mode.DEGRADED),
        ({Part.INDEX}, Mode.DEGRADED),
        ({Part.RANKER}, Mode.DEGRADED),
        ({Part.ENCODER, Part.INDEX, Part.RANKER, Part.SYNC}, Mode.DEGRADED),
        ({Part.STORE}, Mode.UNHEALTHY),
        (set(Part), Mode.UNHEALTHY),
    ],
)
def test_the_mode_for_what_is_missing(missing: set[Part], mode: Mode) -> None:
    assert mode_of(frozenset(Part) - missing) is mode


def test_one_more_working_part_never_makes_it_worse() -> None:
    for some in SUBSETS:
        for part in Part:
            assert ORDER.index(mode_of(some | {part})) >= ORDER.index(mode_of(some))


def test_a_worse_mode_may_use_nothing_that_a_better_one_may_not() -> None:
    for worse, better in pairwise(ORDER):
        allowed, more = vars(ALLOWANCES[worse]), vars(ALLOWANCES[better])
        assert all(more[what] for what, may in allowed.items() if may)
        assert allowed != more
    assert not ALLOWANCES[Mode.DEGRADED].re_rank
    assert [what for what, may in vars(ALLOWANCES[Mode.UNHEALTHY]).items() if may] == [
        "popular_lists"
    ]


def test_a_part_works_until_it_is_unhealthy() -> None:
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    monitor = HealthMonitor(WATCHED, clock)
    for _ in range(4):
        monitor.failed(Part.ENCODER, "OSError")
    assert working_parts(monitor.snapshot()) == set(Part)
    monitor.failed(Part.ENCODER, "OSError")
    assert working_parts(monitor.snapshot()) == set(Part) - {Part.ENCODER}
    clock.advance(timedelta(hours=1))
    assert working_parts(monitor.snapshot()) == set(Part) - {Part.ENCODER}


def test_a_part_that_nobody_watches_does_not_work() -> None:
    monitor = HealthMonitor([Watched("store")], ManualClock(datetime(2026, 5, 1, tzinfo=UTC)))
    assert working_parts(monitor.snapshot()) == {Part.STORE}


@pytest.mark.parametrize("part", [part for part in Part if part is not Part.SYNC])
def test_health_of_the_whole_and_mode_agree_when_a_part_fails(part: Part) -> None:
    monitor = HealthMonitor(WATCHED, ManualClock(datetime(2026, 5, 1, tzinfo=UTC)))
    for _ in range(5):
        monitor.failed(part, "OSError")
    snapshot = monitor.snapshot()
    assert snapshot.status is not Status.HEALTHY
    assert snapshot.status.value == mode_of(working_parts(snapshot)).value
