"""Resources: versions follow each other, bodies are read in slices, the newest few are kept."""

from __future__ import annotations

import hashlib

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_store import Connection, Store, resources
from omega_store.heads import heads
from omega_store.resources import KEEP, ResourceInfo, ResourceKind
from omega_store.states import NOTHING
from omega_testing.fleet import MODEL, NOW


def put(
    conn: Connection, version: int, body: bytes, kind: int = ResourceKind.CATALOGUE
) -> ResourceInfo:
    return resources.publish(conn, kind, version, model_version=MODEL, body=body, now=NOW)


def test_a_body_is_read_in_slices(store: Store) -> None:
    body = bytes(range(256)) * 40
    with store.transaction() as conn:
        stated = put(conn, 1, body)
        assert stated == resources.info(conn, ResourceKind.CATALOGUE, 1)
        parts = [
            resources.read(conn, ResourceKind.CATALOGUE, 1, at, 4_000)
            for at in range(0, len(body) + 4_000, 4_000)
        ]
    assert b"".join(parts) == body
    assert [len(part) for part in parts] == [4_000, 4_000, 2_240, 0]
    assert (stated.size, stated.sha256) == (len(body), hashlib.sha256(body).digest())


def test_the_newest_versions_of_each_kind_are_kept(store: Store) -> None:
    with store.transaction() as conn:
        for version in range(1, KEEP + 3):
            put(conn, version, b"c%d" % version)
        put(conn, 1, b"factors", ResourceKind.FACTORS)
        for version in (1, 2):
            with pytest.raises(OmegaError) as caught:
                resources.read(conn, ResourceKind.CATALOGUE, version, 0, 10)
            assert caught.value.code == ErrorCode.UNKNOWN_RESOURCE
            with pytest.raises(OmegaError):
                resources.info(conn, ResourceKind.CATALOGUE, version)
        for version in range(3, KEEP + 3):
            assert resources.read(conn, ResourceKind.CATALOGUE, version, 0, 10) == b"c%d" % version
        assert resources.newest_version(conn, ResourceKind.CATALOGUE) == KEEP + 2
        found = heads(conn)
    assert found.state == NOTHING
    assert {(r.kind, r.version) for r in found.resources} == {(1, KEEP + 2), (2, 1)}


def test_a_withdrawn_kind_is_given_out_no_more_and_its_numbers_go_on(store: Store) -> None:
    with store.transaction() as conn:
        put(conn, 1, b"catalogue")
        for version in (1, 2):
            put(conn, version, b"factors", ResourceKind.FACTORS)
        for _ in range(2):
            resources.withdraw(conn, ResourceKind.FACTORS)
            assert resources.newest_version(conn, ResourceKind.FACTORS) == 0
            assert [(r.kind, r.version) for r in heads(conn).resources] == [(1, 1)]
            with pytest.raises(OmegaError) as caught:
                resources.info(conn, ResourceKind.FACTORS, 2)
            assert caught.value.code == ErrorCode.UNKNOWN_RESOURCE
        for version in (1, 2, 4):
            with pytest.raises(OmegaError) as caught:
                put(conn, version, b"factors", ResourceKind.FACTORS)
            assert caught.value.code == ErrorCode.ROUND_CONFLICT
        assert resources.following_version(conn, ResourceKind.FACTORS) == 3
        put(conn, 3, b"factors", ResourceKind.FACTORS)
        resources.withdraw(conn, ResourceKind.FACTORS)
        put(conn, 4, b"factors", ResourceKind.FACTORS)
        assert {(r.kind, r.version) for r in heads(conn).resources} == {(1, 1), (2, 4)}


def test_what_was_never_published_can_be_withdrawn(store: Store) -> None:
    with store.transaction() as conn:
        resources.withdraw(conn, ResourceKind.FACTORS)
        assert resources.following_version(conn, ResourceKind.FACTORS) == 1


def test_all_but_the_newest_of_one_kind_can_be_forgotten(store: Store) -> None:
    with store.transaction() as conn:
        for version in (1, 2, 3):
            put(conn, version, b"catalogue")
            put(conn, version, b"factors", ResourceKind.FACTORS)
        resources.keep_newest(conn, ResourceKind.FACTORS)
        kept = conn.execute("SELECT kind, version FROM resources ORDER BY kind, version").fetchall()
    assert kept == [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3)]
    with store.transaction() as conn:
        resources.keep_newest(conn, ResourceKind.FACTORS, least=3)
        [(left,)] = conn.execute("SELECT array_agg(version) FROM resources WHERE kind = 2")
    assert left == [3]


@pytest.mark.parametrize("version", [1, 3])
def test_a_version_must_follow_the_newest(store: Store, version: int) -> None:
    with store.transaction() as conn:
        put(conn, 1, b"first")
        with pytest.raises(OmegaError) as caught:
            put(conn, version, b"second")
    assert caught.value.code == ErrorCode.ROUND_CONFLICT


def test_an_empty_body_is_refused(store: Store) -> None:
    with store.transaction() as conn, pytest.raises(ValueError, match="at most"):
        put(conn, 1, b"")
