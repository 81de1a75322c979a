"""A simulated day: what it asks, in which order, and how growth is told from it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

import hypothesis.strategies as st
import psutil
import pytest
from hypothesis import given, settings

from omega.brain.v1 import brain_service_pb2 as pb
from omega_cli.bench import day
from omega_cli.bench.corpus import catalogue
from omega_cli.bench.proc import resident_mb, slope

BEGIN = datetime(2026, 1, 2, tzinfo=UTC)
CONTENTS = catalogue(300)


def events(number: int) -> list[pb.ObserveEventRequest]:
    asked = (step.request for step in day.steps(number, BEGIN, CONTENTS))
    return [request for request in asked if isinstance(request, pb.ObserveEventRequest)]


def test_a_day_asks_for_what_a_household_does() -> None:
    asked = [step.request for step in day.steps(3, BEGIN, CONTENTS)]
    counts = {kind: sum(isinstance(r, kind) for r in asked) for kind in map(type, asked)}
    assert counts == {
        pb.ObserveEventRequest: 4 * day.VIEWINGS,
        pb.GetRecommendationsRequest: day.LISTS,
        pb.QueryMemoryRequest: day.RECALLS,
        pb.UpsertContentsRequest: day.UPSERTS,
    }
    lists = [r for r in asked if isinstance(r, pb.GetRecommendationsRequest)]
    assert all(one.context != other.context for one, other in pairwise(lists))
    assert any(r.query_text for r in lists)


def test_a_day_goes_on_in_time_and_stays_within_its_24_hours() -> None:
    seconds = [step.second for step in day.steps(0, BEGIN, CONTENTS)]
    assert seconds == sorted(seconds)
    assert 0 <= seconds[0] < seconds[-1] < 86_400
    at = [event.occurred_at.ToDatetime(UTC) for event in events(0)]
    assert at == sorted(at)
    assert at[0] >= BEGIN
    assert at[-1] < BEGIN + timedelta(days=1)


def test_a_viewing_has_its_moments_in_order() -> None:
    by_viewing = groupby(
        sorted(events(1), key=lambda e: [int(n) for n in e.event_id[3:].split("-")]),
        key=lambda e: (e.event_id.rpartition("-")[0], e.content_id),
    )
    viewings = [list(moments) for _, moments in by_viewing]
    assert len(viewings) == day.VIEWINGS
    for first, second, third, last in viewings:
        assert [first.action, second.action, third.action] == [
            pb.PLAYBACK_ACTION_PLAY,
            pb.PLAYBACK_ACTION_PAUSE,
            pb.PLAYBACK_ACTION_RESUME,
        ]
        progress = [m.watch_percentage for m in (first, second, third, last)]
        assert progress == sorted(progress)
    ends = {moments[-1].action for moments in viewings}
    assert ends == {
        pb.PLAYBACK_ACTION_COMPLETE,
        pb.PLAYBACK_ACTION_STOP,
        pb.PLAYBACK_ACTION_SKIP,
    }


def test_days_repeat_no_event_and_no_title_is_added() -> None:
    first, second = ({event.event_id for event in events(number)} for number in (0, 1))
    assert not first & second
    known = {content.content_id for content in CONTENTS}
    for step in day.steps(0, BEGIN, CONTENTS):
        if isinstance(step.request, pb.UpsertContentsRequest):
            assert {title.content_id for title in step.request.contents} <= known


def test_a_day_is_the_same_each_time() -> None:
    assert day.steps(5, BEGIN, CONTENTS) == day.steps(5, BEGIN, CONTENTS)


@settings(deadline=None, max_examples=30)
@given(st.floats(-5, 5), st.floats(0, 500), st.integers(2, 30))
def test_the_growth_of_a_line_is_its_slope(growth: float, begin: float, days: int) -> None:
    values = [begin + growth * n for n in range(days)]
    assert slope(values) == pytest.approx(growth, abs=1e-9)


def test_memory_is_what_the_kernel_says() -> None:
    measured = resident_mb(os.getpid())
    assert measured == pytest.approx(psutil.Process().memory_info().rss / 1e6, rel=0.02)


def test_a_process_that_is_gone_has_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with pytest.raises(OSError, match=f"{process.pid}"):
        resident_mb(process.pid)
