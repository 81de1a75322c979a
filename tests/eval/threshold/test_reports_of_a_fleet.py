"""Which pairs a fleet reports when, and what opens: beside plain counting and the cryptography."""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pytest

from omega_eval.reports import televisions
from omega_eval.threshold.opening import Opening
from omega_eval.threshold.orders import ORDERS, SHIPPED
from omega_eval.threshold.proof import prove
from omega_eval.threshold.real import through_everything
from omega_eval.threshold.reporting import REPORT_COST, Budget, Likes, Told, at_once, told
from omega_eval.world import World
from omega_threshold import Pair, title_key


@pytest.fixture(scope="module")
def likes(small_world: World) -> Likes:
    return Likes.of(small_world, televisions(small_world))


def chosen(likes: Likes, households: int) -> Likes:
    return likes.of_households(range(households))


def by_day(reports: Told) -> Counter[tuple[int, int]]:
    return Counter(zip(reports.households.tolist(), reports.days.tolist(), strict=True))


def test_likes_are_what_a_tv_would_sketch_newest_first(small_world: World, likes: Likes) -> None:
    for tv, rows in zip(televisions(small_world), likes.rows, strict=True):
        assert sorted(rows.tolist()) == tv.rows.tolist()
        events = small_world.households[tv.number].train
        seen = [small_world.catalogue.row_of[each.content_id] for each in reversed(events)]
        assert [row for row in seen if row in set(rows.tolist())] == rows.tolist()
    assert likes.keys[3] == title_key("t3")


def test_a_report_costs_what_the_bench_measures() -> None:
    assert REPORT_COST == 406
    assert [Budget().reports(day) for day in range(7)].count(10) == 5
    assert Budget().until(28) == 275


@pytest.mark.parametrize("name", list(ORDERS))
def test_each_pair_is_reported_once_within_the_budget_titles_first(likes: Likes, name: str) -> None:
    some, budget = chosen(likes, 12), Budget()
    reports = told(some, 3, 30, ORDERS[name], budget)
    for (_, day), count in by_day(reports).items():
        assert count <= budget.reports(day)
    for household in range(12):
        codes = reports.codes[reports.households == household].tolist()
        assert len(codes) == len(set(codes))
        assert set(codes) <= set(some.codes(household).values())
        alone = [one == other for one, other in (divmod(c, len(some.keys)) for c in codes)]
        assert alone == sorted(alone, reverse=True)


def test_tvs_that_join_later_begin_later(likes: Likes) -> None:
    some = chosen(likes, 10)
    reports = told(some, 3, 12, ORDERS[SHIPPED], joining=10)
    first = {n: int(reports.days[reports.households == n].min()) for n in range(10)}
    assert sorted(first.values()) == list(range(10))


def test_in_turns_nobody_reports_a_pair_of_titles_that_are_not_open(likes: Likes) -> None:
    some = chosen(likes, 8)
    reports = told(some, 3, 56, ORDERS[SHIPPED])
    liked = Counter(row for rows in some.rows for row in rows.tolist())
    pairs = [divmod(code, len(some.keys)) for code in reports.codes.tolist()]
    assert any(one != other for one, other in pairs)
    assert all(min(liked[one], liked[other]) >= 3 for one, other in pairs if one != other)


def test_opening_is_plain_counting_epoch_by_epoch() -> None:
    keys = tuple(title_key(f"t{n}") for n in range(4))
    likes = Likes((np.arange(4), np.arange(4), np.arange(3)), keys)
    ab = likes.pair(1)
    codes = [1, 1, 1, 1, 2, 2, 5]
    days = [0, 1, 27, 28, 3, 29, 60]
    households = [0, 1, 2, 0, 1, 2, 2]
    reports = Told(np.array(households), np.array(codes), np.array(days), 28)
    opening = Opening.of(reports, 3)
    assert opening.by_key(likes) == {ab: 3}
    assert opening.lost(28, 28) == 1
    assert opening.lost(60, 28) == 3
    found = opening.by_pair(np.array([True, False, True, True, True, True, True]))
    assert [each.tolist() for each in found] == [[1], [2]]
    assert opening.evidence(keys).evidence.liked[:2].tolist() == [3, 3]


def test_everything_at_once_is_counted_as_in_one_epoch(likes: Likes) -> None:
    some = chosen(likes, 9)
    expected = Counter(
        Pair(*sorted((some.keys[one], some.keys[other])))
        for rows in some.rows
        for one, other in combinations_with_replacement(rows.tolist(), 2)
    )
    opening = Opening.of(at_once(some), 3)
    assert opening.by_key(some) == {p: count for p, count in expected.items() if count >= 3}


def test_the_cryptography_opens_what_is_counted_and_forgets_what_an_epoch_leaves(
    likes: Likes, tmp_path: Path
) -> None:
    some = chosen(likes, 8)
    reports = told(some, 3, 4, ORDERS["chance"], Budget(epoch_days=2))
    opening = Opening.of(reports, 3)
    gone: list[int] = []
    real = through_everything(some, reports, 3, tmp_path, gone.append)
    assert dict(real.counts) == opening.by_key(some) != {}
    assert real.reports == len(reports.days) == sum(gone)
    last = ~opening.open & (opening.epochs == 1)
    assert real.sealed == opening.counts[last].sum() > 0
    assert opening.lost(2, 2) > 0
    assert real.bytes_moved >= REPORT_COST * real.reports


def test_the_proof_says_equal_only_where_it_is(
    likes: Likes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def proof() -> bool:
        found = prove(likes, 2, SHIPPED, 3, 2)
        assert found.households == 3
        assert found.reports > 30
        return found.equal

    assert proof()
    monkeypatch.setattr(Opening, "by_key", lambda *_: {})
    assert not proof()
