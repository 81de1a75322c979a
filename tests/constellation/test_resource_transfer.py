"""GetResource over a socket: whole, from an offset, and refused."""

from __future__ import annotations

import hashlib

import pytest

from omega.common.v1 import resource_pb2
from omega_client import ConstellationClient
from omega_core.limits import MAX_CHUNK
from omega_store import Store, resources
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL, NOW
from omega_testing.refusals import Refusal, refused

FACTORS = resource_pb2.ResourceKind.RESOURCE_KIND_FACTORS
BODY = bytes(range(251)) * (2 * MAX_CHUNK // 251 + 7)


def put(store: Store, version: int, body: bytes = BODY) -> None:
    with store.transaction() as conn:
        resources.publish(
            conn, ResourceKind.FACTORS, version, model_version=MODEL, body=body, now=NOW
        )


def test_a_body_arrives_whole_in_chunks(client: ConstellationClient, store: Store) -> None:
    put(store, 1)
    chunks = list(client.get_resource(FACTORS, 1))
    assert b"".join(chunk.data for chunk in chunks) == BODY
    assert [len(chunk.data) for chunk in chunks[:2]] == [MAX_CHUNK] * 2
    assert [chunk.HasField("info") for chunk in chunks] == [True, False, False]
    info = chunks[0].info
    assert (info.version, info.size_bytes, info.model_version) == (1, len(BODY), MODEL)
    assert info.sha256 == hashlib.sha256(BODY).digest()


@pytest.mark.parametrize("offset", [1, MAX_CHUNK, MAX_CHUNK + 3, len(BODY) - 1])
def test_an_interrupted_transfer_goes_on(
    client: ConstellationClient, store: Store, offset: int
) -> None:
    put(store, 1)
    chunks = list(client.get_resource(FACTORS, 1, offset))
    assert chunks[0].offset == offset
    assert chunks[0].HasField("info")
    assert b"".join(chunk.data for chunk in chunks) == BODY[offset:]


def test_nothing_is_left_after_the_end(client: ConstellationClient, store: Store) -> None:
    put(store, 1)
    assert list(client.get_resource(FACTORS, 1, len(BODY))) == []


def test_an_offset_beyond_the_end_is_refused(client: ConstellationClient, store: Store) -> None:
    put(store, 1)
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "offset")
    assert refused(lambda: list(client.get_resource(FACTORS, 1, len(BODY) + 1))) == expected


def test_a_version_that_is_not_kept_is_not_found(client: ConstellationClient, store: Store) -> None:
    for version in range(1, 5):
        put(store, version, b"body")
    expected = Refusal("NOT_FOUND", "UNKNOWN_RESOURCE", "")
    for version in (1, 5):
        assert refused(lambda v=version: list(client.get_resource(FACTORS, v))) == expected  # type: ignore[misc]  # a default binds the loop's value


def test_a_transfer_ends_when_its_version_is_dropped(
    client: ConstellationClient, store: Store
) -> None:
    put(store, 1, BODY * 64)  # more than the connection holds under way
    chunks = client.get_resource(FACTORS, 1)
    next(chunks)
    for version in range(2, 5):
        put(store, version, b"body")
    expected = Refusal("NOT_FOUND", "UNKNOWN_RESOURCE", "")
    assert refused(lambda: sum(len(chunk.data) for chunk in chunks)) == expected


@pytest.mark.parametrize(
    ("field", "kind", "version", "offset"),
    [("kind", 0, 1, 0), ("kind", 9, 1, 0), ("version", 2, 0, 0), ("offset", 2, 1, 2**26 + 1)],
)
def test_a_field_out_of_bounds_is_named(
    shared_client: ConstellationClient,
    field: str,
    kind: resource_pb2.ResourceKind.ValueType,
    version: int,
    offset: int,
) -> None:
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", field)
    assert refused(lambda: list(shared_client.get_resource(kind, version, offset))) == expected
