"""Releases over shards: every shard knows who gets what, and every device counts once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from omega_core.clock import day_of
from omega_core.dealing import device_number
from omega_store import Store, pushes, release_copies, release_reports, releases, resources
from omega_store.heads import heads
from omega_store.release_reports import Report
from omega_store.releases import Release, ReleasePlan
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL, NOW, push, registered
from omega_testing.postgres import EmbeddedPostgres

FACTORS = ResourceKind.FACTORS
DAY = day_of(NOW) - 1


@pytest.fixture
def other(postgres: EmbeddedPostgres, template_database: str) -> Iterator[Store]:
    """Another shard."""
    with Store.connect(postgres.create_database("other", template_database)) as opened:
        yield opened
    postgres.drop_database("other")


def release_two(store: Store) -> Release:
    registered(store, 1)
    with store.transaction() as conn:
        releases.set_plan(conn, ReleasePlan(300, 600, 1))
        for version in (1, 2):
            body = b"%d" % version
            releases.publish(conn, FACTORS, version, model_version=MODEL, body=body, now=NOW)
        return releases.under_way(conn)[0]


def copied(home: Store, other: Store) -> None:
    """As the worker does: resources and releases in one transaction."""
    with home.snapshot() as here, other.transaction() as there:
        there.execute("DELETE FROM resources")
        for version, *_ in here.execute("SELECT version FROM resources").fetchall():
            info = resources.info(here, FACTORS, version)
            body = resources.read(here, FACTORS, version, 0, 100)
            there.execute(
                "INSERT INTO resources (kind, version, model_version, sha256, size, body,"
                " created_at) VALUES (%s, %s, %s, %s, %s, %b, %s)",
                (FACTORS, version, MODEL, info.sha256, info.size, body, NOW),
            )
        release_copies.copy(here, there)


def say(store: Store, release: Release, number: int) -> int:
    """So many devices of a shard report; how many of them count for the new version."""
    inside = 0
    for each in registered(store, number):
        drawn = device_number(release.salt, each)
        version = 2 if drawn < 300 else 1
        inside += drawn < 300
        report = Report(DAY, ((FACTORS, version),), True, 100)  # noqa: FBT003 - the bit
        with store.transaction() as conn:
            pushes.store(conn, [replace(push(each, 0), report=report)], NOW)
    return inside


def test_a_shard_gives_out_what_the_home_shard_does(store: Store, other: Store) -> None:
    release = release_two(store)
    release_two(other)  # of its own, from when it was alone
    copied(store, other)
    for shard in (store, other):
        with shard.statements() as conn:
            assert releases.under_way(conn) == [release]
            assert [info.version for info in heads(conn).resources] == [1]


def test_sums_come_home_once_however_often_they_are_brought(store: Store, other: Store) -> None:
    release = release_two(store)
    copied(store, other)
    inside = say(store, release, 20) + say(other, release, 20)
    for _ in range(3):
        release_copies.bring(store, other, "other")
    inside += say(other, release, 20)
    for _ in range(2):
        copied(store, other)
        release_copies.bring(store, other, "other")
    with store.statements() as conn:
        found = release_reports.counts(conn, release.release_id, 1)
    assert [each.reports for each in found if each.candidate] == [inside]


def test_stages_follow_the_home_shard(store: Store, other: Store) -> None:
    release = release_two(store)
    copied(store, other)
    with store.transaction() as conn:
        releases.promote(conn, release, NOW)
    copied(store, other)
    with other.statements() as conn:
        assert releases.under_way(conn)[0].permille == 600
    with store.transaction() as conn:
        releases.complete(conn, releases.under_way(conn)[0], "by hand", NOW)
    copied(store, other)
    with other.statements() as conn:
        assert [info.version for info in heads(conn).resources] == [2]
        assert releases.listed(conn, 1)[0].cause == "by hand"
