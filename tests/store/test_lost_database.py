"""A store whose Postgres goes and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_store import PushWriter, Store, StoreConfig, migrate, pushes
from omega_store.pool import check_url
from omega_store.pushes import Push
from omega_testing.fleet import MODEL, push, register, registered
from omega_testing.postgres import EmbeddedPostgres

CONFIG = StoreConfig(pool_size=4, acquire_seconds=0.5)


@pytest.fixture
def cluster() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as own:
        migrate(own.url)
        yield own


def recovered(store: Store) -> None:
    """Returns once the store answers; the suite's time limit ends a failure."""
    while True:
        try:
            with store.statements() as conn:
                conn.execute("SELECT 1")
        except OmegaError:
            time.sleep(0.05)
        else:
            return


class Pusher(threading.Thread):
    """Pushes one push after another and keeps what was acknowledged."""

    def __init__(self, writer: PushWriter, device_id: str) -> None:
        super().__init__()
        self._writer = writer
        self._device_id = device_id
        self.acknowledged: list[Push] = []
        self.codes: set[ErrorCode] = set()
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            sent = push(self._device_id, 2)
            try:
                self._writer.write([sent])
            except OmegaError as error:
                self.codes.add(error.code)
            else:
                self.acknowledged.append(sent)

    def wait_for(self, number: int) -> None:
        while len(self.acknowledged) < number:
            time.sleep(0.01)


def test_only_pushes_without_an_answer_are_lost_when_postgres_is_killed(
    cluster: EmbeddedPostgres,
) -> None:
    with Store.connect(cluster.url, CONFIG) as store, PushWriter(store) as writer:
        pushers = {device_id: Pusher(writer, device_id) for device_id in registered(store, 4)}
        for pusher in pushers.values():
            pusher.start()
            pusher.wait_for(20)
        cluster.kill()
        before = {device_id: len(pusher.acknowledged) for device_id, pusher in pushers.items()}
        cluster.restart()
        for device_id, pusher in pushers.items():
            pusher.wait_for(before[device_id] + 20)
            pusher.stopping.set()
            pusher.join()
        with store.snapshot() as conn:
            held = {d.device_id: d.sketches for d in pushes.iterate(conn, MODEL)}
    for device_id, pusher in pushers.items():
        assert all(sent.sketches in held[device_id] for sent in pusher.acknowledged)
    refused = {code for pusher in pushers.values() for code in pusher.codes}
    assert refused == {ErrorCode.STORAGE_UNAVAILABLE}


def test_idle_connections_to_a_restarted_server_fail_no_call(cluster: EmbeddedPostgres) -> None:
    with Store.connect(cluster.url, CONFIG) as store:
        both = threading.Barrier(3)

        def occupy() -> None:
            with store.statements() as conn:
                conn.execute("SELECT 1")
                both.wait()

        threads = [threading.Thread(target=occupy) for _ in range(2)]
        for thread in threads:
            thread.start()
        both.wait()
        for thread in threads:
            thread.join()
        cluster.kill()
        cluster.restart()
        for _ in range(4):
            with store.statements() as conn:
                assert conn.execute("SELECT 1").fetchone() == (1,)


def test_a_store_opens_without_its_server_and_finds_it_later(cluster: EmbeddedPostgres) -> None:
    cluster.kill()
    with Store.connect(cluster.url, CONFIG) as store:
        with pytest.raises(OmegaError) as caught, store.statements():
            pass
        assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE
        cluster.restart()
        recovered(store)


def test_a_transaction_that_raises_stores_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction() as conn:
            register(conn, 3)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.statements() as conn:
        assert conn.execute("SELECT count(*) FROM devices").fetchone() == (0,)


def test_a_snapshot_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match="read-only"), store.snapshot() as conn:
        conn.execute("DELETE FROM devices")


def test_a_statement_that_takes_too_long_is_unavailable(database_url: str) -> None:
    with (
        Store.connect(database_url, StoreConfig(statement_seconds=0.1)) as hasty,
        pytest.raises(OmegaError) as caught,
        hasty.statements() as conn,
    ):
        conn.execute("SELECT pg_sleep(30)")
    assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE


def test_a_refused_url_is_not_repeated() -> None:
    with pytest.raises(OmegaError) as caught:
        check_url("database_url", "postgresql://me:secret@host/x?nonsense=1")
    assert caught.value.field == "database_url"
    assert "secret" not in str(caught.value)
