"""Threshold reports lie at the home shard; a round over all shards adds what is open there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.federation.fleet.conftest import HOME, FleetOfThree, ask, await_round, run
from tests.federation.fleet.test_killed_fleet import kill_before
from tests.federation.fleet.test_one_result import counted
from tests.federation.test_threshold_rounds import T, assert_learned, factors, likes

from omega_store import Store, devices
from omega_store.rounds import RoundStatus, ShardOutcome
from omega_testing.one_result import differences
from omega_testing.pair_reports import bring, counts, plain_counts, reports_of
from omega_testing.processes import ServiceProcess
from omega_threshold import Schedule

HOUSEHOLDS = likes(40)


@pytest.fixture
def mixed(three: FleetOfThree) -> FleetOfThree:
    """With reports at the home shard, and in the one shard that has everything."""
    reports = reports_of(HOUSEHOLDS, T, Schedule().at(datetime.now(UTC)))
    for store in (three.whole, three.home):
        bring(store, reports)
    return three


@pytest.fixture
def pairs_alone(mixed: FleetOfThree) -> FleetOfThree:
    """Without anybody who pushes sketches."""
    for store in (mixed.whole, *mixed.shards.values()):
        erase_all(store)
    return mixed


def erase_all(store: Store) -> None:
    with store.transaction() as conn:
        for (device_id,) in conn.execute("SELECT device_id FROM devices").fetchall():
            devices.erase(conn, device_id)


def test_a_mixed_fleet_over_three_shards_is_that_of_one(mixed: FleetOfThree) -> None:
    whole = run(mixed.whole, mixed.alone())
    found = run(mixed.home, mixed.environ())
    assert counted(found.figures) == counted(whole.figures)
    expected = plain_counts(HOUSEHOLDS, T)
    assert (found.figures.devices, found.figures.pairs) == (36, len(expected))
    assert (found.figures.reports, found.figures.pair_weight) == (expected.total(), 0.25)
    assert differences(mixed.home, mixed.whole) == []
    for name, store in mixed.shards.items():
        assert counts(store) == (expected if name == HOME else {})
    step = run(mixed.home, mixed.environ())
    assert (step.figures.refreshed, step.figures.devices) == (False, 36)


def test_a_fleet_of_pairs_alone_has_rounds_over_its_shards(pairs_alone: FleetOfThree) -> None:
    found = run(pairs_alone.home, pairs_alone.environ())
    assert (found.status, found.figures.factors_version) == (RoundStatus.SUCCEEDED, 1)
    assert [share.outcome for share in found.shards] == [ShardOutcome.INCLUDED] * 3
    assert_learned(pairs_alone.home, HOUSEHOLDS)
    step = run(pairs_alone.home, pairs_alone.environ())
    assert (step.status, step.figures.refreshed) == (RoundStatus.SUCCEEDED, False)
    assert factors(pairs_alone.home) is not None


def test_a_leader_that_is_killed_counts_every_report_once(mixed: FleetOfThree) -> None:
    """While it counts, and in the round: who takes that up ends it before it counts anew."""
    whole = run(mixed.whole, mixed.alone())
    ask(mixed.home)
    for table in ("threshold_sealed", "threshold_pairs", "threshold_opened"):
        kill_before(mixed, table, "true")
    kill_before(mixed, "round_plans", "NEW.phase = 'expect'")
    assert counts(mixed.home) == plain_counts(HOUSEHOLDS, T)
    late = likes(40, 40)
    bring(mixed.home, reports_of(late, T, Schedule().at(datetime.now(UTC))))
    with ServiceProcess(["omega-federation-worker"], mixed.environ()):
        found = await_round(mixed.home)
    assert found.status == RoundStatus.SUCCEEDED
    assert counted(found.figures) == counted(whole.figures)
    assert differences(mixed.home, mixed.whole) == []
    assert run(mixed.home, mixed.environ(), refresh=True).figures.pairs > found.figures.pairs
    assert counts(mixed.home) == plain_counts(HOUSEHOLDS + late, T)
