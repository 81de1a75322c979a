"""The inbox of pushes: each is stored once, whatever is repeated, mixed or concurrent."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import hypothesis.strategies as st
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from omega_store import Store, devices, pushes
from omega_store.pushes import DeviceSketches, Outcome, Push, PushResult
from omega_testing.fleet import MODEL, NOW, push, registered

UNKNOWN = f"tv-{'0' * 32}"


def read(store: Store, model_version: str = MODEL) -> list[DeviceSketches]:
    with store.snapshot() as conn:
        return list(pushes.iterate(conn, model_version, fetch=2))


def keep(store: Store, *batch: Push) -> list[PushResult]:
    with store.transaction() as conn:
        return pushes.store(conn, batch, NOW)


def held(*parts: Push) -> DeviceSketches:
    """What is read of a device without a region that pushed these at NOW, in this order."""
    return DeviceSketches(
        parts[0].device_id,
        b"".join(p.sketches for p in parts),
        b"".join(p.classes for p in parts),
        arrivals=tuple((p.count, NOW) for p in parts),
    )


def test_what_is_stored_is_what_was_pushed(store: Store) -> None:
    ids = sorted(registered(store, 3))
    batch = [push(device_id, i, seed=i) for i, device_id in enumerate(ids, start=1)]
    assert keep(store, *reversed(batch)) == [PushResult(Outcome.STORED, n) for n in (3, 2, 1)]
    assert read(store) == [held(p) for p in batch]


def test_a_retried_push_changes_nothing(store: Store) -> None:
    [device_id] = registered(store, 1)
    first = push(device_id, 4)
    keep(store, first)
    forged = dataclasses.replace(push(device_id, 7), request_id=first.request_id)
    assert keep(store, first) == [PushResult(Outcome.DUPLICATE, 4)]
    assert keep(store, forged) == [PushResult(Outcome.DUPLICATE, 4)]
    assert read(store) == [held(first)]


def test_of_two_equal_keys_in_a_batch_the_first_is_stored(store: Store) -> None:
    [device_id] = registered(store, 1)
    first = push(device_id, 4)
    second = dataclasses.replace(push(device_id, 9), request_id=first.request_id)
    assert keep(store, first, second) == [
        PushResult(Outcome.STORED, 4),
        PushResult(Outcome.DUPLICATE, 4),
    ]
    assert read(store) == [held(first)]


def test_one_request_id_of_two_devices_is_two_pushes(store: Store) -> None:
    one, other = registered(store, 2)
    first = push(one)
    assert [r.outcome for r in keep(store, first, dataclasses.replace(first, device_id=other))] == [
        Outcome.STORED,
        Outcome.STORED,
    ]


def test_unknown_and_revoked_devices_are_refused_alone(store: Store) -> None:
    good, revoked = registered(store, 2)
    earlier = push(revoked)
    keep(store, earlier)
    with store.transaction() as conn:
        devices.revoke(conn, revoked, NOW)
    results = keep(store, push(UNKNOWN), push(good, 2), push(revoked), earlier)
    assert [r.outcome for r in results] == [
        Outcome.UNKNOWN_DEVICE,
        Outcome.STORED,
        Outcome.REVOKED_DEVICE,
        Outcome.REVOKED_DEVICE,
    ]
    assert [r.sketches for r in results] == [0, 2, 0, 0]
    assert [d.device_id for d in read(store)] == [good]


def test_a_push_notes_that_the_device_was_seen(store: Store) -> None:
    pushing, silent = registered(store, 2)
    keep(store, push(pushing))
    with store.transaction() as conn:
        pushes.store(conn, [push(pushing)], NOW + timedelta(hours=1))
        seen = [devices.get(conn, d) for d in (pushing, silent)]
    assert [d.last_seen_at for d in seen if d] == [NOW + timedelta(hours=1), None]


def test_a_push_without_sketches_only_notes_that_the_device_was_seen(store: Store) -> None:
    [here] = registered(store, 1, region="FR")
    [shut_out] = registered(store, 1)
    with store.transaction() as conn:
        devices.revoke(conn, shut_out, NOW)
    empty = [push(device_id, 0) for device_id in (here, shut_out, UNKNOWN)]
    assert keep(store, *empty, empty[0], push(here, 2)) == [
        PushResult(Outcome.STORED, 0, "FR"),
        PushResult(Outcome.REVOKED_DEVICE, 0),
        PushResult(Outcome.UNKNOWN_DEVICE, 0),
        PushResult(Outcome.STORED, 0, "FR"),
        PushResult(Outcome.STORED, 2, "FR"),
    ]
    with store.statements() as conn:
        seen = [devices.get(conn, d) for d in (here, shut_out)]
        assert conn.execute("SELECT count(*) FROM pushes").fetchone() == (1,)
    assert [d.last_seen_at for d in seen if d] == [NOW, None]


def test_a_push_without_sketches_takes_no_request_id(store: Store) -> None:
    [device_id] = registered(store, 1)
    full = push(device_id, 3)
    empty = dataclasses.replace(full, sketches=b"", classes=b"")
    outcomes = [PushResult(Outcome.STORED, 0), PushResult(Outcome.STORED, 3)]
    assert keep(store, empty, full) == outcomes
    assert keep(store, empty, full) == [outcomes[0], PushResult(Outcome.DUPLICATE, 3)]


def test_a_batch_that_fails_stores_nothing(store: Store) -> None:
    [device_id] = registered(store, 1)
    broken = dataclasses.replace(push(device_id, 2), classes=b"\x00")
    with pytest.raises(psycopg.errors.CheckViolation):
        keep(store, push(device_id), broken)
    assert read(store) == []


def test_encoders_never_mix(store: Store) -> None:
    [device_id] = registered(store, 1)
    one, other = push(device_id, 2), push(device_id, 3, model_version="other")
    keep(store, one, other)
    assert read(store) == [held(one)]
    assert read(store, "other") == [held(other)]


def test_pushes_of_a_device_join_in_one_order(store: Store) -> None:
    [device_id] = registered(store, 1)
    batch = sorted((push(device_id, 2, seed=i) for i in range(5)), key=lambda p: p.request_id)
    keep(store, batch[3], batch[0])
    keep(store, batch[4], batch[2], batch[1], push(device_id, 0))
    assert read(store) == [held(*batch)]


def test_pushes_of_other_noise_scales_come_apart(store: Store) -> None:
    one, other = sorted(registered(store, 2))
    scales = (0, 500, 600)
    batch = [
        dataclasses.replace(push(device_id, 2, seed=i), sigma_hundredths=scale)
        for i, (device_id, scale) in enumerate((d, s) for d in (one, other) for s in scales)
    ]
    keep(store, *batch)
    found = read(store)
    assert [piece.device_id for piece in found] == [one] * 3 + [other] * 3
    assert {(d.device_id, d.sigma_hundredths, d.sketches) for d in found} == {
        (p.device_id, p.sigma_hundredths, p.sketches) for p in batch
    }


@pytest.mark.parametrize("scale", [49, 6_401])
def test_a_noise_scale_out_of_bounds_is_refused_by_the_table(store: Store, scale: int) -> None:
    [device_id] = registered(store, 1)
    with pytest.raises(psycopg.errors.CheckViolation):
        keep(store, dataclasses.replace(push(device_id), sigma_hundredths=scale))


def test_a_scan_sees_one_instant(store: Store) -> None:
    ids = sorted(registered(store, 6))
    keep(store, *(push(device_id) for device_id in ids[:3]))
    with store.snapshot() as conn:
        scan = pushes.iterate(conn, MODEL, fetch=1)
        seen = [next(scan).device_id]
        keep(store, *(push(device_id) for device_id in ids[3:]))
        seen += [device.device_id for device in scan]
    assert seen == ids[:3]


def test_threads_with_overlapping_pushes_store_each_exactly_once(store: Store) -> None:
    ids = registered(store, 12)
    everything = [push(device_id, 2, seed=i) for i in range(4) for device_id in ids]
    start = threading.Barrier(8)

    def work(worker: int) -> int:
        start.wait()
        mine = everything[worker:] + everything[:worker]
        return sum(
            r.outcome is Outcome.STORED
            for i in range(0, len(mine), 16)
            for r in keep(store, *mine[i : i + 16])
        )

    with ThreadPoolExecutor(8) as threads:
        stored = sum(threads.map(work, range(8)))
    assert stored == len(everything)
    assert sum(len(d.classes) for d in read(store)) == 2 * len(everything)


KEYS = [str(uuid.UUID(int=i)) for i in range(4)]


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 3), st.sampled_from(KEYS), st.integers(0, 5)), max_size=8
        ),
        max_size=4,
    )
)
def test_outcomes_agree_with_a_dictionary(
    store: Store, batches: list[list[tuple[int, str, int]]]
) -> None:
    """Device 3 is unknown; the oracle is a dictionary that never overwrites."""
    ids = [*registered(store, 3), UNKNOWN]
    oracle: dict[tuple[int, str], int] = {}
    for batch in batches:
        made = [
            dataclasses.replace(push(ids[device], count), request_id=key)
            for device, key, count in batch
        ]
        expected = []
        for device, key, count in batch:
            if ids[device] == UNKNOWN:
                expected.append(PushResult(Outcome.UNKNOWN_DEVICE, 0))
            elif not count:
                expected.append(PushResult(Outcome.STORED, 0))
            elif (device, key) in oracle:
                expected.append(PushResult(Outcome.DUPLICATE, oracle[device, key]))
            else:
                oracle[device, key] = count
                expected.append(PushResult(Outcome.STORED, count))
        assert keep(store, *made) == expected
