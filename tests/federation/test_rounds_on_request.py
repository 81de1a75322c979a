"""What a round publishes, and that asking again changes nothing."""

from __future__ import annotations

import time
import uuid

import numpy as np
import pytest

from omega.federation.v1 import federation_service_pb2 as pb
from omega_client import FederationClient, ServiceError
from omega_delta import FactorPack, decode_factors
from omega_store import Store, devices, resources, rounds, states
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL, NOW
from omega_testing.taste_shard import TasteShard
from omega_testing.tastes import TasteWorld

SUCCEEDED = pb.RoundStatus.ROUND_STATUS_SUCCEEDED


def run(client: FederationClient, request_id: str = "") -> pb.Round:
    asked = pb.RunRoundRequest(request_id=request_id or str(uuid.uuid4()))
    return client.run_round(asked).round


def newest_factors(store: Store) -> FactorPack:
    with store.snapshot() as conn:
        version = resources.newest_version(conn, ResourceKind.FACTORS)
        return decode_factors(resources.read(conn, ResourceKind.FACTORS, version, 0, 1 << 26))


def newest_patterns(store: Store) -> list[states.Pattern]:
    with store.snapshot() as conn:
        return states.patterns(conn)


@pytest.mark.usefixtures("fleet")
def test_a_round_publishes_factors_and_patterns_together(
    client: FederationClient, store: Store, world: TasteWorld
) -> None:
    request_id = str(uuid.uuid4())
    done = run(client, request_id)
    assert (done.round_id, done.request_id, done.status) == (1, request_id, SUCCEEDED)
    assert (done.devices, done.sketches) == (24, 24 * 12)
    assert (done.state_version, done.factors_version) == (1, 1)
    assert done.started_at.ToDatetime() <= done.finished_at.ToDatetime()
    assert done.error_code == ""
    assert client.get_round(done.round_id).round == done

    factors = newest_factors(store)
    assert (factors.model_version, factors.catalogue_version) == (MODEL, 1)
    assert len(factors.ordinals) == done.supported_titles
    assert factors.factors.shape[1] == 16
    patterns = newest_patterns(store)
    assert len(patterns) == done.patterns > 0
    assert all(p.device_count_floor == 8 for p in patterns)
    groups = {int(np.argmax(world.centred @ p.embedding)) // world.each for p in patterns}
    assert groups == {0, 1}


@pytest.mark.usefixtures("fleet")
def test_a_repeated_request_gives_the_first_answer(client: FederationClient, store: Store) -> None:
    request_id = str(uuid.uuid4())
    first = run(client, request_id)
    assert run(client, request_id) == first
    with store.snapshot() as conn:
        assert states.current(conn).version == 1


@pytest.mark.usefixtures("fleet")
def test_a_round_without_news_publishes_nothing(client: FederationClient, store: Store) -> None:
    first = run(client)
    before = newest_factors(store).version
    again = run(client)
    assert again.status == SUCCEEDED
    assert (again.state_version, again.factors_version) == (0, 0)
    assert (again.devices, again.patterns) == (first.devices, first.patterns)
    assert newest_factors(store).version == before


def test_new_households_bring_the_next_version(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    shard.add_households(24)
    run(client)
    before = {p.pattern_id for p in newest_patterns(store)}
    shard.add_households(30)
    second = run(client)
    assert (second.devices, second.state_version, second.factors_version) == (54, 2, 2)
    assert newest_factors(store).version == 2
    kept = before & {p.pattern_id for p in newest_patterns(store)}
    assert len(kept) >= len(before) / 2


@pytest.mark.usefixtures("fleet")
def test_a_pattern_that_is_gone_is_removed(client: FederationClient, store: Store) -> None:
    run(client)
    held = {p.pattern_id for p in newest_patterns(store)}
    with store.transaction() as conn:
        for n, device in enumerate(sorted(devices.last_seen(conn, 100), key=lambda d: d.sketches)):
            if n >= 8:
                devices.revoke(conn, device.device_id, NOW)
    done = run(client)
    with store.snapshot() as conn:
        step = states.step(conn, 1)
    assert done.devices == 8
    assert set(step.removed) <= held
    assert {p.pattern_id for p in newest_patterns(store)} == (
        held - set(step.removed) | {p.pattern_id for p in step.patterns}
    )


def test_sketches_of_another_encoder_are_left_out(
    client: FederationClient, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    shard.add_households(8)
    shard.add_households(5, model_version="another-r1")
    assert run(client).devices == 8


def test_a_new_encoder_starts_afresh(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    shard.add_households(12)
    run(client)
    before = {p.pattern_id for p in newest_patterns(store)}
    shard.publish_catalogue("another-r1")
    shard.add_households(12, model_version="another-r1")
    done = run(client)
    assert (done.devices, done.state_version, done.factors_version) == (12, 2, 2)
    assert not before & {p.pattern_id for p in newest_patterns(store)}
    factors = newest_factors(store)
    assert (factors.model_version, factors.catalogue_version) == ("another-r1", 2)
    with store.snapshot() as conn:
        assert states.current(conn) == states.State(2, "another-r1", 2)


def test_a_revoked_device_takes_no_part(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    ids = shard.add_households(12)
    with store.transaction() as conn:
        devices.revoke(conn, ids[0], NOW)
    assert run(client).devices == 11


@pytest.mark.usefixtures("fleet")
def test_nothing_that_is_published_names_a_device(client: FederationClient, store: Store) -> None:
    run(client)
    with store.snapshot() as conn:
        listed = devices.last_seen(conn, 100)
        body = resources.read(conn, ResourceKind.FACTORS, 1, 0, 1 << 26)
        record = repr(rounds.get(conn, 1))
    assert len(listed) == 24
    text = repr(decode_factors(body)) + repr(newest_patterns(store)) + record
    assert not any(device.device_id in text for device in listed)


@pytest.mark.usefixtures("fleet")
def test_a_serving_worker_takes_up_rounds_that_are_asked_for(
    client: FederationClient, store: Store
) -> None:
    """Whether the constellation or anybody else wrote the request down."""
    ids = [str(uuid.uuid4()) for _ in range(2)]
    with store.transaction() as conn:
        for request_id in ids:
            rounds.request(conn, request_id, NOW, refresh=True)
    deadline = time.monotonic() + 30
    while any(r.status != SUCCEEDED for r in client.list_rounds().rounds):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    listed = client.list_rounds()
    assert [each.request_id for each in listed.rounds] == ids[::-1]
    assert not listed.more
    [_, first] = listed.rounds
    assert (first.pattern_shift, first.state_version) == (0.0, 1)
    assert 0 < first.quality <= 1
    assert client.list_rounds(1).more


def test_records_out_of_bounds_are_not_listed(client: FederationClient) -> None:
    with pytest.raises(ServiceError) as caught:
        client.list_rounds(1_001)
    assert (caught.value.status, caught.value.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
