"""Rounds know the noise of every sketch, and account for the noise that they add themselves."""

from __future__ import annotations

import logging
import math
import uuid

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_federation_worker import shard as shards
from omega_federation_worker.config import FederationConfig
from omega_federation_worker.job import RoundJob
from omega_learn import LearnConfig
from omega_store import Store, kept, rounds
from omega_store.rounds import RoundStatus
from omega_testing.fleet import NOW, registered
from omega_testing.taste_shard import SIGMA, TasteShard

LIKED = list(range(12))


def job(store: Store, dp_mu: float = 0.0) -> RoundJob:
    config = FederationConfig("postgresql://x/y", sigma=SIGMA, lam=5, rank=16, dp_mu=dp_mu)
    return RoundJob(store, config.plan(), ManualClock(NOW))


def test_sketches_of_two_policies_are_each_decoded_by_their_own(
    shard: TasteShard, store: Store
) -> None:
    shard.publish_catalogue()
    old, strict, both = registered(store, 3)
    shard.push(old, LIKED, seed=1)
    shard.push(strict, LIKED, seed=2, stated_sigma=6.25)
    shard.push(both, LIKED, seed=3)
    shard.push(both, LIKED, seed=4, stated_sigma=5.5)
    seen = shards.read(store, NOW)
    assert seen.local is not None
    [fleet] = seen.local.sketches
    found = {
        (key, sigma)
        for d, key in enumerate(fleet.keys)
        for sigma in fleet.sigmas[fleet.starts[d] : fleet.starts[d + 1]].tolist()
    }
    unstated = LearnConfig().sigma
    assert found == {(old, unstated), (strict, 6.25), (both, unstated), (both, 5.5)}
    done = job(store).run(str(uuid.uuid4()))
    assert (done.status, done.figures.devices) == (RoundStatus.SUCCEEDED, 3)
    assert (done.figures.sketches, done.figures.dp_mu) == (48, 0.0)


def test_a_round_with_noise_records_what_it_spent(
    shard: TasteShard, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    shard.publish_catalogue()
    shard.add_households(60)
    with caplog.at_level(logging.INFO, "omega_federation_worker.job"):
        for number in (1, 2):
            done = job(store, dp_mu=8.0).run(str(uuid.uuid4()), refresh=True)
            assert (done.figures.dp_mu, done.figures.patterns) == (8.0, 0)
            assert done.figures.factors_version == number
            with store.snapshot() as conn:
                assert rounds.spent_mu(conn) == pytest.approx(8 * math.sqrt(number))
    assert "all rounds mu 11.3" in caplog.text


def test_rounds_between_refreshes_spend_nothing_and_give_out_nothing(
    shard: TasteShard, store: Store
) -> None:
    shard.publish_catalogue()
    ids = shard.add_households(60)
    worker = job(store, dp_mu=8.0)
    assert worker.run(str(uuid.uuid4())).figures.factors_version == 1
    shard.push(ids[0], [20, 21], seed=500)
    for _ in range(2):
        figures = worker.run(str(uuid.uuid4())).figures
        assert (figures.refreshed, figures.dp_mu, figures.decoded) == (False, 0.0, 0)
        assert (figures.factors_version, figures.state_version) == (0, 0)
    with store.snapshot() as conn:
        assert rounds.spent_mu(conn) == 8.0
        assert list(kept.iterate(conn)) == [], "no step goes on from rows, so none are kept"


def test_too_small_a_fleet_gives_out_nothing_under_noise(fleet: TasteShard, store: Store) -> None:
    assert fleet
    with pytest.raises(OmegaError) as caught:
        job(store, dp_mu=0.5).run(str(uuid.uuid4()))
    assert caught.value.code is ErrorCode.ROUND_NOT_POSSIBLE
    with store.snapshot() as conn:
        assert rounds.spent_mu(conn) == 0.0
