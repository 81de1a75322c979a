"""Identities of TVs in Postgres."""

from __future__ import annotations

import uuid
from datetime import timedelta

from omega_store import Store, devices, pushes
from omega_store.devices import SEEN_STEP
from omega_testing.fleet import NOW, push, registered


def test_a_repeated_request_id_gives_the_first_identity(store: Store) -> None:
    request_id = str(uuid.uuid4())
    with store.transaction() as conn:
        first = devices.register(
            conn,
            device_id=f"tv-{'a' * 32}",
            request_id=request_id,
            platform="tizen",
            app_version="1.0",
            now=NOW,
        )
        second = devices.register(
            conn,
            device_id=f"tv-{'b' * 32}",
            request_id=request_id,
            platform="webos",
            app_version="2.0",
            now=NOW + timedelta(days=1),
        )
    assert second == first
    assert first.device_id == f"tv-{'a' * 32}"
    assert (first.registered_at, first.last_seen_at, first.revoked_at) == (NOW, None, None)


def test_touch_notes_the_first_call_and_then_one_a_step(store: Store) -> None:
    [device_id] = registered(store, 1)
    with store.transaction() as conn:
        seen = []
        for after in (timedelta(0), SEEN_STEP / 2, SEEN_STEP * 2):
            assert devices.touch(conn, device_id, NOW + after)
            device = devices.get(conn, device_id)
            assert device is not None
            seen.append(device.last_seen_at)
    assert seen == [NOW, NOW, NOW + SEEN_STEP * 2]


def test_touch_refuses_unknown_and_revoked_devices(store: Store) -> None:
    [device_id] = registered(store, 1)
    with store.transaction() as conn:
        assert not devices.touch(conn, f"tv-{'0' * 32}", NOW)
        assert devices.revoke(conn, device_id, NOW)
        assert not devices.touch(conn, device_id, NOW)
        assert not devices.revoke(conn, f"tv-{'0' * 32}", NOW)


def test_a_second_revocation_keeps_the_first_instant(store: Store) -> None:
    [device_id] = registered(store, 1)
    with store.transaction() as conn:
        devices.revoke(conn, device_id, NOW)
        devices.revoke(conn, device_id, NOW + timedelta(days=1))
        device = devices.get(conn, device_id)
    assert device is not None
    assert device.revoked_at == NOW


def test_the_last_seen_come_first_and_the_never_seen_last(store: Store) -> None:
    ids = registered(store, 4)
    with store.transaction() as conn:
        for minutes, device_id in enumerate(ids[:3]):
            devices.touch(conn, device_id, NOW + timedelta(minutes=minutes))
        pushes.store(conn, [push(ids[1], 3), push(ids[1], 4)], NOW)
        listed = devices.last_seen(conn, 10)
        assert [d.device_id for d in devices.last_seen(conn, 2)] == [ids[2], ids[1]]
    assert [d.device_id for d in listed] == [ids[2], ids[1], ids[0], ids[3]]
    assert [d.sketches for d in listed] == [0, 7, 0, 0]
