"""EraseDevice over a socket."""

from __future__ import annotations

import pytest

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_store import Store, devices, pushes
from omega_testing.fleet import NOW, push, registered
from omega_testing.refusals import Refusal, refused


def ingest(client: ConstellationClient, device_id: str) -> int:
    made = push(device_id, 3)
    sent = pb.DevicePush(
        device_id=device_id,
        request_id=made.request_id,
        model_version=made.model_version,
        sketches=made.sketches,
        classes=made.classes,
    )
    return client.ingest_patterns(pb.IngestPatternsRequest(pushes=[sent])).results[0].outcome


def test_an_erased_device_is_counted_once_and_known_no_more(
    client: ConstellationClient, store: Store
) -> None:
    gone, stays = registered(store, 2)
    for device_id in (gone, gone, stays):
        assert ingest(client, device_id) == pb.PushOutcome.PUSH_OUTCOME_STORED
    assert client.erase_device(gone) == pb.EraseDeviceResponse(pushes=2)
    assert client.erase_device(gone) == pb.EraseDeviceResponse(pushes=0)
    assert client.erase_device(f"tv-{'0' * 32}") == pb.EraseDeviceResponse(pushes=0)
    figures = client.get_cluster_status(10)
    assert [device.device_id for device in figures.devices] == [stays]
    assert (figures.total_devices, figures.pushes) == (1, 1)
    assert ingest(client, gone) == pb.PushOutcome.PUSH_OUTCOME_UNKNOWN_DEVICE
    request = pb.GetGlobalStateRequest(device_id=gone)
    assert refused(lambda: client.get_global_state(request)) == Refusal(
        "UNAUTHENTICATED", "UNAUTHENTICATED", ""
    )


def test_a_revoked_device_is_erased_like_any_other(
    client: ConstellationClient, store: Store
) -> None:
    [device_id] = registered(store, 1)
    with store.transaction() as conn:
        pushes.store(conn, [push(device_id)], NOW)
        devices.revoke(conn, device_id, NOW)
    assert client.erase_device(device_id).pushes == 1


@pytest.mark.parametrize("device_id", ["", "tv-", "tv-" + "A" * 32, "tv-" + "0" * 33, "%"])
def test_a_device_id_out_of_bounds_is_named(
    shared_client: ConstellationClient, device_id: str
) -> None:
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "device_id")
    assert refused(lambda: shared_client.erase_device(device_id)) == expected
