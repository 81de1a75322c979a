"""Each status that an RPC of the worker can return, and what stays recorded."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from omega.federation.v1 import federation_service_pb2 as pb
from omega_client import FederationClient
from omega_federation_worker.app import build
from omega_federation_worker.config import FederationConfig
from omega_rpc.config import ServerConfig
from omega_store import Store, leadership, resources, states
from omega_store.resources import ResourceKind
from omega_testing.refusals import refused
from omega_testing.taste_shard import TasteShard
from omega_testing.tastes import TasteWorld

NOT_POSSIBLE = ("FAILED_PRECONDITION", "ROUND_NOT_POSSIBLE", "the shard")


def asking(client: FederationClient, request_id: str = "") -> Callable[[], pb.RunRoundResponse]:
    request = pb.RunRoundRequest(request_id=request_id or str(uuid.uuid4()))
    return lambda: client.run_round(request)


def assert_nothing_published(store: Store) -> None:
    with store.snapshot() as conn:
        assert states.current(conn) == states.NOTHING
        assert states.patterns(conn) == []
        assert resources.newest_version(conn, ResourceKind.FACTORS) == 0


def assert_failed(client: FederationClient, round_id: int, code: str) -> None:
    record = client.get_round(round_id).round
    assert record.status == pb.RoundStatus.ROUND_STATUS_FAILED
    assert record.error_code == code
    assert record.HasField("finished_at")
    assert (record.devices, record.state_version, record.factors_version) == (0, 0, 0)


@pytest.mark.parametrize("request_id", ["", "1", str(uuid.UUID(int=1)).upper() + "x"])
def test_a_request_needs_a_uuid(client: FederationClient, request_id: str) -> None:
    found = refused(lambda: client.run_round(pb.RunRoundRequest(request_id=request_id)))
    assert found == ("INVALID_ARGUMENT", "INVALID_FIELD", "request_id")


@pytest.mark.parametrize("round_id", [0, 2**63, 2**64 - 1])
def test_a_round_id_has_bounds(client: FederationClient, round_id: int) -> None:
    found = refused(lambda: client.get_round(round_id))
    assert found == ("INVALID_ARGUMENT", "INVALID_FIELD", "round_id")


def test_an_unknown_round_is_not_found(client: FederationClient) -> None:
    assert refused(lambda: client.get_round(1)) == ("NOT_FOUND", "UNKNOWN_ROUND", "round_id")


def test_without_a_catalogue_there_is_no_round(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.add_households(8)
    assert refused(asking(client)) == NOT_POSSIBLE
    assert_failed(client, 1, "ROUND_NOT_POSSIBLE")
    assert_nothing_published(store)


def test_too_few_devices_are_no_round_whoever_asks_again(
    client: FederationClient, store: Store, shard: TasteShard
) -> None:
    shard.publish_catalogue()
    shard.add_households(2)
    request_id = str(uuid.uuid4())
    assert refused(asking(client, request_id)) == NOT_POSSIBLE
    assert_failed(client, 1, "ROUND_NOT_POSSIBLE")
    shard.add_households(20)
    assert refused(asking(client, request_id)) == NOT_POSSIBLE
    assert refused(lambda: client.get_round(2)) == ("NOT_FOUND", "UNKNOWN_ROUND", "round_id")
    assert_nothing_published(store)


@pytest.mark.usefixtures("fleet")
def test_while_another_worker_leads_there_is_a_conflict(
    client: FederationClient, store: Store
) -> None:
    request_id = str(uuid.uuid4())
    with leadership(store):
        found = refused(asking(client, request_id))
    assert found == ("ABORTED", "ROUND_CONFLICT", "")
    assert_nothing_published(store)
    # A conflict leaves no record, so the same request may come again.
    assert asking(client, request_id)().round.round_id == 1


@pytest.mark.usefixtures("fleet")
def test_a_damaged_catalogue_fails_the_round_with_a_cause(
    client: FederationClient, store: Store
) -> None:
    with store.transaction() as conn:
        conn.execute("UPDATE resources SET body = decode(repeat('00', size::int), 'hex')")
    request_id = str(uuid.uuid4())
    for _ in range(2):
        assert refused(asking(client, request_id)) == ("ABORTED", "ROUND_FAILED", "")
    assert_failed(client, 1, "ROUND_FAILED")
    assert_nothing_published(store)


def test_a_failed_publication_leaves_the_old_version(
    own_client: FederationClient, own_store: Store, world: TasteWorld
) -> None:
    shard = TasteShard(own_store, world)
    shard.publish_catalogue()
    shard.add_households(12)
    # Factors are stored last: what went before is to be undone.
    with own_store.transaction() as conn:
        conn.execute("ALTER TABLE resources ADD CONSTRAINT no_factors CHECK (kind <> 2)")
    assert refused(asking(own_client)) == ("ABORTED", "ROUND_FAILED", "")
    assert_failed(own_client, 1, "ROUND_FAILED")
    assert_nothing_published(own_store)
    with own_store.transaction() as conn:
        conn.execute("ALTER TABLE resources DROP CONSTRAINT no_factors")
    done = asking(own_client)().round
    assert (done.state_version, done.factors_version) == (1, 1)


def test_without_a_database_it_says_so_and_is_not_ready() -> None:
    config = FederationConfig(
        database_url="postgresql://nobody@127.0.0.1:1/x", period_seconds=0, acquire_seconds=0.2
    )
    application = build(config, ServerConfig(listen="127.0.0.1:0"))
    try:
        with FederationClient(application.server.start()) as client:
            for call in (asking(client), lambda: client.get_round(1)):
                assert refused(call) == ("UNAVAILABLE", "STORAGE_UNAVAILABLE", "")
    finally:
        application.server.stop()
        application.close()
