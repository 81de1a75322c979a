"""What the fleet gives out forgets an erased device with the next round."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest

from omega.federation.v1 import federation_service_pb2 as pb
from omega_client import FederationClient
from omega_delta import decode_factors
from omega_federation_worker import alone
from omega_federation_worker import shard as round_io
from omega_federation_worker.plan import Plan
from omega_learn import LearnConfig
from omega_store import (
    Store,
    devices,
    erasures,
    leadership,
    publish_round,
    resources,
    rounds,
    states,
)
from omega_store.heads import heads
from omega_store.resources import ResourceKind
from omega_testing.fleet import NOW, registered
from omega_testing.refusals import refused
from omega_testing.taste_shard import SIGMA, TasteShard
from omega_testing.tastes import TasteWorld

NOT_POSSIBLE = ("FAILED_PRECONDITION", "ROUND_NOT_POSSIBLE", "the shard")
SUCCEEDED = pb.RoundStatus.ROUND_STATUS_SUCCEEDED
CONFIG = LearnConfig(sigma=SIGMA, lam=5, rank=16)


class Given(NamedTuple):
    """What is given out."""

    groups: set[int]
    """Groups of the global patterns."""
    titles: set[int]
    """Titles with a factor."""


def run(client: FederationClient) -> pb.Round:
    return client.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4()))).round


def given_out(store: Store, world: TasteWorld) -> Given:
    with store.snapshot() as conn:
        patterns = states.patterns(conn)
        version = resources.newest_version(conn, ResourceKind.FACTORS)
        body = resources.read(conn, ResourceKind.FACTORS, version, 0, 1 << 26)
    groups = {int(np.argmax(world.centred @ p.embedding)) // world.each for p in patterns}
    return Given(groups, set(decode_factors(body).ordinals.tolist()))


def erase(store: Store, ids: Iterable[str]) -> None:
    for device_id in ids:
        with store.transaction() as conn:
            assert devices.erase(conn, device_id) > 0


def noted(store: Store) -> int:
    with store.snapshot() as conn:
        return len(erasures.noted(conn))


@pytest.fixture
def three_who_like_the_second_group(
    store: Store, shard: TasteShard, world: TasteWorld
) -> list[str]:
    """Beside 12 households that like the first group; all of them pushed."""
    shard.publish_catalogue()
    many, few = registered(store, 12), registered(store, 3)
    for n, device_id in enumerate(many):
        liked = np.random.default_rng(n).permutation(world.each)[:12]
        shard.push(device_id, liked.tolist(), seed=n)
    for n, device_id in enumerate(few):
        shard.push(device_id, list(range(world.each, 2 * world.each)), seed=100 + n)
    return few


def test_what_only_three_devices_supported_is_gone_when_one_of_them_is(
    client: FederationClient,
    store: Store,
    world: TasteWorld,
    three_who_like_the_second_group: list[str],
) -> None:
    second_group = set(range(world.each, 2 * world.each))
    assert run(client).devices == 15
    before = given_out(store, world)
    assert before.groups == {0, 1}
    assert second_group <= before.titles
    erase(store, three_who_like_the_second_group[:1])
    # What was published stands until the next round.
    assert given_out(store, world) == before
    done = run(client)
    assert (done.devices, done.state_version, done.factors_version) == (14, 2, 2)
    after = given_out(store, world)
    assert after.groups == {0}
    assert not second_group & after.titles


def test_the_round_after_publishes_just_what_the_others_say(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    ids = shard.add_households(12)
    run(client)
    erase(store, ids[:2])
    seen = round_io.read(store, NOW, Plan(CONFIG), refresh=True)
    assert seen.local is not None
    assert {key for fleet in seen.local.sketches for key in fleet.keys} == set(ids[2:])
    expected = alone.learn(seen, Plan(CONFIG), 2)
    run(client)
    with store.snapshot() as conn:
        assert resources.read(conn, ResourceKind.FACTORS, 2, 0, 1 << 26) == expected.factors


@pytest.mark.usefixtures("fleet")
def test_factors_of_the_time_before_are_forgotten_with_the_round(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    run(client)
    [late, *_] = shard.add_households(3)
    run(client)
    with store.snapshot() as conn:
        assert resources.info(conn, ResourceKind.FACTORS, 1)
    erase(store, [late])
    assert noted(store) == 1
    assert run(client).factors_version == 3
    with store.snapshot() as conn:
        kept = conn.execute("SELECT version FROM resources WHERE kind = 2").fetchall()
    # The version before, for TVs that hold it and take what changed, until the next refresh.
    assert (sorted(kept), noted(store)) == ([(2,), (3,)], 1)
    run(client)
    with store.snapshot() as conn:
        kept = conn.execute("SELECT version FROM resources WHERE kind = 2").fetchall()
    assert (kept, noted(store)) == ([(3,)], 0)


def test_a_round_under_way_neither_fails_nor_brings_the_device_back(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    before, during, *others = shard.add_households(13)
    erase(store, [before])
    with leadership(store) as conn:
        begun = rounds.begin(conn, str(uuid.uuid4()), NOW)
        seen = round_io.read(store, NOW, Plan(CONFIG), refresh=True)
        erase(store, [during])
        result = alone.learn(seen, Plan(CONFIG), begun.round_id)
        assert publish_round(conn, result, NOW).devices == 12
    with store.snapshot() as conn:
        assert {d.device_id for d in devices.last_seen(conn, 100)} == set(others)
    # It saw the second device, whose erasure is still to be made good; factors with the first are
    # kept until the refresh after.
    assert noted(store) == 2
    assert run(client).devices == 11
    assert noted(store) == 1
    run(client)
    assert noted(store) == 0


def test_rounds_and_erasures_at_the_same_time_all_succeed(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    ids = shard.add_households(24)
    with ThreadPoolExecutor(1) as threads:
        erased = threads.submit(erase, store, ids[:12])
        done = [run(client) for _ in range(3)]
        erased.result()
    assert {record.status for record in done} == {SUCCEEDED}
    assert run(client).devices == 12
    assert noted(store) == 0


def test_when_too_few_are_left_all_that_was_given_out_is_withdrawn(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    ids = shard.add_households(12)
    held = run(client).state_version
    erase(store, ids[2:])
    done = run(client)
    assert (done.status, done.devices) == (SUCCEEDED, 2)
    assert (done.patterns, done.state_version, done.factors_version) == (0, held + 1, 0)
    with store.snapshot() as conn:
        step = states.step(conn, held)
        assert (step.base_version, step.patterns) == (held, ())
        assert len(step.removed) > 0
        assert states.patterns(conn) == []
        assert {r.kind for r in heads(conn).resources} == {ResourceKind.CATALOGUE}
        assert conn.execute("SELECT FROM resources WHERE kind = 2").fetchone() is None
    assert noted(store) == 0
    # Nothing is left to withdraw: from here on there is simply no round.
    assert refused(lambda: run(client)) == NOT_POSSIBLE
    shard.add_households(12)
    back = run(client)
    assert (back.state_version, back.factors_version) == (held + 2, 2)


def test_what_an_earlier_encoder_taught_stays_until_a_device_behind_it_is_erased(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    ids = shard.add_households(12)
    run(client)
    shard.publish_catalogue("another-r1")
    assert refused(lambda: run(client)) == NOT_POSSIBLE
    with store.snapshot() as conn:
        assert states.current(conn).version == 1
        assert resources.newest_version(conn, ResourceKind.FACTORS) == 1
    erase(store, ids[:1])
    done = run(client)
    assert (done.devices, done.patterns, done.state_version) == (0, 0, 2)
    with store.snapshot() as conn:
        assert states.current(conn) == states.State(2, "another-r1", 2)
        assert resources.newest_version(conn, ResourceKind.FACTORS) == 0
        assert states.patterns(conn) == []
