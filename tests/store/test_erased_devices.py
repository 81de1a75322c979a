"""Erasure: a device is there with all its pushes or gone with all of them, whatever else runs."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from psycopg import sql

from omega_core.errors import ErrorCode, OmegaError
from omega_store import (
    Connection,
    PushWriter,
    Store,
    StoreConfig,
    certificates,
    claims,
    devices,
    migrate,
    pushes,
)
from omega_store.devices import Device
from omega_store.pushes import Outcome, Push, PushResult
from omega_testing.fleet import NOW, push, registered
from omega_testing.postgres import EmbeddedPostgres

UNKNOWN = f"tv-{'0' * 32}"


def erase(store: Store, device_id: str) -> int:
    with store.transaction() as conn:
        return devices.erase(conn, device_id)


def keep(store: Store, *batch: Push) -> list[PushResult]:
    with store.transaction() as conn:
        return pushes.store(conn, batch, NOW)


def register(store: Store, request_id: str) -> Device:
    with store.transaction() as conn:
        return devices.register(
            conn,
            device_id=f"tv-{uuid.uuid4().hex}",
            request_id=request_id,
            platform="tizen",
            app_version="1.0",
            now=NOW,
        )


def held(store: Store) -> dict[str, int]:
    """Pushes of each device that is there."""
    with store.snapshot() as conn:
        rows = conn.execute(
            "SELECT d.device_id, count(p) FROM devices AS d LEFT JOIN pushes AS p USING (device_id)"
            " GROUP BY d.device_id"
        ).fetchall()
        assert conn.execute("SELECT count(*) FROM pushes").fetchone() == (sum(n for _, n in rows),)
    return dict(rows)


def everything(store: Store) -> str:
    """Every row of every table as text."""
    with store.snapshot() as conn:
        tables = conn.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return "".join(
            str(
                conn.execute(
                    sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(t))
                ).fetchall()
            )
            for (t,) in tables
        )


def test_an_erased_device_is_gone_with_its_pushes_and_only_it(store: Store) -> None:
    gone, stays = registered(store, 2)
    keep(store, push(gone), push(gone, 0), push(gone, model_version="other"), push(stays))
    assert erase(store, gone) == 2
    assert held(store) == {stays: 1}
    assert erase(store, gone) == 0
    assert erase(store, UNKNOWN) == 0
    assert held(store) == {stays: 1}


def test_nothing_that_is_stored_names_an_erased_device(store: Store) -> None:
    request_id = str(uuid.uuid4())
    device_id = register(store, request_id).device_id
    sent = push(device_id)
    keep(store, sent)
    serial = bytes(range(16))
    with store.transaction() as conn:
        [claim] = claims.create(conn, 1, timedelta(days=1), NOW)
        assert claims.spend(conn, claim, device_id, NOW)
        certificates.note(conn, serial, device_id, NOW + timedelta(days=1), NOW)
        devices.revoke(conn, device_id, NOW)
    traces = (device_id, request_id, sent.request_id, sent.sketches[:48].hex(), serial.hex())
    assert all(trace in everything(store) for trace in traces)
    erase(store, device_id)
    assert not any(trace in everything(store) for trace in traces)


def test_a_revoked_device_can_be_erased(store: Store) -> None:
    [device_id] = registered(store, 1)
    keep(store, push(device_id))
    with store.transaction() as conn:
        devices.revoke(conn, device_id, NOW)
    assert erase(store, device_id) == 1
    assert held(store) == {}


def test_an_erased_device_can_neither_call_nor_push_nor_come_back(store: Store) -> None:
    request_id = str(uuid.uuid4())
    first = register(store, request_id)
    sent = push(first.device_id)
    keep(store, sent)
    erase(store, first.device_id)
    with store.transaction() as conn:
        assert not devices.touch(conn, first.device_id, NOW)
    assert keep(store, sent) == [PushResult(Outcome.UNKNOWN_DEVICE, 0)]
    second = register(store, request_id)
    assert second.device_id != first.device_id
    assert held(store) == {second.device_id: 0}


def await_blocked(store: Store) -> None:
    """Waits until a statement waits for a row that another transaction holds."""
    deadline = time.monotonic() + 30
    while True:
        with store.statements() as conn:
            blocked = conn.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock')"
            ).fetchone()
        if blocked == (True,):
            return
        assert time.monotonic() < deadline, "nothing ever waited"
        time.sleep(0.01)


def while_open(
    store: Store, first: Callable[[Connection], object], second: Callable[[], object]
) -> Future[object]:
    """Begins the second while the first's transaction is open, then commits the first."""
    with ThreadPoolExecutor(1) as threads, store.transaction() as conn:
        first(conn)
        waiting = threads.submit(second)
        await_blocked(store)
        assert not waiting.done()
    return waiting


def test_an_erasure_waits_for_a_push_under_way_and_erases_it_too(store: Store) -> None:
    gone, stays = registered(store, 2)
    batch = [push(stays), push(gone)]
    done = while_open(
        store, lambda conn: pushes.store(conn, batch, NOW), lambda: erase(store, gone)
    )
    assert done.result() == 1
    assert held(store) == {stays: 1}


def test_a_push_waits_for_an_erasure_under_way_and_is_refused_alone(store: Store) -> None:
    gone, stays = registered(store, 2)
    keep(store, push(gone), push(stays))
    done = while_open(
        store,
        lambda conn: devices.erase(conn, gone),
        lambda: [r.outcome for r in keep(store, push(gone), push(stays))],
    )
    assert done.result() == [Outcome.UNKNOWN_DEVICE, Outcome.STORED]
    assert held(store) == {stays: 2}


def test_a_registration_that_is_repeated_during_an_erasure_makes_a_new_identity(
    store: Store,
) -> None:
    request_id = str(uuid.uuid4())
    first = register(store, request_id)
    done = while_open(
        store,
        lambda conn: devices.erase(conn, first.device_id),
        lambda: register(store, request_id).device_id,
    )
    assert done.result() != first.device_id
    assert held(store) == {done.result(): 0}


def test_devices_that_push_while_they_are_erased_leave_nothing_behind(store: Store) -> None:
    gone, stays = registered(store, 12), registered(store, 4)
    start = threading.Barrier(5)

    def pushing(writer: PushWriter, worker: int) -> list[PushResult]:
        start.wait()
        mine = (gone + stays)[worker:] + (gone + stays)[:worker]
        return [r for _ in range(6) for r in writer.write([push(d, 1) for d in mine])]

    def erasing() -> int:
        start.wait()
        return sum(erase(store, device_id) for device_id in gone)

    with PushWriter(store) as writer, ThreadPoolExecutor(5) as threads:
        answers = [threads.submit(pushing, writer, worker) for worker in range(4)]
        erased = threads.submit(erasing).result()
        outcomes = [result.outcome for answer in answers for result in answer.result()]
    stored = outcomes.count(Outcome.STORED)
    assert stored + outcomes.count(Outcome.UNKNOWN_DEVICE) == len(outcomes)
    assert held(store) == dict.fromkeys(stays, 24)
    assert stored == erased + 24 * len(stays)


@pytest.fixture
def cluster() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as own:
        migrate(own.url)
        yield own


def test_a_killed_postgres_leaves_each_device_whole_or_gone(cluster: EmbeddedPostgres) -> None:
    config = StoreConfig(pool_size=4, acquire_seconds=0.5)
    with Store.connect(cluster.url, config) as store:
        ids = registered(store, 300)
        keep(store, *(push(device_id, 1) for device_id in ids for _ in range(3)))
        answered: list[str] = []

        def work() -> None:
            with suppress(OmegaError):
                for device_id in ids:
                    assert erase(store, device_id) == 3
                    answered.append(device_id)

        thread = threading.Thread(target=work)
        thread.start()
        while len(answered) < 40:
            time.sleep(0.001)
        cluster.kill()
        thread.join()
        assert len(answered) < len(ids)
        with pytest.raises(OmegaError) as caught:
            erase(store, ids[-1])
        assert caught.value.code is ErrorCode.STORAGE_UNAVAILABLE
        cluster.restart()
        while True:
            with suppress(OmegaError):
                left = held(store)
                break
        # The one without an answer is either.
        assert set(left) in (set(ids[len(answered) :]), set(ids[len(answered) + 1 :]))
        assert set(left.values()) == {3}
        assert [erase(store, device_id) for device_id in left] == [3] * len(left)
        assert held(store) == {}
