"""A TV that dies anywhere tells no pair twice and loses none, beside a plain count."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.brain.pair_town import Likes, PairTv, Town, told, town

from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import pair_mark
from omega_persistence.pair_reports import PairState
from omega_persistence.restoring import restore as restore_file
from omega_threshold.intake import SENT_BYTES

POINTS = (
    "asked for tokens",
    "gave tokens",
    "came to Evaluate",
    "answers Evaluate",
    "came to Forward",
    "answers Forward",
    "came to GetReportingKeys",
    "answers GetPublicKey",
)
PARTIES = ("relay", "randomness", "operator", "fleet")


class DeadError(BaseException):
    """The process is gone."""


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Town]:
    (tmp_path / "town").mkdir()
    with town(tmp_path / "town") as made:
        yield made


def die_at(tv: PairTv, point: str) -> None:
    """Has the next turn that comes to a point of a call end there, and a new process go on."""
    town, dead = tv.town, list[str]()

    def at(reached: str) -> None:
        if reached == point and not dead:
            dead.append(reached)
            tv.crashed()
            # What goes on in this process is of no account: nothing of it reaches anybody.
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE)

    town.at = at
    until = town.clock.now() + timedelta(days=3)
    while not dead and (due := tv.reporter.next_at()) is not None and due < until:
        town.clock.advance(max(timedelta(), due - town.clock.now()))
        tv.reporter.turn()
    town.at = lambda _: None
    if dead:
        tv.restart()


def die_in_write(tv: PairTv, number: int) -> None:
    """Has the process end in its n-th transaction from here on, and a new one go on."""
    left = [number]

    def rider(_connection: sqlite3.Connection) -> None:
        left[0] -= 1
        if not left[0]:
            raise DeadError

    tv.stores.database.before_commit(rider)
    until = tv.town.clock.now() + timedelta(days=3)
    try:
        while (due := tv.reporter.next_at()) is not None and due < until:
            tv.town.clock.advance(max(timedelta(), due - tv.town.clock.now()))
            tv.reporter.turn()
    except DeadError:
        pass
    left[0] = 0
    tv.crashed()
    tv.restart()


@pytest.mark.parametrize("point", POINTS)
def test_a_tv_that_dies_in_a_call_tells_each_pair_once(
    point: str, parties: Town, tmp_path: Path
) -> None:
    likes = list(range(1, 6))
    tv = PairTv(parties, tmp_path / "tv", Likes(likes))
    tv.start()
    for _ in range(2):
        die_at(tv, point)
    assert tv.starts == 3 or "Key" in point
    tv.days(8)
    assert parties.pairs() == dict.fromkeys(told(likes), 1)
    assert tv.stores.pair_reports.counts()[PairState.TOLD] == 15
    assert max(tv.stores.pair_means.days().values()) <= tv.most
    given = sum(map(len, parties.issued.values()))
    assert given <= 15 + 5, "a request for tokens that was lost is not another one"
    tv.stop()


ACTIONS = st.one_of(
    st.tuples(st.just("run"), st.floats(0.01, 3.0)),
    st.tuples(st.just("off"), st.floats(0.1, 4.0)),
    st.tuples(st.just("die in a call"), st.sampled_from(POINTS)),
    st.tuples(st.just("die in a write"), st.integers(1, 25)),
    st.tuples(st.just("down"), st.sampled_from(PARTIES)),
    st.tuples(st.just("up"), st.sampled_from(PARTIES)),
    st.tuples(st.just("like"), st.integers(1, 3)),
    st.tuples(st.just("restore"), st.none()),
    st.tuples(st.just("restart"), st.none()),
)


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(ACTIONS, min_size=4, max_size=12), st.integers(0, 2**32))
def test_whatever_happens_each_pair_counts_once(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, object]], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - which titles
    folder = tmp_path_factory.mktemp("town")
    with town(folder) as parties:
        titles = chance.sample(range(1, 13), 4)
        tv = PairTv(parties, folder / "tv", Likes(titles[:2]))
        tv.start()
        parties.titles = titles
        for action, value in actions:
            _do(tv, titles, action, value)
            assert len(parties.rows) <= len(told(titles))
        parties.down.clear()
        assert set(parties.pairs().values()) <= {1}
        tv.likes.titles = list(titles)
        tv.days(35)
        counted, known = parties.pairs(), tv.stores.pair_reports.counts()
        assert set(counted.values()) == {1}
        assert known[PairState.TOLD] == len(told(titles)), "nothing waits for ever"
        lost = len(told(titles)) - len(counted)
        # Only what was tried, and had no answer when its epoch closed, is lost.
        forwards = sum(each.method == "Forward" for each in parties.arrived)
        assert lost <= forwards - len(parties.rows)
        assert max(tv.stores.pair_means.days().values()) <= tv.most
        assert {each.size for each in parties.arrived if each.method == "Forward"} == {
            SENT_BYTES + 3
        }
        tv.stop()


def test_an_older_copy_that_is_put_back_by_hand_tells_nothing_twice(
    parties: Town, tmp_path: Path
) -> None:
    likes = list(range(1, 10))
    parties.titles = likes
    tv = PairTv(parties, tmp_path / "tv", Likes(likes))
    tv.start()
    tv.days(1.5)
    tv.stop()
    copy = tmp_path / "older.db"
    shutil.copyfile(tv.folder / "brain.db", copy)
    tv.start()
    tv.days(1.5)
    assert 9 < (sent := len(parties.rows)) < 45
    tv.stop()
    restore_file(copy, tv.folder / "brain.db", clock=parties.clock)
    tv.start()
    assert pair_mark.NOTE in tv.stores.database.recovery_notes
    tv.days(6)
    assert len(parties.rows) >= sent
    assert set(parties.pairs().values()) == {1}
    tv.likes.titles = parties.titles = [*likes, 20]
    tv.days(4)
    assert {pair for pair in parties.pairs() if pair not in told(likes)}, "of what is new"
    tv.stop()
    tv.start()
    assert not tv.stores.database.recovery_notes
    tv.stop()


def _do(tv: PairTv, titles: list[int], action: str, value: object) -> None:
    town = tv.town
    match action, value:
        case "run", float(days):
            tv.days(days)
        case "off", float(days):
            town.clock.advance(timedelta(days=days))
        case "die in a call", str(point):
            die_at(tv, point)
        case "die in a write", int(number):
            die_in_write(tv, number)
        case "down", str(party):
            town.down.add(party)
        case "up", str(party):
            town.down.discard(party)
        case "like", int(more):
            tv.likes.titles = titles[: len(tv.likes.titles) + more]
        case "restart", _:
            tv.stop()
            tv.start()
        case "restore", _:
            restore(tv)


def restore(tv: PairTv) -> None:
    """The database is damaged, so that the next start takes the backup that there is."""
    if not (tv.folder / "brain.db.backup").exists():
        return
    tv.crashed()
    (tv.folder / "brain.db").write_bytes(b"")
    for side in ("brain.db-wal", "brain.db-shm"):
        (tv.folder / side).unlink(missing_ok=True)
    tv.restart()
