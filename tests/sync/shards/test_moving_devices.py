"""Shards are added, drained and split while TVs sync: nothing is lost, nothing is there twice."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest
from tests.sync.shards.conftest import AddShard

from omega_client import ServiceError, SyncClient
from omega_core.directory import ShardEntry, derived_device_id
from omega_rpc.device_keys import DeviceKey
from omega_testing.probe import eventually
from omega_testing.shard_site import Load, ShardSite, SiteShard, audit, exchange
from omega_testing.site import Device


@pytest.fixture
def three(site: ShardSite, add: AddShard) -> list[SiteShard]:
    """Shards a, b and c under a directory."""
    shards = [add(name) for name in "abc"]
    site.publish(shard.entry for shard in shards)
    return shards


@pytest.fixture
def load(site: ShardSite, three: list[SiteShard]) -> Load:
    """TVs that are registered at a gateway which calls b first."""
    del three
    gateway = site.gateway("b")
    made = Load(lambda: gateway.address)
    made.register(60)
    return made


def at(site: ShardSite) -> Counter[str]:
    return Counter(place for places in site.devices().values() for place in places)


def test_devices_sync_at_the_shard_that_the_directory_gives(site: ShardSite, load: Load) -> None:
    load.once(2)
    assert audit(site, load) == []
    assert set(at(site)) == {"a", "b", "c"}
    assert len(site.pushes()) == len(load.devices)


def test_a_shard_is_added_drained_and_split_while_tvs_sync(
    site: ShardSite, load: Load, add: AddShard
) -> None:
    load.start()
    before = site.devices()
    new = add("d")
    site.publish_all()
    site.still()
    after = site.devices()
    moved = {d for d, places in before.items() if after[d] != places}
    assert moved
    assert {after[d][0] for d in moved} == {"d"}
    site.drain("b")
    site.still()
    assert at(site)["b"] == 0
    part = add("d2")
    held = at(site)["d"]
    site.publish_all(split=ShardEntry("d2", part.target, split_of="d"))
    site.still()
    assert 0 < at(site)["d2"] < held
    load.stop()
    assert audit(site, load) == []
    assert new.rows("SELECT device_id FROM devices WHERE leaving_for IS NOT NULL") == []


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_a_constellation_that_is_killed_while_it_moves_goes_on(
    site: ShardSite, load: Load, add: AddShard, pause: float
) -> None:
    load.once()
    load.start(2)
    add("d")
    site.publish_all()
    for name in ("a", "d"):
        time.sleep(pause)
        site.shards[name].kill()
        site.shards[name].restart()
    site.still()
    load.stop()
    assert audit(site, load) == []


def test_a_gateway_that_begins_in_the_middle_of_a_move_finds_every_device(
    site: ShardSite, load: Load, add: AddShard
) -> None:
    load.once()
    add("d")
    site.publish_all()
    fresh = site.gateway("c")
    other = Load(lambda: fresh.address, devices=load.devices, acknowledged=load.acknowledged)
    other.once()
    site.still()
    other.once()
    assert audit(site, other) == []


def test_a_directory_that_changes_back_brings_devices_back(
    site: ShardSite, load: Load, add: AddShard
) -> None:
    load.start(2)
    add("d")
    site.publish_all()
    d = site.shards["d"]
    eventually(lambda: len(d.rows("SELECT device_id FROM devices")), bool)
    site.drain("d")
    site.still()
    load.stop()
    assert at(site)["d"] == 0
    assert audit(site, load) == []


def test_a_shard_that_is_down_degrades_only_its_own_devices(site: ShardSite, load: Load) -> None:
    load.once()
    places = site.devices()
    site.shards["b"].kill()  # also the one that the gateway calls first
    with SyncClient(load.address()) as client:
        refused = Counter[str]()
        for device in load.devices:
            [place] = places[device.device_id]
            request = exchange()
            try:
                client.sync(request, credential=device.prover)
            except Exception as error:  # noqa: BLE001 - any refusal is looked at
                assert place == "b"
                refused[getattr(error, "status", str(error))] += 1
            else:
                assert place != "b"
                load.acknowledged.add((device.device_id, request.request_id))
        assert set(refused) == {"UNAVAILABLE"}
        for _ in range(12):
            device = Device(DeviceKey.generate())
            owner = site.directory.owner(derived_device_id(device.request_id))
            if owner == "b":
                with pytest.raises(ServiceError, match="UNAVAILABLE"):
                    client.register_device(device.registration())
            else:
                device.take(client.register_device(device.registration()))
                load.devices.append(device)
    site.shards["b"].restart()
    load.once()
    assert audit(site, load) == []


def test_devices_wait_for_a_shard_that_takes_none(
    site: ShardSite, load: Load, add: AddShard
) -> None:
    """Where the new shard is away, or is no use, they are served where they are."""
    load.once()
    new = add("d")
    new.kill()
    entries = [*(site.shards[name].entry for name in "abc"), new.entry]
    # Published by hand: d cannot be told.
    site.directory = replace(site.directory, version=2, shards=tuple(entries))
    for name in "abc":
        site.shards[name].publish(site.directory)
    belong = [d for d in load.devices if site.directory.owner(d.device_id) == "d"]
    assert belong
    eventually(lambda: sum(site.shards[n].leaving() for n in "abc"), lambda n: n == len(belong))
    assert at(site)["a"] + at(site)["b"] + at(site)["c"] == len(load.devices)
    for name in "abc":
        assert site.shards[name].rows("SELECT 1 FROM devices WHERE leaving_for IS NOT NULL") == []
    new.restart()
    new.publish(site.directory)
    load.once()
    site.still()
    load.once()
    assert audit(site, load) == []
