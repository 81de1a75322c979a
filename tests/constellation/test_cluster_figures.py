"""GetClusterStatus over a socket."""

from __future__ import annotations

from datetime import UTC

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_core.clock import SystemClock
from omega_store import Store, contents, pushes
from omega_testing.fleet import MODEL, patterns, push, registered, titles
from omega_testing.published import publish
from omega_testing.refusals import Refusal, refused


def test_an_empty_shard(client: ConstellationClient) -> None:
    assert client.get_cluster_status(5) == pb.GetClusterStatusResponse()


def test_figures_and_the_devices_seen_last(client: ConstellationClient, store: Store) -> None:
    now = SystemClock().now()
    ids = registered(store, 3, now)
    with store.transaction() as conn:
        pushes.store(conn, [push(ids[1], 3), push(ids[1], 2)], now)
        contents.upsert(conn, titles(4), model_version=MODEL, catalogue_version=0, now=now)
    publish(store, patterns(2))
    found = client.get_cluster_status(2)
    assert (found.total_devices, found.active_devices) == (3, 1)
    assert (found.pushes, found.sketches, found.contents) == (2, 5, 4)
    assert (found.catalogue_version, found.state_version) == (0, 1)
    assert found.last_push_at.ToDatetime(UTC) == now
    assert len(found.devices) == 2
    assert (found.devices[0].device_id, found.devices[0].sketches) == (ids[1], 5)
    assert found.devices[0].last_seen_at.ToDatetime(UTC) == now
    assert not found.devices[1].HasField("last_seen_at")
    assert not client.get_cluster_status().devices


def test_the_number_of_devices_is_bounded(shared_client: ConstellationClient) -> None:
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "max_devices")
    assert refused(lambda: shared_client.get_cluster_status(1_001)) == expected
