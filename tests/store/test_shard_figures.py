"""Figures of a shard."""

from __future__ import annotations

from datetime import timedelta

from omega_store import Store, contents, devices, pushes, resources, status
from omega_store.counts import DeviceCounts
from omega_store.resources import ResourceKind
from omega_store.status import ACTIVE, RegionFigures, ShardFigures, ShardHeads
from omega_testing.fleet import MODEL, NOW, push, registered, titles


def test_an_empty_shard_counts_nothing(store: Store) -> None:
    with store.snapshot() as conn:
        assert status.figures(conn, NOW) == ShardFigures(0, 0, 0, None)
        assert status.regions(conn, NOW) == []
        found = status.heads(conn)
        assert found == ShardHeads(DeviceCounts(0, 0, 0), 0, 0, 0, 0, 0, 0, found.database_bytes)
        assert found.database_bytes > 1_000_000


def test_figures_count_what_is_there(store: Store) -> None:
    ids = registered(store, 5)
    with store.transaction() as conn:
        devices.touch(conn, ids[0], NOW - ACTIVE - timedelta(minutes=5))
        pushes.store(conn, [push(ids[1], 3), push(ids[2], 4), push(ids[2], 0)], NOW)
        devices.touch(conn, ids[3], NOW)
        devices.revoke(conn, ids[3], NOW)
        contents.upsert(conn, titles(6), model_version=MODEL, catalogue_version=0, now=NOW)
        resources.publish(conn, ResourceKind.CATALOGUE, 1, model_version=MODEL, body=b"x", now=NOW)
        assert status.figures(conn, NOW) == ShardFigures(2, 2, 7, NOW)
        found = status.heads(conn)
    assert (found.devices, found.contents) == (DeviceCounts(4, 1, 0), 6)
    versions = (found.catalogue_version, found.factors_version, found.codebook_version)
    assert (versions, found.state_version, found.directory_version) == ((1, 0, 0), 0, 0)


def test_regions_count_their_welcome_devices_and_who_was_here_lately(store: Store) -> None:
    french = registered(store, 3, region="FR")
    [german] = registered(store, 1, region="DE")
    registered(store, 2)
    with store.transaction() as conn:
        for device_id in (*french[:2], german):
            devices.touch(conn, device_id, NOW)
        devices.revoke(conn, french[0], NOW)
        assert status.regions(conn, NOW) == [
            RegionFigures("", 2, 0),
            RegionFigures("FR", 2, 1),
            RegionFigures("DE", 1, 1),
        ]
