"""A transfer goes on where it was cut; a damaged body is never used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import Database, ResourceKey, Resources, StoredResource

BODY = bytes(range(256)) * 40


def key(body: bytes = BODY, version: int = 1, kind: int = 2) -> ResourceKey:
    return ResourceKey(kind, version, len(body), hashlib.sha256(body).digest(), "m1")


@pytest.fixture
def resources(database: Database) -> Resources:
    return Resources(database)


def test_a_body_replaces_the_last_one_of_its_kind(resources: Resources) -> None:
    resources.store(key(), BODY)
    resources.store(key(b"new", 2), b"new")
    resources.store(key(b"other", 1, kind=1), b"other")
    assert resources.get(2) == StoredResource(key(b"new", 2), b"new")
    assert resources.held() == [key(b"other", 1, kind=1), key(b"new", 2)]
    resources.remove(2)
    assert resources.get(2) is None


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sizes=st.lists(st.integers(1, 3_000), min_size=4, max_size=30))
def test_chunks_of_any_size_make_the_body(database: Database, sizes: list[int]) -> None:
    resources = Resources(database)
    resources.remove(2)
    offset = 0
    for size in [*sizes, len(BODY)]:
        if offset == len(BODY):
            break
        # A new object each time, as after a restart.
        resources = Resources(database)
        assert resources.received(key()) == offset
        offset = resources.append(key(), offset, BODY[offset : offset + size])
    assert resources.complete(key()) == resources.get(2) == StoredResource(key(), BODY)
    assert resources.received(key()) == 0


def test_a_transfer_goes_on_after_a_restart(
    database: Database, path: Path, clock: ManualClock
) -> None:
    Resources(database).append(key(), 0, BODY[:100])
    database.close()
    again = Database.open(path, clock=clock)
    resources = Resources(again)
    assert resources.received(key()) == 100
    resources.append(key(), 100, BODY[100:])
    assert resources.complete(key()).body == BODY
    again.close()


def test_chunks_must_follow_one_another_within_the_body(resources: Resources) -> None:
    resources.append(key(), 0, BODY[:100])
    for offset in (0, 99, 101):
        with pytest.raises(OmegaError) as refused:
            resources.append(key(), offset, b"x")
        assert refused.value.field == "offset"
    for data in (b"", BODY):
        with pytest.raises(OmegaError) as refused:
            resources.append(key(), 100, data)
        assert refused.value.field == "data"
    assert resources.received(key()) == 100


def test_a_newer_version_drops_the_transfer_of_the_older(resources: Resources) -> None:
    resources.append(key(), 0, BODY[:100])
    newer = key(b"new body", 2)
    assert resources.received(newer) == 0
    resources.append(newer, 0, b"new ")
    assert (resources.received(key()), resources.received(newer)) == (0, 4)


def test_a_body_whose_hash_differs_is_dropped_and_the_last_one_stays(resources: Resources) -> None:
    resources.store(key(), BODY)
    newer = key(b"new body", 2)
    resources.append(newer, 0, b"bad body")
    with pytest.raises(OmegaError) as refused:
        resources.complete(newer)
    assert refused.value.code is ErrorCode.CORRUPT_RESOURCE
    assert resources.received(newer) == 0
    assert resources.get(2) == StoredResource(key(), BODY)
    with pytest.raises(OmegaError):
        resources.store(newer, b"bad body")


def test_an_unfinished_transfer_cannot_be_completed(resources: Resources) -> None:
    resources.append(key(), 0, BODY[:-1])
    with pytest.raises(OmegaError) as refused:
        resources.complete(key())
    assert refused.value.code is ErrorCode.CORRUPT_RESOURCE
    assert resources.get(2) is None


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("kind", ResourceKey(0, 1, 1, bytes(32), "m1")),
        ("version", ResourceKey(1, 0, 1, bytes(32), "m1")),
        ("size_bytes", ResourceKey(1, 1, 0, bytes(32), "m1")),
        ("size_bytes", ResourceKey(1, 1, 67_108_865, bytes(32), "m1")),
        ("sha256", ResourceKey(1, 1, 1, bytes(31), "m1")),
        ("model_version", ResourceKey(1, 1, 1, bytes(32), "")),
    ],
)
def test_a_key_out_of_bounds_is_refused(resources: Resources, field: str, bad: ResourceKey) -> None:
    with pytest.raises(OmegaError) as refused:
        resources.append(bad, 0, b"x")
    assert refused.value.field == field


def test_a_stored_body_that_rotted_is_dropped_so_that_it_comes_again(
    resources: Resources, database: Database
) -> None:
    resources.store(key(), BODY)
    with database.transaction() as connection:
        connection.execute("UPDATE resources SET body = zeroblob(?)", (len(BODY),))
    assert resources.get(2) is None
    assert resources.held() == []
