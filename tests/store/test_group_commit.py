"""PushWriter: durable before it answers, bounded, and one caller's fault is not another's."""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_store import PushWriter, PushWriterConfig, Store, StoreConfig, pushes
from omega_store.push_writer import PUSH_BYTES
from omega_store.pushes import Outcome
from omega_testing.fleet import MODEL, push, registered


def stored(store: Store) -> int:
    with store.snapshot() as conn:
        return sum(len(device.classes) for device in pushes.iterate(conn, MODEL))


def test_many_threads_store_every_push_exactly_once(store: Store) -> None:
    ids = registered(store, 10)
    everything = [push(device_id, 3, seed=i) for i in range(8) for device_id in ids]
    start = threading.Barrier(8)

    def work(worker: int) -> int:
        start.wait()
        mine = everything[worker * 10 :] + everything[: worker * 10]
        return sum(writer.write([p])[0].outcome is Outcome.STORED for p in mine)

    with PushWriter(store) as writer, ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(work, range(8))) == len(everything)
    assert stored(store) == 3 * len(everything)


def test_results_come_back_to_their_own_callers(store: Store) -> None:
    [device_id] = registered(store, 1)
    batches = [[push(device_id, n) for n in (i % 5, i % 7)] for i in range(60)]
    with PushWriter(store) as writer:
        answers = [writer.submit(batch) for batch in batches]
        for batch, answer in zip(batches, answers, strict=True):
            assert [r.sketches for r in answer.result(10)] == [p.count for p in batch]


def test_a_full_queue_refuses_and_stores_the_rest(store: Store, database_url: str) -> None:
    [device_id] = registered(store, 1)
    with (
        psycopg.connect(database_url) as blocker,
        PushWriter(store, PushWriterConfig(most_waiting=256)) as writer,
    ):
        blocker.execute("LOCK TABLE pushes IN ACCESS EXCLUSIVE MODE")
        accepted, refused = [], []
        # The first may be with the writer already; 256 wait behind it.
        for _ in range(3 * 256):
            try:
                accepted.append(writer.submit([push(device_id, 1)]))
            except OmegaError as error:
                refused.append(error.code)
        blocker.rollback()
        assert set(refused) == {ErrorCode.OVERLOADED}
        assert all(a.result(10)[0].outcome is Outcome.STORED for a in accepted)
        assert writer.write([push(device_id, 1)])[0].outcome is Outcome.STORED
    assert stored(store) == len(accepted) + 1


def test_what_waits_is_bounded_by_its_bytes_too(store: Store, database_url: str) -> None:
    [device_id] = registered(store, 1)
    config = PushWriterConfig(most_waiting=65_536, most_waiting_mb=1, lanes=1)
    full = push(device_id, 20)
    size = PUSH_BYTES + len(full.sketches) + len(full.classes)
    with psycopg.connect(database_url) as blocker, PushWriter(store, config) as writer:
        blocker.execute("LOCK TABLE devices IN ACCESS EXCLUSIVE MODE")
        held_back = [writer.submit([push(device_id, 1)])]
        # Until the one lane has taken it, it would take more with it.
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
        while blocker.execute(waits).fetchone() != (True,):
            time.sleep(0.01)
        accepted = []
        refused: set[ErrorCode] = set()
        while not refused:
            try:
                accepted.append(writer.submit([push(device_id, 20)]))
            except OmegaError as error:
                refused.add(error.code)
        assert refused == {ErrorCode.OVERLOADED}
        assert len(accepted) == (1 << 20) // size
        blocker.rollback()
        assert all(a.result(10)[0].outcome is Outcome.STORED for a in held_back + accepted)
        assert writer.write([full])[0].outcome is Outcome.STORED


def test_batches_overlap_and_store_each_push_once(store: Store, database_url: str) -> None:
    [device_id] = registered(store, 1)
    mine = push(device_id, 2)
    with psycopg.connect(database_url) as blocker, PushWriter(store) as writer:
        blocker.execute("LOCK TABLE devices IN ACCESS EXCLUSIVE MODE")
        answers = [writer.submit([mine]) for _ in range(40)]
        blocker.rollback()
        outcomes = [answer.result(10)[0].outcome for answer in answers]
    assert outcomes.count(Outcome.STORED) == 1
    assert outcomes.count(Outcome.DUPLICATE) == 39


def test_a_caller_that_gives_up_may_repeat(store: Store, database_url: str) -> None:
    [device_id] = registered(store, 1)
    mine = push(device_id, 2)
    with PushWriter(store) as writer:
        with psycopg.connect(database_url) as blocker:
            blocker.execute("LOCK TABLE pushes IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(OmegaError) as caught:
                writer.write([mine], timeout=0.05)
        assert caught.value.code == ErrorCode.DEADLINE_EXCEEDED
        assert writer.write([mine])[0].sketches == 2
    assert stored(store) == 2


def test_a_push_that_breaks_a_constraint_fails_alone(store: Store, database_url: str) -> None:
    ids = registered(store, 6)
    with PushWriter(store) as writer:
        with psycopg.connect(database_url) as blocker:
            # Held back, so that all of them land in one batch.
            blocker.execute("LOCK TABLE pushes IN ACCESS EXCLUSIVE MODE")
            first = writer.submit([push(ids[0], 1)])
            good = [writer.submit([push(device_id, 1)]) for device_id in ids[1:]]
            bad = writer.submit([dataclasses.replace(push(ids[1], 2), classes=b"")])
        assert first.result(10)[0].outcome is Outcome.STORED
        assert [a.result(10)[0].outcome for a in good] == [Outcome.STORED] * 5
        with pytest.raises(psycopg.errors.CheckViolation):
            bad.result(10)
    assert stored(store) == 6


def test_closing_writes_what_waits_and_refuses_the_rest(store: Store) -> None:
    [device_id] = registered(store, 1)
    writer = PushWriter(store)
    answers = [writer.submit([push(device_id, 1)]) for _ in range(100)]
    writer.close()
    assert [a.result(0)[0].outcome for a in answers] == [Outcome.STORED] * 100
    with pytest.raises(OmegaError) as caught:
        writer.submit([push(device_id, 1)])
    assert caught.value.code == ErrorCode.OVERLOADED


def test_without_a_database_those_who_wait_are_told() -> None:
    config = StoreConfig(acquire_seconds=0.2)
    url = "postgresql://postgres@127.0.0.1:1/postgres"
    with (
        Store.connect(url, config) as nowhere,
        PushWriter(nowhere) as writer,
        pytest.raises(OmegaError) as caught,
    ):
        writer.write([push(f"tv-{'0' * 32}")])
    assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE
