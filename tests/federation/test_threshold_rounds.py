"""Rounds of fleets that report pairs: alone, among sketches, killed, and over epochs."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.federation.conftest import serving
from tests.federation.test_steps import HOUR, PLAN, Rounds, once_it_may_lead

from omega.federation.v1 import federation_service_pb2 as pb
from omega_client import FederationClient, ServiceError
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import FactorPack, decode_factors
from omega_federation_worker import metering
from omega_federation_worker.config import FederationConfig
from omega_learn import LearnConfig
from omega_store import Store, devices, resources, states
from omega_store.resources import ResourceKind
from omega_store.rounds import RoundFigures
from omega_testing.fleet import NOW
from omega_testing.gates import await_somebody, closed
from omega_testing.pair_reports import bring, counts, plain_counts, reports_of
from omega_testing.processes import ServiceProcess
from omega_testing.recording import counting, recording
from omega_testing.taste_shard import SIGMA, TasteShard
from omega_threshold import Schedule

T = 3
WEIGHT = LearnConfig.pair_weight
EPOCH = Schedule().at(NOW + HOUR)
WORKER = "omega-federation-worker"


def likes(number: int, first: int = 0) -> list[list[str]]:
    """Households that like five titles of the first or the second group, in turn."""
    found = []
    for n in range(first, first + number):
        titles = 15 * (n % 2) + np.random.default_rng([n, 7]).permutation(15)[:5]
        found.append([f"t{title}" for title in titles])
    return found


def matrix(households: Sequence[Sequence[str]], least: int = T) -> np.ndarray[tuple[int, int]]:
    """How many like both of two titles, where that many are enough.

    Elsewhere what chance makes of it: the share of n_i n_j that open pairs have on average, below
    the least of them.
    """
    x = np.zeros((len(households), 30))
    for n, liked in enumerate(households):
        x[n, [int(title[1:]) for title in liked]] = 1
    gram = x.T @ x
    both = np.diag(gram) * (np.diag(gram) >= least)
    chance = np.outer(both, both)
    open_ = np.triu(gram >= least, 1)
    if open_.any():
        chance = np.minimum(chance * gram[open_].sum() / chance[open_].sum(), gram[open_].min() - 1)
    found = np.where(gram >= least, gram, chance)
    np.fill_diagonal(found, both)
    return found


def factors(store: Store) -> FactorPack | None:
    with store.snapshot() as conn:
        version = resources.newest_version(conn, ResourceKind.FACTORS)
        if not version:
            return None
        body = resources.read(conn, ResourceKind.FACTORS, version, 0, limits.MAX_RESOURCE)
    return decode_factors(body)


def assert_learned(store: Store, households: Sequence[Sequence[str]], lam: float = 5) -> None:
    """The factors are those of what these households like, by the definition."""
    gram = matrix(households)
    titles = np.flatnonzero(np.diag(gram))
    values, vectors = np.linalg.eigh(WEIGHT * gram[np.ix_(titles, titles)])
    values = np.maximum(values, 0)
    pack = factors(store)
    assert pack is not None
    assert pack.ordinals.tolist() == titles.tolist()
    inverse = np.square(vectors) @ (1 / (values + lam))
    np.testing.assert_allclose(pack.gains, 1 / (lam * inverse), rtol=0.01)
    shares = np.diag(gram)[titles] / np.trace(gram)
    np.testing.assert_allclose(pack.prior, shares, rtol=0.01, atol=1e-4)


def sealed(store: Store) -> int:
    with store.statements() as conn:
        row = conn.execute("SELECT count(*) FROM threshold_sealed").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def rounds(store: Store, shard: TasteShard) -> Rounds:
    """Of a shard with a catalogue and nothing else."""
    shard.publish_catalogue()
    return Rounds(store)


def test_a_fleet_of_pairs_alone_gets_factors_from_them(rounds: Rounds, store: Store) -> None:
    households = likes(40)
    bring(store, reports_of(households, T, EPOCH))
    figures = rounds.run()
    expected = plain_counts(households, T)
    assert counts(store) == expected
    assert figures == RoundFigures(
        supported_titles=30,
        state_version=figures.state_version,
        factors_version=1,
        refreshed=True,
        pairs=len(expected),
        reports=expected.total(),
        pair_weight=0.25,
    )
    assert_learned(store, households)
    with store.snapshot() as conn:
        assert states.patterns(conn) == []


def test_what_opens_between_two_refreshes_waits_for_the_next(rounds: Rounds, store: Store) -> None:
    first, late = likes(40), likes(40, 40)
    bring(store, reports_of(first, T, EPOCH))
    assert rounds.run().refreshed
    before = factors(store)
    bring(store, reports_of(late, T, EPOCH))
    rounds.clock.advance(HOUR)
    step = rounds.run()
    assert (step.refreshed, step.factors_version, step.pairs) == (False, 0, 0)
    assert counts(store) == plain_counts(first + late, T)
    now = factors(store)
    assert before is not None
    assert now is not None
    assert now.version == before.version
    rounds.clock.advance(24 * HOUR)
    assert rounds.run().pairs == len(plain_counts(first + late, T))
    assert_learned(store, first + late)


def test_too_few_reports_are_no_round_and_go_with_their_epoch(rounds: Rounds, store: Store) -> None:
    households = likes(1) * (T - 1)
    brought = bring(store, reports_of(households, T, EPOCH))
    with pytest.raises(OmegaError) as caught:
        rounds.run()
    assert caught.value.code == ErrorCode.ROUND_NOT_POSSIBLE
    assert (counts(store), sealed(store)) == ({}, brought)
    closes = Schedule().closes(EPOCH)
    for after, left in ((timedelta(0), brought), (HOUR, 0)):
        rounds.clock.advance(closes + after - rounds.clock.now())
        with pytest.raises(OmegaError):
            rounds.run()
        assert sealed(store) == left
    # One more, too late: what is forgotten opens no more.
    bring(store, reports_of(households[:1], T, EPOCH))
    with pytest.raises(OmegaError):
        rounds.run()
    assert (counts(store), sealed(store)) == ({}, 0)


def test_epochs_are_those_that_are_set(rounds: Rounds, store: Store) -> None:
    config = FederationConfig("postgresql://x/y", epoch_days=1, grace_hours=2, pair_weight=0.5)
    rounds.plan = replace(PLAN, schedule=config.plan().schedule)
    epoch = rounds.plan.schedule.at(rounds.clock.now())
    bring(store, reports_of(likes(40), T, epoch) + reports_of([["t1"]], T, epoch))
    rounds.run()
    waiting = sealed(store)
    rounds.clock.advance(27 * HOUR)
    rounds.run()
    assert (sealed(store), waiting > 0) == (0, True)
    assert config.learning().pair_weight == 0.5


def test_a_mixed_fleet_learns_from_both_and_says_by_what_weight(
    rounds: Rounds, store: Store, shard: TasteShard
) -> None:
    shard.add_households(12)
    alone = rounds.run()
    without = factors(store)
    # They like the last titles of each group, of which too few sketch.
    households = [["t12", "t13", "t14"], ["t27", "t28", "t29"]] * 10
    bring(store, reports_of(households, T, EPOCH))
    rounds.plan = replace(PLAN, learning=replace(PLAN.learning, pair_weight=1))
    figures = rounds.run(refresh=True)
    assert (figures.devices, figures.sketches) == (alone.devices, alone.sketches)
    assert (figures.patterns, figures.pairs, figures.reports) == (alone.patterns, 12, 120)
    found = factors(store)
    assert without is not None
    assert found is not None
    known = np.isin(found.ordinals, [12, 13, 14, 27, 28, 29])
    assert found.gains[known].min() > 1.2 * without.gains[np.isin(without.ordinals, [12, 27])].max()
    rounds.plan = replace(PLAN, learning=replace(PLAN.learning, pair_weight=0.001))
    light = rounds.run()
    assert (light.refreshed, light.pair_weight) == (True, 0.001)
    other = factors(store)
    assert other is not None
    assert np.abs(other.gains[:10] - without.gains[:10]).max() < 0.05


def test_when_those_that_sketch_leave_pairs_go_on_alone(
    rounds: Rounds, store: Store, shard: TasteShard
) -> None:
    ids = shard.add_households(12)
    households = likes(40)
    bring(store, reports_of(households, T, EPOCH))
    assert rounds.run().patterns > 0
    for device_id in ids[2:]:
        with store.transaction() as conn:
            devices.erase(conn, device_id)
    step = rounds.run()
    assert (step.refreshed, step.patterns, step.devices) == (False, 0, 2)
    assert factors(store) is not None
    refresh = rounds.run(refresh=True)
    assert (refresh.devices, refresh.pair_weight) == (0, 0.25)
    assert_learned(store, households)
    assert rounds.run(refresh=True).factors_version == 0, "nothing changed"


def test_where_what_is_given_out_carries_noise_pairs_are_counted_and_not_used(
    rounds: Rounds, store: Store, shard: TasteShard
) -> None:
    shard.add_households(60)
    households = likes(40)
    bring(store, reports_of(households, T, EPOCH))
    rounds.plan = replace(PLAN, learning=replace(PLAN.learning, dp_mu=8.0))
    figures = rounds.run()
    assert (figures.dp_mu, figures.pairs, figures.pair_weight) == (8.0, 0, 0.0)
    assert counts(store) == plain_counts(households, T)


def test_a_fleet_of_pairs_alone_gives_nothing_out_under_noise(rounds: Rounds, store: Store) -> None:
    bring(store, reports_of(likes(40), T, EPOCH))
    rounds.plan = replace(PLAN, learning=replace(PLAN.learning, dp_mu=8.0))
    with pytest.raises(OmegaError) as caught:
        rounds.run()
    assert caught.value.code == ErrorCode.ROUND_NOT_POSSIBLE
    assert factors(store) is None


def test_what_came_of_reports_is_logged_and_counted(
    rounds: Rounds, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    households = likes(40)
    brought = bring(store, reports_of(households, T, EPOCH))
    expected = plain_counts(households, T)
    with (
        counting(metering) as counted,
        recording() as spans,
        caplog.at_level(logging.INFO, "omega_federation_worker"),
    ):
        rounds.run()
        seen = counted()
    told = {
        (name.removeprefix("omega.federation."), *dict(how).values()): value
        for (name, how), value in seen.items()
    }
    assert told["reports", "taken"] == brought
    assert told["reports", "counted"] == expected.total()
    assert told["reports", "refused"] == 0
    assert told["pairs.opened",] == told["pairs",] == len(expected)
    assert told["pairs.spoiled",] == 0
    assert f"taken={brought}, groups={len(expected)}" in caplog.text
    assert "open" in {span.name for span in spans.all()}


PLACES = ("sealed", "grown", "points", "pairs", "opened")


@pytest.mark.parametrize("table", PLACES)
def test_kill_9_while_reports_are_opened_loses_and_doubles_nothing(
    rounds: Rounds, store: Store, database_url: str, table: str
) -> None:
    epoch = Schedule().at(datetime.now(UTC))
    households = likes(40)
    bring(store, reports_of(households[:20], T, epoch))
    rounds.clock.advance(datetime.now(UTC) - rounds.clock.now())
    rounds.run()
    bring(store, reports_of(households[20:], T, epoch))
    environ = {
        "OMEGA_FEDERATION_DATABASE_URL": database_url,
        "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
        "OMEGA_FEDERATION_PERIOD_SECONDS": "1",
        "OMEGA_FEDERATION_SIGMA": str(SIGMA),
        "OMEGA_FEDERATION_LAM": "5",
    }
    with (
        closed(store, f"threshold_{table}", "true"),
        ServiceProcess([WORKER], environ) as process,
    ):
        await_somebody(store, WORKER)
        process.kill()
    with serving(database_url) as client:
        done = once_it_may_lead(client)
        assert done.factors_version == 2
        assert counts(store) == plain_counts(households, T)
        assert_learned(store, households)
        again = client.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4()))).round
    assert again.factors_version == 0, "nothing changed"
    assert counts(store) == plain_counts(households, T)


def test_a_worker_over_rpc_says_what_it_lacks(client: FederationClient, shard: TasteShard) -> None:
    shard.publish_catalogue()
    with pytest.raises(ServiceError) as caught:
        client.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4())))
    assert caught.value.reason == "ROUND_NOT_POSSIBLE"
