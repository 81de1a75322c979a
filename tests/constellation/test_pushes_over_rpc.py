"""IngestPatterns over a socket: stored exactly once, refused whole, bounded."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient, ServiceError
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_rpc.config import ServerConfig
from omega_store import Store, devices, pushes
from omega_store.pushes import Push
from omega_testing.fleet import MODEL, NOW, push, registered
from omega_testing.refusals import Refusal, refused

STORED = pb.PushOutcome.PUSH_OUTCOME_STORED
DUPLICATE = pb.PushOutcome.PUSH_OUTCOME_DUPLICATE
UNKNOWN = pb.PushOutcome.PUSH_OUTCOME_UNKNOWN_DEVICE
REVOKED = pb.PushOutcome.PUSH_OUTCOME_REVOKED_DEVICE


def message(made: Push, **changed: Any) -> pb.DevicePush:
    fields: dict[str, Any] = {
        "device_id": made.device_id,
        "request_id": made.request_id,
        "model_version": made.model_version,
        "sketches": made.sketches,
        "classes": made.classes,
    }
    return pb.DevicePush(**(fields | changed))


def ingest(client: ConstellationClient, made: Iterable[pb.DevicePush]) -> list[tuple[int, int]]:
    answer = client.ingest_patterns(pb.IngestPatternsRequest(pushes=made))
    return [(result.outcome, result.sketches) for result in answer.results]


def held(store: Store) -> dict[str, bytes]:
    with store.snapshot() as conn:
        return {d.device_id: d.sketches for d in pushes.iterate(conn, MODEL)}


def test_what_became_of_each_push_is_answered_in_order(
    client: ConstellationClient, store: Store
) -> None:
    good, revoked = registered(store, 2)
    with store.transaction() as conn:
        devices.revoke(conn, revoked, NOW)
    first, second = push(good, 3), push(good, 20)
    stranger = push(f"tv-{'0' * 32}")
    sent = [message(p) for p in (stranger, first, push(revoked), second, first, push(good, 0))]
    assert ingest(client, sent) == [
        (UNKNOWN, 0),
        (STORED, 3),
        (REVOKED, 0),
        (STORED, 20),
        (DUPLICATE, 3),
        (STORED, 0),
    ]
    assert len(held(store)[good]) == 48 * 23


def test_a_retried_push_changes_nothing(client: ConstellationClient, store: Store) -> None:
    [device_id] = registered(store, 1)
    made = push(device_id, 4)
    assert ingest(client, [message(made)]) == [(STORED, 4)]
    forged = push(device_id, 9, seed=5)
    changed = message(made, sketches=forged.sketches, classes=forged.classes)
    assert ingest(client, [message(made), changed]) == [(DUPLICATE, 4)] * 2
    assert held(store) == {device_id: made.sketches}


def test_eight_threads_store_every_push_exactly_once(
    client: ConstellationClient, store: Store
) -> None:
    ids = registered(store, 8)
    made = [push(device_id, 2, seed=i) for i in range(12) for device_id in ids]

    def work(worker: int) -> int:
        mine = made[worker * 12 :] + made[: worker * 12]
        return sum(ingest(client, [message(p)]) == [(STORED, 2)] for p in mine)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(work, range(8))) == len(made)
    assert {d: len(s) for d, s in held(store).items()} == dict.fromkeys(ids, 12 * 2 * 48)


def test_a_push_is_stored_with_the_noise_scale_that_it_states(
    client: ConstellationClient, store: Store
) -> None:
    [device_id] = registered(store, 1)
    old, strict = push(device_id, 2), push(device_id, 3)
    assert ingest(client, [message(old)]) == [(STORED, 2)]
    assert ingest(client, [message(strict, sigma_hundredths=600)]) == [(STORED, 3)]
    changed = message(strict, sigma_hundredths=500)
    assert ingest(client, [changed]) == [(DUPLICATE, 3)], "the first one holds"
    with store.snapshot() as conn:
        found = {d.sigma_hundredths: d.sketches for d in pushes.iterate(conn, MODEL)}
    assert found == {0: old.sketches, 600: strict.sketches}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("device_id", ""),
        ("device_id", "tv-" + "G" * 32),
        ("request_id", "not-a-uuid"),
        ("request_id", "0A8F2B3C-0000-4000-8000-000000000000"),
        ("model_version", ""),
        ("model_version", "x" * 65),
        ("model_version", "a\0b"),
        ("sketches", b"x" * 47),
        ("sketches", b"x" * 48 * 21),
        ("classes", b"\0" * 3),
        ("classes", b"\0" * 5),
        ("classes", b"\0\0\0\x20"),
        ("sigma_hundredths", 49),
        ("sigma_hundredths", 6_401),
    ],
)
def test_a_field_out_of_bounds_is_named(
    shared_client: ConstellationClient, field: str, value: str | bytes | int
) -> None:
    stranger = f"tv-{'0' * 32}"
    made = [message(push(stranger, 4)), message(push(stranger, 4), **{field: value})]
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", f"pushes[1].{field}")
    assert refused(lambda: ingest(shared_client, made)) == expected


def test_one_bad_push_refuses_the_request_and_stores_nothing(
    client: ConstellationClient, store: Store
) -> None:
    [device_id] = registered(store, 1)
    made = [message(push(device_id, 4)), message(push(device_id, 4), classes=b"")]
    assert refused(lambda: ingest(client, made)).field == "pushes[1].classes"
    assert held(store) == {}


@pytest.mark.parametrize("number", [0, 257])
def test_the_number_of_pushes_is_bounded(shared_client: ConstellationClient, number: int) -> None:
    made = [message(push(f"tv-{'0' * 32}", 0))] * number
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "pushes")
    assert refused(lambda: ingest(shared_client, made)) == expected


def test_the_largest_request_is_stored(client: ConstellationClient, store: Store) -> None:
    [device_id] = registered(store, 1)
    made = [message(push(device_id, 20, seed=i)) for i in range(256)]
    assert ingest(client, made) == [(STORED, 20)] * 256
    assert len(held(store)[device_id]) == 48 * 20 * 256


def test_an_oversized_message_is_refused_by_size(shared_client: ConstellationClient) -> None:
    made = [message(push(f"tv-{'0' * 32}"), sketches=bytes(5 * 2**20))]
    assert refused(lambda: ingest(shared_client, made)).status == "RESOURCE_EXHAUSTED"
    # The server is unharmed.
    assert ingest(shared_client, [message(push(f"tv-{'0' * 32}"))]) == [(UNKNOWN, 0)]


def test_a_call_that_waits_too_long_ends_and_may_be_repeated(
    address: str, client: ConstellationClient, store: Store, database_url: str
) -> None:
    [device_id] = registered(store, 1)
    made = [message(push(device_id, 2))]
    with (
        psycopg.connect(database_url) as blocker,
        ConstellationClient(address, timeout=0.2) as hasty,
    ):
        blocker.execute("LOCK TABLE pushes IN ACCESS EXCLUSIVE MODE")
        assert refused(lambda: ingest(hasty, made)).status == "DEADLINE_EXCEEDED"
    assert ingest(client, made)[0][1] == 2
    assert len(held(store)[device_id]) == 48 * 2


def test_a_full_disk_is_told_and_nothing_is_acknowledged(
    client_of_full_disk: ConstellationClient,
) -> None:
    registration = pb.RegisterDeviceRequest(request_id="00000000-0000-4000-8000-000000000000")
    device_id = client_of_full_disk.register_device(registration).device_id
    expected = Refusal("RESOURCE_EXHAUSTED", "STORAGE_FULL", "")
    assert refused(lambda: ingest(client_of_full_disk, [message(push(device_id))])) == expected
    assert client_of_full_disk.get_cluster_status().pushes == 0


def test_a_full_queue_refuses_and_loses_nothing_it_took(store: Store, database_url: str) -> None:
    [device_id] = registered(store, 1)
    batches = [[message(push(device_id, 1)) for _ in range(256)] for _ in range(8)]
    application = build(
        ConstellationConfig(database_url=database_url, most_waiting_pushes=256),
        ServerConfig(listen="127.0.0.1:0"),
    )

    def work(batch: list[pb.DevicePush]) -> list[tuple[int, int]] | str:
        try:
            return ingest(client, batch)
        except ServiceError as error:
            return error.reason

    try:
        with (
            ConstellationClient(application.server.start()) as client,
            psycopg.connect(database_url) as blocker,
            ThreadPoolExecutor(8) as threads,
        ):
            blocker.execute("LOCK TABLE pushes IN ACCESS EXCLUSIVE MODE")
            answers = [threads.submit(work, batch) for batch in batches]
            # Two batches are with the writer, one waits; the others cannot.
            while sum(answer.done() for answer in answers) < 5:
                time.sleep(0.01)
            blocker.rollback()
            results = [answer.result() for answer in answers]
    finally:
        application.server.stop()
        application.close()
    taken = results.count([(STORED, 1)] * 256)
    assert 1 <= taken <= 3
    assert results.count("OVERLOADED") == 8 - taken
    assert len(held(store)[device_id]) == 48 * 256 * taken
