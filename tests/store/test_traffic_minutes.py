"""Traffic: each batch counts itself in its own transaction; waits follow with the next."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from omega_core.clock import ManualClock
from omega_store import PushWriter, PushWriterConfig, Store, devices, traffic
from omega_store.traffic import BUCKETS, Minute, Tally
from omega_testing.fleet import NOW, push, registered

MINUTE = NOW.replace(second=0, microsecond=0)


CLOCK = ManualClock(NOW)


def read(store: Store, most: int = 1) -> list[Minute]:
    with store.snapshot() as conn:
        return traffic.minutes(conn, NOW, most)


def test_a_minute_counts_what_became_of_its_pushes(store: Store) -> None:
    known, revoked = registered(store, 2)
    with store.transaction() as conn:
        devices.revoke(conn, revoked, NOW)
    full = push(known, 5)
    with PushWriter(store, clock=CLOCK) as writer:
        writer.write([full, push(known, 0), push(revoked, 3), push(f"tv-{'0' * 32}", 2)])
        writer.write([full, push(known, 1)])
    [found] = read(store)
    assert (found.minute, found.exchanges, found.sketches) == (MINUTE, 6, 6)
    assert (found.duplicates, found.refused) == (1, 2)
    assert sum(found.latency) == 6, "closing notes the waits of the last batch, too"


def test_sketches_are_counted_by_their_rate_class(store: Store) -> None:
    [device_id] = registered(store, 1)
    classes = bytes([0, 3, 4, 17, 31, 31])
    sent = dataclasses.replace(push(device_id, len(classes)), classes=classes)
    with PushWriter(store, clock=CLOCK) as writer:
        writer.write([sent])
        writer.write([sent])
    with store.snapshot() as conn:
        assert traffic.rates(conn, MINUTE) == (2, 1, 0, 0, 1, 0, 0, 2)
        assert traffic.rates(conn, MINUTE + timedelta(minutes=1)) == (0,) * 8


def test_writers_add_up_without_waiting_for_each_other(store: Store) -> None:
    ids = registered(store, 6)
    with (
        PushWriter(store, PushWriterConfig(lanes=3), CLOCK) as one,
        PushWriter(store, clock=CLOCK) as other,
        ThreadPoolExecutor(6) as threads,
    ):
        for writer in (one, other) * 10:
            for device_id in ids:
                threads.submit(writer.write, [push(device_id, 2)])
    [found] = read(store)
    assert (found.exchanges, found.sketches, sum(found.latency)) == (120, 240, 120)


def test_a_batch_that_fails_counts_nothing(store: Store) -> None:
    [device_id] = registered(store, 1)
    with PushWriter(store, clock=CLOCK) as writer, pytest.raises(Exception, match="violates"):
        writer.write([dataclasses.replace(push(device_id, 2), classes=b"\0")])
    assert read(store) == []


def test_minutes_are_told_oldest_first_and_kept_for_a_week(store: Store) -> None:
    latency = [0] * BUCKETS
    with store.transaction() as conn:
        for ago in (0, 1, 59, 60, 7 * 1_440 + 1):
            at = NOW - timedelta(minutes=ago)
            traffic.add(conn, 7, at, Tally(exchanges=1 + ago), latency)
    assert [m.exchanges for m in read(store, 60)] == [60, 2, 1]
    with store.transaction() as conn:
        traffic.forget(conn, NOW)
    assert len(read(store, 20_000)) == 4


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0, 0), (0.001, 0), (0.0011, 1), (0.002, 1), (0.9, 10), (1.024, 10), (300, 19), (9e9, 19)],
)
def test_buckets_grow_by_factors_of_two(seconds: float, bucket: int) -> None:
    assert traffic.bucket(seconds) == bucket


def test_quantiles_are_the_ends_of_buckets() -> None:
    latency = (50, 0, 49, 1, *[0] * 16)
    minute = Minute(NOW, 100, 0, 0, 0, latency)
    assert [minute.quantile(q) for q in (0.5, 0.51, 0.99, 0.995)] == [0.001, 0.004, 0.004, 0.008]
    assert Minute(NOW, 0, 0, 0, 0, (0,) * BUCKETS).quantile(0.5) == 0
