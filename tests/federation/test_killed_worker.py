"""kill -9 of a worker: either the old version or the new one, and a record that tells."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.federation.conftest import await_blocked

from omega.federation.v1 import federation_service_pb2 as pb
from omega_client import FederationClient, ServiceError
from omega_store import Store, resources, rounds, states
from omega_store.resources import ResourceKind
from omega_store.rounds import RoundStatus
from omega_testing.fleet import registered
from omega_testing.processes import ServiceProcess
from omega_testing.taste_shard import SIGMA, TasteShard

# Each lock stops a round at a known place: while it reads, and within its publication.
READING = "LOCK TABLE pushes IN ACCESS EXCLUSIVE MODE"
PUBLISHING = "LOCK TABLE global_patterns IN SHARE MODE"


def worker(database_url: str) -> ServiceProcess:
    return ServiceProcess(
        ["omega-federation-worker"],
        {
            "OMEGA_FEDERATION_DATABASE_URL": database_url,
            "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
            "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
            "OMEGA_FEDERATION_SIGMA": str(SIGMA),
            "OMEGA_FEDERATION_LAM": "5",
        },
    )


@contextlib.contextmanager
def asked(address: str, request_id: str) -> Iterator[list[str]]:
    """Asks for a round from another thread; the list holds the status once it is answered."""
    statuses: list[str] = []

    def ask() -> None:
        with FederationClient(address) as client:
            try:
                client.run_round(pb.RunRoundRequest(request_id=request_id))
                statuses.append("OK")
            except ServiceError as error:
                statuses.append(error.status)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        thread.join(60)
        assert not thread.is_alive(), "no answer ever came"


def status_of(store: Store, round_id: int) -> RoundStatus:
    with store.statements() as conn:
        return rounds.get(conn, round_id).status


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("lock", [READING, PUBLISHING])
def test_a_killed_round_publishes_nothing_and_is_marked_at_the_next_start(
    database_url: str, store: Store, lock: str
) -> None:
    request_id = str(uuid.uuid4())
    with worker(database_url) as first:
        with store.session() as holder, holder.transaction():
            holder.execute(lock)
            with asked(first.address, request_id) as statuses:
                await_blocked(store)
                first.kill()
        assert statuses != ["OK"]
    assert status_of(store, 1) == RoundStatus.RUNNING
    with store.snapshot() as conn:
        assert states.current(conn) == states.NOTHING
        assert states.patterns(conn) == []
        assert resources.newest_version(conn, ResourceKind.FACTORS) == 0

    with worker(database_url) as second:
        deadline = time.monotonic() + 30
        while status_of(store, 1) == RoundStatus.RUNNING:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with FederationClient(second.address) as client:
            record = client.get_round(1).round
            assert record.status == pb.RoundStatus.ROUND_STATUS_FAILED
            assert record.error_code == "ROUND_FAILED"
            with pytest.raises(ServiceError) as caught:
                client.run_round(pb.RunRoundRequest(request_id=request_id))
            assert (caught.value.status, caught.value.reason) == ("ABORTED", "ROUND_FAILED")
            done = client.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4()))).round
    assert (done.round_id, done.state_version, done.factors_version) == (2, 1, 1)


@pytest.mark.usefixtures("fleet")
def test_a_round_that_loses_its_leadership_publishes_nothing(
    database_url: str, store: Store
) -> None:
    with worker(database_url) as process:
        with store.session() as holder, holder.transaction():
            holder.execute(PUBLISHING)
            with asked(process.address, str(uuid.uuid4())) as statuses:
                await_blocked(store)
                holder.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks"
                    " WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
                )
        assert statuses == ["UNAVAILABLE"]
        assert status_of(store, 1) == RoundStatus.FAILED
        with store.snapshot() as conn:
            assert states.current(conn) == states.NOTHING
        with FederationClient(process.address) as client:
            done = client.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4()))).round
    assert (done.round_id, done.state_version) == (2, 1)


def test_a_round_killed_while_it_publishes_trends_leaves_those_before(
    client: FederationClient, database_url: str, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    ids = registered(store, 12, region="north")
    for n, device_id in enumerate(ids):
        liked = 15 * (n % 2) + np.random.default_rng(n).permutation(14)[:10]
        shard.push(device_id, liked.tolist(), seed=n, at=datetime.now(UTC) - timedelta(hours=9))
    client.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4())))
    for n, device_id in enumerate(ids[:9]):
        # Title 29 was nobody's before.
        shard.push(device_id, [29], seed=700 + n, at=datetime.now(UTC))
    with worker(database_url) as first, store.session() as holder, holder.transaction():
        holder.execute("LOCK TABLE trends IN SHARE MODE")
        with asked(first.address, str(uuid.uuid4())):
            await_blocked(store)
            first.kill()
    assert told(store, "north") == []
    with worker(database_url) as second, FederationClient(second.address) as again:
        done = again.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4()))).round
    assert (done.round_id, done.state_version) == (3, 2)
    assert (told(store, "north"), told(store, "")) == ([29], [])


def told(store: Store, region: str) -> list[int]:
    """Trends that a TV of a region is told."""
    with store.snapshot() as conn:
        return [trend.ordinal for trend in states.step(conn, 0, region).trends]
