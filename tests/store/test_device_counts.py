"""Devices are counted without being read, and exactly."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, counts, devices
from omega_store.counts import DeviceCounts
from omega_testing.fleet import NOW, register, registered


def held(store: Store) -> DeviceCounts:
    """The numbers, which are those of the table."""
    with store.snapshot() as conn:
        found = counts.devices(conn)
        assert found == counts.counted(conn)
    return found


def test_whatever_becomes_of_devices_is_counted(store: Store) -> None:
    assert held(store) == DeviceCounts(0, 0, 0)
    ids = registered(store, 6)
    assert held(store) == DeviceCounts(6, 0, 0)
    with store.transaction() as conn:
        devices.revoke(conn, ids[0], NOW)
        devices.revoke(conn, ids[0], NOW)
        devices.touch(conn, ids[1], NOW)
        conn.execute("UPDATE devices SET leaving_for = 'b' WHERE device_id = ANY(%s)", (ids[:2],))
    assert held(store) == DeviceCounts(4, 0, 2)
    with store.transaction() as conn:
        conn.execute("UPDATE devices SET leaving_for = NULL")
    assert held(store) == DeviceCounts(5, 1, 0)
    with store.transaction() as conn:
        devices.erase(conn, ids[0])
        devices.erase(conn, ids[1])
        devices.erase(conn, ids[1])
        conn.execute("DELETE FROM devices WHERE device_id = ANY(%s)", (ids[2:4],))
    assert held(store) == DeviceCounts(2, 0, 0)


def test_a_repeated_registration_counts_once_and_a_failed_one_not(store: Store) -> None:
    request_id = str(uuid.uuid4())
    for _ in range(3):
        with store.transaction() as conn:
            devices.register(
                conn,
                device_id=f"tv-{uuid.uuid4().hex}",
                request_id=request_id,
                platform="",
                app_version="",
                now=NOW,
            )

    def fail() -> None:
        with store.transaction() as conn:
            register(conn, 4)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert held(store) == DeviceCounts(1, 0, 0)


def test_many_at_once_lose_no_count(store: Store) -> None:
    def work(seed: int) -> None:
        for turn in range(10):
            ids = registered(store, 1 + (seed + turn) % 3)
            with store.transaction() as conn:
                devices.revoke(conn, ids[0], NOW)
                if turn % 2:
                    devices.erase(conn, ids[-1])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    assert held(store).welcome + held(store).revoked > 60


def test_a_full_shard_takes_no_more(store: Store) -> None:
    registered(store, 2)

    def another() -> None:
        with store.transaction() as conn:
            register(conn, 1)
            counts.check_room(conn, 3)

    another()
    with pytest.raises(OmegaError) as caught:
        another()
    assert (caught.value.code, caught.value.bound) == (ErrorCode.SHARD_FULL, "3")
    assert held(store).welcome == 3


def test_many_that_register_at_once_fill_a_shard_exactly(store: Store) -> None:
    def another(_: int) -> ErrorCode | None:
        try:
            with store.transaction() as conn:
                register(conn, 1)
                counts.check_room(conn, 20)
        except OmegaError as error:
            return error.code
        return None

    with ThreadPoolExecutor(8) as threads:
        codes = list(threads.map(another, range(40)))
    assert codes.count(None) == codes.count(ErrorCode.SHARD_FULL) == 20
    assert held(store).welcome == 20
