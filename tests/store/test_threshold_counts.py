"""From sealed reports to counts of pairs: beside plain counting, over kills, and with liars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import TupleRow

from omega_store import Store, threshold_counts
from omega_store.threshold_counts import Collected, collect
from omega_store.threshold_groups import LARGE
from omega_testing.fleet import registered
from omega_testing.pair_reports import bring, counts
from omega_threshold import Aggregator, Pair, Report, Sealing
from omega_threshold.ristretto import ORDER

TITLES = [f"movie:{n}" for n in range(4)]
PAIRS = [Pair.of(a, b) for n, a in enumerate(TITLES) for b in TITLES[n:]]
PAIR, OTHER = PAIRS[:2]
COINS = {pair: np.random.default_rng(n).bytes(64) for n, pair in enumerate(PAIRS)}
EPOCH = 7
COUNT = sql.SQL("SELECT count(*) FROM {}")
EMPTY = sql.SQL("DELETE FROM {}")


def sealing(pair: Pair, threshold: int = 3, epoch: int = EPOCH) -> Sealing:
    return Sealing.of_coins(COINS[pair], epoch, threshold)


def reports(pair: Pair, count: int, threshold: int = 3, epoch: int = EPOCH) -> list[Report]:
    made = sealing(pair, threshold, epoch)
    return [made.report(pair) for _ in range(count)]


def wrong(report: Report) -> Report:
    """The share lies beside the polynomial."""
    return replace(report, y=(report.y + 1) % ORDER)


def round_of(store: Store, first_open_epoch: int = 0, **how: Any) -> Collected:
    with store.session() as conn:
        return collect(conn, first_open_epoch, **how)


def rows(store: Store, table: str) -> int:
    with store.statements() as conn:
        found = conn.execute(COUNT.format(sql.Identifier(f"threshold_{table}"))).fetchone()
    assert found is not None
    return int(found[0])


class Dying(psycopg.Connection[TupleRow]):
    """A connection that ends, as that of a killed worker does, before a certain statement."""

    lives = 1_000_000

    @classmethod
    def to(cls, store: Store, lives: int) -> Self:
        made = cls.connect(store.url, autocommit=True, cursor_factory=_Counting)
        made.lives = lives
        return made


class _Counting(psycopg.Cursor[TupleRow]):
    def execute(self, *args: Any, **how: Any) -> Self:
        conn = self.connection
        assert isinstance(conn, Dying)
        conn.lives -= 1
        if conn.lives < 0:
            conn.close()
            raise psycopg.OperationalError("killed")
        return super().execute(*args, **how)


def killed(store: Store, lives: int) -> bool:
    """A round that ends after so many statements; whether it came to its end before."""
    with Dying.to(store, lives) as conn:
        try:
            collect(conn, 0)
        except psycopg.OperationalError:
            return False
    return True


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """psycopg tells of each transaction that it cannot roll back on a connection that is gone."""
    caplog.set_level("ERROR", "psycopg")


KINDS = ("honest", "wrong", "again", "other text")
TOLD = st.tuples(st.sampled_from(PAIRS), st.sampled_from([2, 3]), st.sampled_from(KINDS))
ROUND = st.integers(0, 40)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=st.lists(st.one_of(TOLD, ROUND), max_size=60), seed=st.integers(0, 1_000))
def test_it_counts_what_plain_counting_finds_whatever_kills_it(
    store: Store, history: Sequence[Any], seed: int
) -> None:
    """Over histories of reports, honest and not, and of rounds most of which are killed."""
    with store.transaction() as conn:
        for table in (
            "inbox",
            "spent",
            "sealed",
            "opened",
            "points",
            "grown",
            "pairs",
            "forgotten",
        ):
            conn.execute(EMPTY.format(sql.Identifier(f"threshold_{table}")))
    chance, sent = np.random.default_rng(seed), list[Report]()
    oracle = Aggregator()
    honest = Counter[tuple[Pair, int]]()
    for event in history:
        if isinstance(event, int):
            if killed(store, event):
                oracle.counts()
            continue
        pair, threshold, kind = event
        report = sealing(pair, threshold).report(pair)
        if kind == "wrong":
            report = wrong(report)
        elif kind == "again" and sent:
            report = sent[chance.integers(len(sent))]
        elif kind == "other text":
            report = replace(report, sealed=chance.bytes(48))
        if kind == "honest" or (kind == "again" and not sent):
            honest[pair, threshold] += 1
        sent.append(report)
        oracle.add(report)
        bring(store, [report])
    round_of(store)
    expected = Counter[Pair]()
    for (pair, threshold), count in honest.items():
        expected[pair] += count if count >= threshold else 0
    assert counts(store) == oracle.counts() == +expected
    assert rows(store, "sealed") == oracle.sealed
    assert (rows(store, "inbox"), rows(store, "grown")) == (0, 0)
    assert round_of(store) == Collected()


def test_a_round_killed_before_any_of_its_statements_loses_and_doubles_nothing(
    store: Store,
) -> None:
    expected = Counter[Pair]()
    lives = ended = 0
    while not ended:
        for n, pair in enumerate(PAIRS):
            bring(store, reports(pair, 3 + n % 3, 2 + n % 2))
            expected[pair] += 3 + n % 3
        ended = killed(store, lives)
        round_of(store)
        assert counts(store) == expected, lives
        lives += 1
    assert lives > 10


def test_one_report_fewer_than_the_threshold_stays_sealed_and_goes_with_its_epoch(
    store: Store,
) -> None:
    bring(store, reports(PAIR, 4, 5) + reports(OTHER, 5, 5))
    assert round_of(store, EPOCH) == Collected(taken=9, groups=1, counted=5)
    assert counts(store) == {OTHER: 5}
    assert rows(store, "sealed") == 4
    assert round_of(store, EPOCH) == Collected()
    bring(store, reports(PAIR, 4, 5, epoch=EPOCH + 1))
    assert round_of(store, EPOCH + 1) == Collected(taken=4)
    for table, left in (("sealed", 4), ("spent", 4), ("opened", 0), ("points", 0), ("grown", 0)):
        assert rows(store, table) == left, table
    # Of another epoch: reports of the two do not add up.
    assert counts(store) == {OTHER: 5}


def test_what_came_in_time_is_counted_though_the_next_round_is_after_its_epoch(
    store: Store,
) -> None:
    bring(store, reports(PAIR, 2))
    round_of(store, EPOCH)
    bring(store, reports(PAIR, 1))
    assert round_of(store, EPOCH + 1) == Collected(taken=1, groups=1, counted=3)
    assert counts(store) == {PAIR: 3}
    assert (rows(store, "spent"), rows(store, "opened")) == (0, 0)


def test_what_comes_when_its_epoch_is_forgotten_counts_no_more(store: Store) -> None:
    assert round_of(store, EPOCH + 1) == Collected()
    bring(store, reports(PAIR, 3))
    # Also by a clock that was set back.
    assert round_of(store, EPOCH) == Collected(taken=3)
    assert round_of(store, EPOCH + 1) == Collected()
    assert (counts(store), rows(store, "sealed"), rows(store, "inbox")) == ({}, 0, 0)


def test_tokens_that_a_tv_had_are_forgotten_with_their_epoch(store: Store) -> None:
    [device] = registered(store, 1)
    with store.transaction() as conn:
        for epoch in (EPOCH, EPOCH + 1):
            conn.execute(
                "INSERT INTO threshold_issued VALUES (%s, gen_random_uuid(), %s, 10, %s)",
                (device, epoch, bytes(32)),
            )
    round_of(store, EPOCH + 1)
    assert rows(store, "issued") == 1


def test_late_reports_count_once_and_wrong_ones_never(store: Store) -> None:
    first = reports(PAIR, 3)
    bring(store, first)
    assert round_of(store) == Collected(taken=3, groups=1, counted=3)
    late = reports(PAIR, 1)
    bring(store, [*late, *late, *first, wrong(late[0]), *(wrong(r) for r in reports(PAIR, 2))])
    assert round_of(store) == Collected(taken=8, counted=1, refused=3)
    assert counts(store) == {PAIR: 4}
    bring(store, late + first)
    assert round_of(store) == Collected(taken=4)
    assert (counts(store), rows(store, "sealed")) == ({PAIR: 4}, 0)


def test_a_pair_of_two_epochs_and_two_thresholds_adds_up(store: Store) -> None:
    bring(store, reports(PAIR, 3) + reports(PAIR, 4, 4) + reports(PAIR, 5, epoch=EPOCH + 1))
    assert round_of(store) == Collected(taken=12, groups=3, counted=12)
    assert counts(store) == {PAIR: 12}


def test_wrong_shares_do_not_keep_a_pair_from_opening(store: Store) -> None:
    bring(store, [*reports(PAIR, 4), *(wrong(r) for r in reports(PAIR, 4))])
    assert round_of(store) == Collected(taken=8, groups=1, counted=4, refused=4)
    assert counts(store) == {PAIR: 4}


def test_a_group_full_of_wrong_shares_is_tried_again_only_when_it_grows(store: Store) -> None:
    bring(store, [*reports(PAIR, 5, 5), *(wrong(r) for r in reports(PAIR, 200, 5))])
    bring(store, reports(OTHER, 3))
    # With so little effort it never opens.
    assert round_of(store, effort=20) == Collected(taken=208, groups=1, counted=3)
    assert rows(store, "grown") == 0
    # With more than the quick try takes, it waits for its turn ...
    bring(store, [wrong(r) for r in reports(PAIR, 1, 5)])
    how = {"effort": 250, "most_spoiled": 0}
    assert round_of(store, **how) == Collected(taken=1, spoiled=1)
    assert round_of(store, **how) == Collected(spoiled=1)
    # ... and once it had that, until more comes.
    assert round_of(store, effort=250) == Collected()
    assert rows(store, "grown") == 0
    bring(store, reports(PAIR, 800, 5))
    done = round_of(store)
    assert (done.groups, done.counted, done.refused) == (1, 805, 201)


def test_other_text_under_an_honest_tag_stands_by_itself(store: Store) -> None:
    honest = reports(PAIR, 3)
    forged = replace(sealing(OTHER).report(OTHER), tag=honest[0].tag)
    bring(store, [*(replace(forged, x=x) for x in range(1, 9)), *honest])
    assert round_of(store) == Collected(taken=11, groups=1, counted=3)
    assert (counts(store), rows(store, "sealed")) == ({PAIR: 3}, 8)


def test_bytes_that_are_no_report_go(store: Store) -> None:
    good = reports(PAIR, 3)
    body = good[0].encode()
    share = body[:38] + b"\xff" * 32 + body[70:]  # no scalar
    nowhere = body[:22] + bytes(16) + body[38:]  # where the secret itself would lie
    bring(store, [bytes([2]) + body[1:], body[:1] + bytes([33]) + body[2:], share, nowhere, *good])
    assert round_of(store) == Collected(taken=7, groups=1, counted=3)
    assert (counts(store), rows(store, "sealed")) == ({PAIR: 3}, 0)


def test_a_group_that_is_not_read_at_once_is_counted_whole(store: Store) -> None:
    many = reports(PAIR, LARGE + 500)
    bring(store, [*many, *(wrong(r) for r in many[:400])])
    assert round_of(store).counted == LARGE + 500
    late = reports(PAIR, LARGE + 1)
    bring(store, late + many[:100])
    done = round_of(store)
    assert (done.groups, done.counted, done.refused) == (0, LARGE + 1, 0)
    assert (counts(store), rows(store, "sealed")) == ({PAIR: 2 * LARGE + 501}, 0)


def test_where_a_sealed_report_lies_does_not_tell_when_it_came(store: Store) -> None:
    order = np.random.default_rng(1).permutation(5 * len(PAIRS)) % len(PAIRS)
    made = [sealing(PAIRS[n], 30).report(PAIRS[n]) for n in order]
    bring(store, made)
    round_of(store)
    with store.statements() as conn:
        found = conn.execute("SELECT tag, sealed, x FROM threshold_sealed ORDER BY ctid").fetchall()
    assert found == sorted(found)
    assert len(found) == len(made)


def test_what_is_open_is_read_in_the_order_of_its_keys(store: Store) -> None:
    bring(store, [report for pair in PAIRS for report in reports(pair, 3)])
    round_of(store)
    with store.snapshot() as conn:
        found = list(threshold_counts.pairs(conn, fetch=3))
        assert threshold_counts.any_pairs(conn)
    assert found == sorted((pair.low, pair.high, 3) for pair in PAIRS)


def test_a_round_without_reports_costs_some_look_ups(store: Store) -> None:
    with Dying.to(store, 1_000) as conn:
        assert collect(conn, EPOCH) == Collected()
        assert not threshold_counts.any_pairs(conn)
        assert 1_000 - conn.lives <= 9
