"""Weeks of a household through a whole brain: nothing lost or counted twice, every loop on time.

What takes a year to learn is held by a_year_on_a_tv.py (`make a-year`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.brain.played_years import due, played

from omega_brain.brain import Brain
from omega_loops import DEADLINE_LOOPS, PERIODIC_LOOPS, Loop
from omega_testing.years import Years
from omega_testing.years_findings import drifts
from omega_testing.years_household import YearsPlan

# They are played for whichever test comes first. Two weeks of them the TV is off.
pytestmark = pytest.mark.timeout(300)
WEEKS = YearsPlan(
    start=datetime(2026, 6, 28, 18, 7, tzinfo=UTC), days=42, shift_day=40, cut_share=0.2
)


@pytest.fixture(scope="module")
def weeks() -> Iterator[Years[Brain]]:
    with played(WEEKS, reopen_days=8) as years:
        yield years


def test_whatever_was_held_to_the_oracle_agreed(weeks: Years[Brain]) -> None:
    figures = weeks.figures
    assert figures.faults == []
    assert figures.audits > 0
    assert figures.closed > 0
    assert figures.cut > 0


def test_every_event_ran_each_deadline_loop_once(weeks: Years[Brain]) -> None:
    figures = weeks.figures
    assert figures.events > 100
    for loop in DEADLINE_LOOPS:
        work = figures.work[loop]
        assert (work.finished, work.failed) == (figures.events, 0)


def test_every_due_instant_was_answered_by_one_cycle(weeks: Years[Brain]) -> None:
    work = weeks.figures.work
    for loop in PERIODIC_LOOPS:
        assert work[loop].finished + work[loop].coalesced == due(loop, WEEKS.start, weeks.now)
        assert work[loop].failed == 0
    assert work[Loop.DELIBERATIVE].coalesced == 13, "one cycle for two weeks away"


def test_no_viewing_is_lost_or_counted_twice(weeks: Years[Brain]) -> None:
    stores, entries = weeks.brain.stores, weeks.ledger.entries
    assert len(weeks.ledger.cut_off) > 0, "some evenings ended by the switch"
    assert len(entries) == weeks.figures.viewings + len(weeks.ledger.cut_off)
    assert stores.title_records.viewings() + stores.events.count() == len(entries)


def test_tiers_hold_what_they_may(weeks: Years[Brain]) -> None:
    for tier in weeks.brain.memory.stats():
        assert tier.memories <= tier.capacity
    filled = {name for name, most in weeks.figures.fullest.items() if most}
    assert filled >= {"session", "episodic", "semantic"}
    assert drifts(weeks.brain, weeks.now) == [], "there is no year before"
