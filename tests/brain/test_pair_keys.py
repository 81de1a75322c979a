"""Keys are believed where three parties say the same, and for as long as they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.brain.pair_town import Likes, PairTv, Town, other_config, told, town

from omega.threshold.v1 import keys_pb2
from omega_persistence import keys
from omega_persistence.pair_reports import PairState
from omega_threshold import SecretKey

LIKES = [1, 2, 3]
OTHER = SecretKey.derived(bytes(32), b"other").public


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Town]:
    (tmp_path / "town").mkdir()
    with town(tmp_path / "town") as made:
        yield made


@pytest.fixture
def tv(parties: Town, tmp_path: Path) -> Iterator[PairTv]:
    made = PairTv(parties, tmp_path / "tv", Likes(LIKES))
    made.start()
    yield made
    made.stop()


def changed(name: str) -> Callable[[keys_pb2.ReportingKeys], None]:
    """Tells one thing otherwise."""

    def change(told: keys_pb2.ReportingKeys) -> None:
        if name in {"threshold", "epoch_days", "grace_hours"}:
            setattr(told, name, getattr(told, name) + 1)
        elif name == "gateway":
            told.epochs[-1].gateway = other_config(told.epochs[-1].gateway)
        else:
            setattr(told.epochs[-1], name, OTHER)

    return change


def error(tv: PairTv) -> str:
    return tv.stores.pair_means.facts.get(keys.PAIR_PREPARE_ERROR) or ""


@pytest.mark.parametrize(
    "name", ["threshold", "epoch_days", "grace_hours", "gateway", "tokens", "randomness"]
)
@pytest.mark.parametrize("party", ["told_by_fleet", "told_by_relay"])
def test_nothing_is_reported_while_one_party_names_other_keys(
    party: str, name: str, parties: Town, tv: PairTv
) -> None:
    setattr(parties, party, changed(name))
    tv.days(2)
    assert f"{name} is not the same for everybody" in error(tv)
    assert not parties.rows
    assert not parties.issued, "the operator is not even asked for tokens"
    asked = len(parties.arrived)
    assert asked < 30, "it is looked at again, and not at once"
    setattr(parties, party, lambda _: None)
    tv.days(4)
    assert error(tv) == ""
    assert parties.pairs() == dict.fromkeys(told(LIKES), 1)


def test_the_randomness_server_must_name_its_key_itself(parties: Town, tv: PairTv) -> None:
    """Operator and relay are of one mind, and wrong."""
    parties.told_by_fleet = parties.told_by_relay = changed("randomness")
    tv.days(1)
    assert "randomness is not the same for everybody" in error(tv)
    assert not parties.rows


def test_other_keys_for_an_epoch_that_was_believed_stop_what_waits(
    parties: Town, tv: PairTv
) -> None:
    """Also where all parties agree on them."""
    tv.likes.titles = [1]
    tv.days(1.9)
    assert len(parties.rows) == 1
    tv.likes.titles = LIKES
    while not any(each.epoch for each in tv.stores.pair_reports.waiting()):
        due = tv.reporter.next_at()
        assert due is not None
        parties.clock.advance(max(timedelta(), due - parties.clock.now()))
        tv.reporter.turn()
    parties.told_by_fleet = parties.told_by_relay = changed("gateway")
    tv.stores.pair_means.facts.set(keys.PAIRS_BLOCKED, "1")
    before = len(parties.rows)
    tv.days(3)
    assert "gateway is not the same for everybody" in error(tv)
    assert len(parties.rows) == before
    tv.stop()
    tv.start()
    tv.days(1)
    assert len(parties.rows) == before, "nor after a restart"
    parties.told_by_fleet = parties.told_by_relay = lambda _: None
    tv.days(4)
    assert parties.pairs() == dict.fromkeys(told(LIKES), 1)


@pytest.mark.parametrize("party", ["fleet", "randomness"])
def test_a_party_that_uses_a_key_of_its_own_for_a_tv_gets_nothing(
    party: str, parties: Town, tv: PairTv
) -> None:
    parties.cheats.add(party)
    tv.days(2)
    assert error(tv) == "the answer was not made with the published key"
    assert not parties.rows
    assert not tv.stores.pair_reports.known()
    parties.cheats.clear()
    tv.days(4)
    assert parties.pairs() == dict.fromkeys(told(LIKES), 1)
    assert error(tv) == ""


def test_a_new_epoch_brings_new_keys(parties: Town, tv: PairTv) -> None:
    parties.titles = [1, 2, 3, 4, 5]
    tv.days(5)
    assert len(parties.rows) == 6
    tv.likes.titles = [1, 2, 3, 4]
    turn = parties.schedule.ends(parties.schedule.at(parties.clock.now()))
    tv.run(turn + timedelta(days=3))
    epochs = tv.stores.pair_means.told()
    tv.likes.titles = [1, 2, 3, 4, 5]
    tv.days(4)
    assert parties.pairs() == dict.fromkeys(told([1, 2, 3, 4, 5]), 1)
    assert len(tv.stores.pair_means.told()) == 1, "those of the closed epoch are forgotten"
    assert epochs != tv.stores.pair_means.told() or len(epochs) == 1
    assert tv.stores.pair_reports.counts()[PairState.TOLD] == 15


def test_a_tv_whose_clock_is_wrong_reports_nothing(parties: Town, tv: PairTv) -> None:
    parties.told_by_fleet = parties.told_by_relay = _of_long_ago
    tv.days(1)
    assert "epoch must be one that is open" in error(tv)
    assert not parties.rows


def _of_long_ago(told: keys_pb2.ReportingKeys) -> None:
    for each in told.epochs:
        each.epoch -= 9
