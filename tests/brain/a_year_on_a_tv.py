"""A year of a household through a whole brain: nothing lost, nothing kept too long, all learnt.

Not a part of the suite, which plays weeks (test_weeks_on_a_tv.py): `make a-year` runs it.
bench/ten_years.py plays ten of them, with the timings.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.brain.played_years import due, played

from omega_brain.brain import Brain
from omega_core.memory import Tier
from omega_core.taste import GENRE, facets
from omega_core.tuning import SettingsState
from omega_loops import DEADLINE_LOOPS, PERIODIC_LOOPS, Loop
from omega_memory.trajectory import PREFIX as TASTE_PREFIX
from omega_testing.years import Years
from omega_testing.years_findings import drifts, rhythms, tuning
from omega_testing.years_household import ADULT, CHILD, NEW, OLD, YearsPlan

# The year is played for whichever test comes first, and takes minutes.
pytestmark = pytest.mark.timeout(900)
YEAR = YearsPlan(days=366, shift_day=219)


@pytest.fixture(scope="module")
def year() -> Iterator[Years[Brain]]:
    with played(YEAR, reopen_days=45) as years:
        yield years


def test_whatever_was_held_to_the_oracle_agreed(year: Years[Brain]) -> None:
    figures = year.figures
    assert figures.faults == []
    assert figures.audits > 12
    assert (figures.closed, figures.cut) == (4, 4)
    assert figures.on / YEAR.days > timedelta(hours=4)


def test_every_event_ran_each_deadline_loop_once(year: Years[Brain]) -> None:
    figures = year.figures
    assert figures.events > 2_000
    for loop in DEADLINE_LOOPS:
        work = figures.work[loop]
        assert (work.finished, work.failed) == (figures.events, 0)
    assert figures.beside > 0, "some came while a longer loop was at work"


def test_every_due_instant_was_answered_by_one_cycle(year: Years[Brain]) -> None:
    work = year.figures.work
    for loop in PERIODIC_LOOPS:
        assert work[loop].finished + work[loop].coalesced == due(loop, YEAR.start, year.now)
        assert work[loop].failed == 0
    assert work[Loop.DELIBERATIVE].coalesced == 13, "one cycle for two weeks away"
    assert work[Loop.EVOLUTIONARY].coalesced == 1
    assert work[Loop.ADAPTIVE].coalesced > 4 * work[Loop.ADAPTIVE].finished > 10_000


def test_no_viewing_is_lost_or_counted_twice(year: Years[Brain]) -> None:
    stores, entries = year.brain.stores, year.ledger.entries
    assert len(year.ledger.cut_off) > 0, "some evenings ended by the switch"
    assert len(entries) == year.figures.viewings + len(year.ledger.cut_off)
    assert stores.title_records.viewings() + stores.events.count() == len(entries)
    assert stores.events.count() < len(entries) / 8, "a month of twelve"


def test_tiers_hold_what_they_may(year: Years[Brain]) -> None:
    for tier in year.brain.memory.stats():
        assert tier.memories <= tier.capacity
    filled = {name for name, most in year.figures.fullest.items() if most}
    assert filled >= {"session", "episodic", "semantic", "evolutionary", "substrate", "temporal"}


def test_the_season_is_found_and_no_other(year: Years[Brain]) -> None:
    found = {
        (each.when, each.genre): each.lift
        for each in rhythms(year.brain, year.now)
        if each.profile_id == ADULT.profile_id and each.when.isdigit() and each.lift > 1
    }
    assert found[str(YEAR.season_month), YEAR.season] > 2


def test_patterns_follow_the_taste(year: Years[Brain]) -> None:
    before = [each.new_taste for each in year.figures.sizes if 60 < each.day < YEAR.shift_day]
    assert max(before) < 0.3
    assert year.figures.sizes[-1].new_taste > 0.4
    patterns = year.brain.agentdb.skill_list(ADULT.profile_id)
    strongest = max(patterns, key=lambda each: each.value(year.now))
    genres = facets(GENRE, strongest.contexts)
    assert max(genres, key=lambda name: genres[name]) in NEW.genres.keys() - OLD.genres.keys()


def test_a_year_leaves_a_snapshot_of_every_taste(year: Years[Brain]) -> None:
    held = year.brain.memory.named(Tier.EVOLUTIONARY, TASTE_PREFIX, year.now, None)
    assert {each.profile_id for each in held} == {"", ADULT.profile_id, CHILD.profile_id}
    assert drifts(year.brain, year.now) == [], "there is no year before"


def test_every_test_of_the_self_tuning_is_in_the_lineage(year: Years[Brain]) -> None:
    held = tuning(year.brain)
    assert sum(held.values()) == year.figures.work[Loop.EVOLUTIONARY].changes["settings_tried"]
    assert held[SettingsState.IN_FORCE] <= 1


def test_the_year_of_the_shift_is_found_and_no_other() -> None:
    # Three years of some evenings: few cycles, and most due instants pass with the TV off.
    plan = YearsPlan(
        days=3 * 365 + 25, every=20, shift_day=2 * 365, fresh_share=0.9, titles_a_month=5
    )
    with played(plan, reopen_days=200) as years:
        assert years.figures.faults == []
        told = drifts(years.brain, years.now)
        (found,) = (
            each for each in told if each.significant and each.profile_id == ADULT.profile_id
        )
        assert (found.before, found.after) == ("2028-01", "2028-12")
        assert not [
            each for each in told if each.significant and each.profile_id == CHILD.profile_id
        ]
