"""What opens, what stays sealed and what counts, beside plain counting of what TVs said."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_threshold import Aggregator, Pair, Report, Sealing, SecretKey, open_group
from omega_threshold.ristretto import ORDER
from omega_threshold.shamir import secret_of, share

TITLES = [f"movie:{n}" for n in range(5)]
PAIRS = [Pair.of(a, b) for n, a in enumerate(TITLES) for b in TITLES[:n]]
PAIR, OTHER = PAIRS[:2]
KEY = SecretKey.derived(bytes(32), b"tests")
COINS = {pair: KEY.evaluate(pair.asked) for pair in PAIRS}
POLYNOMIALS = st.lists(st.integers(0, ORDER - 1), min_size=1, max_size=8)
Reports = Callable[..., list[Report]]


@given(POLYNOMIALS, st.data())
def test_as_many_shares_as_coefficients_give_the_secret(
    coefficients: list[int], data: st.DataObject
) -> None:
    size = len(coefficients)
    points = data.draw(
        st.lists(st.integers(1, ORDER - 1), min_size=size, max_size=size, unique=True)
    )
    assert secret_of([(x, share(coefficients, x)) for x in points]) == coefficients[0]


@given(POLYNOMIALS.filter(lambda p: len(p) > 1), st.integers(0, ORDER - 1), st.data())
def test_one_share_fewer_fits_every_secret(
    coefficients: list[int], secret: int, data: st.DataObject
) -> None:
    """So it tells nothing: a last share can be found that leads to any secret at all."""
    size = len(coefficients) - 1
    points = data.draw(
        st.lists(st.integers(1, ORDER - 1), min_size=size, max_size=size, unique=True)
    )
    held = [(x, share(coefficients, x)) for x in points]
    assert secret_of([*held, (0, secret)]) == secret


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(PAIRS), st.integers(1, 3), st.sampled_from([2, 3])), max_size=60
    ),
    st.randoms(use_true_random=False),
    st.integers(0, 3),
)
def test_it_opens_what_plain_counting_finds(
    told: list[tuple[Pair, int, int]], chance: random.Random, looks: int
) -> None:
    """Over histories of reports, some sent up to three times, with looks in between."""
    sent = []
    for pair, times, threshold in told:
        report = Sealing.of_coins(COINS[pair], 7, threshold).report(pair)
        sent += [report] * times
    chance.shuffle(sent)
    aggregator = Aggregator()
    for n, report in enumerate(sent):
        aggregator.add(Report.decode(report.encode()))
        if looks and n % (10 * looks) == 0:
            aggregator.counts()
    plain = Counter((pair, threshold) for pair, _, threshold in told)
    enough = {each: count for each, count in plain.items() if count >= each[1]}
    expected: Counter[Pair] = Counter()
    for (pair, _), count in enough.items():
        expected[pair] += count
    assert aggregator.counts() == expected
    assert aggregator.sealed == plain.total() - sum(enough.values())


@pytest.mark.parametrize("threshold", [2, 3, 5, 10])
def test_one_report_fewer_than_the_threshold_stays_sealed(reports: Reports, threshold: int) -> None:
    made = reports(PAIR, threshold, threshold)
    assert open_group(made[1:]) is None
    opened = open_group(made)
    assert opened is not None
    assert (opened.pair, opened.count, opened.refused) == (PAIR, threshold, 0)


def test_a_report_that_comes_again_is_one_report(reports: Reports) -> None:
    first, second, third = reports(PAIR, 3)
    assert open_group([first] * 5 + [second] * 5) is None
    opened = open_group([first, second, third, third])
    assert opened is not None
    assert opened.count == 3


def wrong(report: Report, x: int | None = None) -> Report:
    """A poisoned copy: the share lies beside the polynomial, at `x` where one is given."""
    return replace(report, x=x or report.x, y=(report.y + 1) % ORDER)


@settings(max_examples=25, deadline=None)
@given(honest=st.integers(0, 6), poisoned=st.integers(0, 6), order=st.randoms())
def test_wrong_shares_neither_count_nor_hinder(
    honest: int, poisoned: int, order: random.Random
) -> None:
    sealing = Sealing.of_coins(COINS[PAIR], 7, 3)
    good = [sealing.report(PAIR) for _ in range(honest)]
    sent = good + [wrong(sealing.report(PAIR)) for _ in range(poisoned)]
    order.shuffle(sent)
    opened = open_group(sent)
    if honest < 3:
        assert opened is None
    else:
        assert opened is not None
        assert opened.points == {each.x for each in good}
        assert (opened.count, opened.refused) == (honest, poisoned)


def test_shares_that_are_wrong_in_one_direction_open_nothing_either(reports: Reports) -> None:
    """t that agree with each other on another polynomial, under an honest tag."""
    shifted = [wrong(each) for each in reports(PAIR, 5)]
    assert open_group(shifted) is None
    opened = open_group(shifted + reports(PAIR, 3))
    assert opened is not None
    assert (opened.count, opened.refused) == (3, 5)


def test_another_share_at_an_honest_point_does_not_take_its_place(reports: Reports) -> None:
    made = reports(PAIR, 3)
    opened = open_group([*(wrong(each) for each in made), *made])
    assert opened is not None
    assert opened.points == {each.x for each in made}


def test_many_honest_reports_open_among_as_many_wrong_ones(reports: Reports) -> None:
    """More sets than can all be tried."""
    made = reports(PAIR, 60, 5)
    opened = open_group([*made, *(wrong(each, x=each.x ^ 1) for each in made)])
    assert opened is not None
    assert (opened.count, opened.refused) == (60, 60)


def test_where_wrong_shares_prevail_it_gives_up_in_time(reports: Reports) -> None:
    made = reports(PAIR, 5, 5)
    flood = [wrong(made[0], x=x) for x in range(1, 400)]
    assert open_group([*made, *flood], effort=50) is None


def test_a_pair_that_is_not_the_tags_never_opens_under_it(
    sealing: Callable[..., Sealing], reports: Reports
) -> None:
    """TVs that know the coins of a pair cannot make its tag stand for another one."""
    forged = replace(sealing(PAIR).report(OTHER), tag=reports(PAIR, 1)[0].tag)
    mixed = [replace(forged, x=x, y=share(sealing(PAIR)._coefficients, x)) for x in range(1, 6)]
    assert open_group(mixed) is None
    aggregator = Aggregator()
    for each in mixed + reports(PAIR, 3):
        aggregator.add(each)
    assert aggregator.counts() == {PAIR: 3}
    assert aggregator.sealed == 5


def test_what_an_epoch_kept_sealed_is_forgotten_and_what_it_opened_stays(
    sealing: Callable[..., Sealing],
) -> None:
    aggregator = Aggregator()
    for each in [sealing(PAIR, epoch=7).report(PAIR) for _ in range(3)]:
        aggregator.add(each)
    assert aggregator.counts() == {PAIR: 3}
    for epoch in (7, 8):
        aggregator.add(sealing(OTHER, epoch=epoch).report(OTHER))
    aggregator.forget(7)
    assert aggregator.sealed == 1
    aggregator.add(sealing(OTHER, epoch=8).report(OTHER))
    assert aggregator.counts() == {PAIR: 3}
    assert aggregator.sealed == 2


def test_reports_after_the_opening_are_held_to_it(reports: Reports) -> None:
    aggregator = Aggregator()
    for each in reports(PAIR, 3):
        aggregator.add(each)
    aggregator.counts()
    late = reports(PAIR, 2)
    for each in [*late, *late, wrong(late[0]), wrong(late[1], x=9)]:
        aggregator.add(each)
    assert aggregator.counts() == {PAIR: 5}
    assert aggregator.sealed == 0
