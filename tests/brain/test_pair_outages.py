"""Parties that are away, tokens that are spent, answers that refuse: nothing is lost or doubled."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.brain.pair_town import Likes, PairTv, Town, told, town

from omega_brain import pair_metering
from omega_core.clock import day_of
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import keys
from omega_persistence.pair_reports import PairState
from omega_testing.recording import counting

DAY = timedelta(days=1)
SIX = [1, 2, 3, 4, 5, 6]
OpenTv = Callable[..., PairTv]


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Town]:
    (tmp_path / "town").mkdir()
    with town(tmp_path / "town") as made:
        yield made


@pytest.fixture
def open_tv(parties: Town, tmp_path: Path) -> Iterator[OpenTv]:
    made: list[PairTv] = []

    def start(likes: list[int], **settings: Any) -> PairTv:
        tv = PairTv(parties, tmp_path / f"tv-{len(made)}", Likes(likes), **settings)
        tv.start()
        made.append(tv)
        return tv

    yield start
    for tv in made:
        tv.stop()


def forwards(parties: Town) -> list[Any]:
    return [each for each in parties.arrived if each.method == "Forward"]


def a_day(parties: Town) -> Counter[int]:
    """Reports that left, by day."""
    return Counter(day_of(each.at) for each in forwards(parties))


@pytest.mark.parametrize("party", ["relay", "operator", "randomness", "fleet"])
def test_who_is_away_for_a_day_costs_nothing_but_time(
    party: str, parties: Town, open_tv: OpenTv
) -> None:
    tv = open_tv(SIX)
    tv.days(1.5)
    parties.down.add(party)
    tv.days(1)
    assert len(tv.stores.pair_reports.waiting()) <= 41
    parties.down.clear()
    begun = len(forwards(parties))
    tv.days(7)
    assert parties.pairs() == dict.fromkeys(told(SIX), 1)
    assert tv.stores.pair_reports.counts()[PairState.TOLD] == 21
    assert max(tv.stores.pair_means.days().values()) <= tv.most
    instants = [each.at for each in forwards(parties)[begun:]]
    assert all(later > sooner for sooner, later in itertools.pairwise(instants)), "no two at once"
    for party_error in (keys.PAIR_PREPARE_ERROR, keys.PAIR_SEND_ERROR):
        assert tv.stores.pair_means.facts.get(party_error) is None


def test_what_waited_while_the_tv_was_off_leaves_spread_out(parties: Town, open_tv: OpenTv) -> None:
    tv = open_tv(SIX)
    while not tv.stores.pair_reports.waiting():
        due = tv.reporter.next_at()
        assert due is not None
        parties.clock.advance(max(timedelta(), due - parties.clock.now()))
        tv.reporter.turn()
    waited = len(tv.stores.pair_reports.waiting())
    assert waited > 5
    parties.clock.advance(5 * DAY)
    tv.stop()
    tv.start()
    back = parties.clock.now()
    for _ in range(3):
        tv.reporter.turn()
    assert not forwards(parties), "nothing leaves because it is overdue"
    tv.run(back + timedelta(hours=5))
    sent = [each.at for each in forwards(parties)]
    assert 1 < len(sent) <= waited
    assert max(a_day(parties).values()) <= 4_000 // 279
    assert (sent[-1] - sent[0]) > timedelta(minutes=20)


def test_the_least_budget_still_reports(parties: Town, open_tv: OpenTv) -> None:
    tv = open_tv([1, 2], most=1_000)
    tv.days(8)
    assert parties.pairs() == dict.fromkeys(told([1, 2]), 1)
    assert max(tv.stores.pair_means.days().values()) <= 1_000


def test_the_bytes_of_a_day_hold_for_weeks(parties: Town, open_tv: OpenTv) -> None:
    """As the parties count them, who do not ask the TV."""
    tv = open_tv(list(range(1, 21)), most=2_000)
    tv.days(16)
    days = tv.stores.pair_means.days()
    assert max(days.values()) <= 2_000
    assert len(forwards(parties)) >= 16 * 3
    counted: Counter[int] = Counter()
    for each in parties.arrived:
        counted[day_of(each.at)] += each.size
    assert all(counted[day] < days[day] for day in counted), "requests alone"
    assert set(parties.pairs().values()) == {1}
    alone = sum(pair.alone for pair in parties.pairs())
    assert alone == 20, "titles alone come first"


def test_an_epoch_turns_while_reports_wait(parties: Town, open_tv: OpenTv) -> None:
    tv = open_tv(SIX)
    turn = parties.schedule.ends(parties.schedule.at(parties.clock.now()))
    tv.allowed = False
    parties.clock.advance(turn - timedelta(days=1) - parties.clock.now())
    tv.allowed = True
    tv.run(turn + timedelta(hours=1))
    waiting = tv.stores.pair_reports.waiting()
    if waiting:
        # The TV is off until the epoch has closed: what was never tried is made anew.
        parties.clock.advance(timedelta(days=4))
    tv.days(12)
    assert parties.pairs() == dict.fromkeys(told(SIX), 1)
    assert tv.stores.pair_reports.counts()[PairState.TOLD] == 21


def test_what_was_tried_in_vain_until_its_epoch_closed_counts_as_told(
    parties: Town, open_tv: OpenTv
) -> None:
    tv = open_tv([1, 2])
    # The operator takes the first one, and its answer is lost for the rest of the epoch.
    lost: list[str] = []

    def at(point: str) -> None:
        if point == "answers Forward":
            lost.append(point)
            raise TimeoutError

    parties.at = at
    turn = parties.schedule.ends(parties.schedule.at(parties.clock.now()))
    while not lost:
        due = tv.reporter.next_at()
        assert due is not None
        parties.clock.advance(max(timedelta(), due - parties.clock.now()))
        tv.reporter.turn()
    parties.at = lambda _: None
    assert [each.tried for each in tv.stores.pair_reports.waiting()].count(True) == 1
    parties.clock.advance(turn + timedelta(days=3) - parties.clock.now())
    tv.days(5)
    assert parties.pairs() == dict.fromkeys(told([1, 2]), 1)
    assert len({row[2:6] for row in parties.rows}) == 2, "of two epochs"
    assert tv.stores.pair_reports.counts()[PairState.TOLD] == 3


def test_a_quota_that_is_spent_ends_with_its_epoch(parties: Town, open_tv: OpenTv) -> None:
    parties.quota = 8
    tv = open_tv(SIX)
    tv.days(6)
    assert len(parties.rows) == 8
    assert "tokens of the epoch" in (tv.stores.pair_means.facts.get(keys.PAIR_PREPARE_ERROR) or "")
    calls = len(parties.issued)
    tv.days(2)
    assert len(parties.issued) == calls, "the fleet is not asked again"
    turn = parties.schedule.ends(parties.schedule.at(parties.clock.now()))
    parties.quota = 100
    tv.run(turn + 6 * DAY)
    assert parties.pairs() == dict.fromkeys(told(SIX), 1)
    assert tv.stores.pair_means.facts.get(keys.PAIR_PREPARE_ERROR) is None


def test_a_token_that_is_refused_is_replaced_and_the_report_stays(
    parties: Town, open_tv: OpenTv
) -> None:
    tv = open_tv([1, 2])
    parties.outcomes = [ErrorCode.TOKEN_REFUSED]
    tv.days(5)
    assert parties.pairs() == dict.fromkeys(told([1, 2]), 1)
    assert sum(map(len, parties.issued.values())) == 4, "one token more"
    assert tv.stores.pair_reports.counts() == {
        PairState.READY: 0,
        PairState.TRIED: 0,
        PairState.TOLD: 3,
        PairState.REFUSED: 0,
    }


def test_a_report_whose_tokens_are_all_refused_is_dropped(parties: Town, open_tv: OpenTv) -> None:
    tv = open_tv([1])
    parties.outcomes = [ErrorCode.TOKEN_REFUSED] * 3
    tv.days(6)
    assert not parties.outcomes
    assert tv.stores.pair_reports.counts()[PairState.REFUSED] == 1
    assert not parties.rows
    tv.days(6)
    assert len(forwards(parties)) == 3


def test_a_report_that_is_refused_is_dropped_and_told_of(
    parties: Town, open_tv: OpenTv, caplog: pytest.LogCaptureFixture
) -> None:
    tv = open_tv([1, 2])
    parties.outcomes = [ErrorCode.INVALID_FIELD]
    tv.days(5)
    assert len(parties.rows) == 2
    assert tv.stores.pair_reports.counts()[PairState.REFUSED] == 1
    assert sum("is dropped" in each.message for each in caplog.records) == 1
    tv.days(5)
    assert len(forwards(parties)) == 3, "no other try will do"


def test_an_epoch_that_the_fleet_has_closed_makes_the_pair_a_wish_again(
    parties: Town, open_tv: OpenTv
) -> None:
    tv = open_tv([1, 2])
    parties.outcomes = [ErrorCode.EPOCH_CLOSED]
    tv.days(6)
    assert parties.pairs() == dict.fromkeys(told([1, 2]), 1)


def test_what_is_not_liked_any_more_leaves_no_more(parties: Town, open_tv: OpenTv) -> None:
    tv = open_tv(SIX)
    while not tv.stores.pair_reports.waiting():
        due = tv.reporter.next_at()
        assert due is not None
        parties.clock.advance(max(timedelta(), due - parties.clock.now()))
        tv.reporter.turn()
    tv.likes.titles = SIX[:2]
    tv.days(4)
    assert parties.pairs() == dict.fromkeys(told(SIX[:2]), 1)
    assert not tv.stores.pair_reports.waiting()


def test_without_delay_all_of_a_day_leave_at_once(parties: Town, open_tv: OpenTv) -> None:
    """For demonstrations."""
    tv = open_tv([1, 2, 3], delay=timedelta(), most=100_000)
    for _ in range(10):
        tv.reporter.turn()
        parties.clock.advance(timedelta(seconds=1))
    assert parties.pairs() == dict.fromkeys(told([1, 2, 3]), 1)


def test_a_clock_that_went_back_holds_nothing_up_for_ever(parties: Town, open_tv: OpenTv) -> None:
    tv = open_tv([1, 2])
    parties.clock.advance(3_000 * DAY)
    tv.days(0.9)
    parties.clock.advance(-3_000 * DAY)
    tv.reporter.turn()
    due = tv.reporter.next_at()
    assert due is not None
    assert due - parties.clock.now() <= DAY


def test_a_database_that_does_not_answer_ends_no_thread(open_tv: OpenTv) -> None:
    tv = open_tv([1])
    tv.stores.database.close()
    with pytest.raises(OmegaError) as caught:
        tv.reporter.turn()
    assert caught.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert 30 <= tv.reporter.wait() <= 600, "it is tried again, and not at once"


def test_tries_and_bytes_are_counted(parties: Town, open_tv: OpenTv) -> None:
    tv = open_tv([1, 2])
    parties.outcomes = [ErrorCode.TOKEN_REFUSED]
    with counting(pair_metering) as counted:
        tv.days(5)
        found = counted()
    assert {
        (name, dict(told).get("omega.sync.outcome")): value for (name, told), value in found.items()
    } == {
        ("omega.sync.pair.reports", "succeeded"): 3,
        ("omega.sync.pair.reports", "TOKEN_REFUSED"): 1,
        ("omega.sync.pair.size", None): sum(tv.stores.pair_means.days().values()),
    }
