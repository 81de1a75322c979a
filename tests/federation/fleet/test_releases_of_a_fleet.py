"""A release of a fleet: every shard stages it, and what all devices say comes to the home shard."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tests.federation.fleet.conftest import FleetOfThree, await_true, worker

from omega_core.clock import day_of
from omega_core.dealing import device_number
from omega_delta import encode_factors
from omega_store import Store, pushes, release_reports, releases, resources
from omega_store.heads import heads
from omega_store.release_reports import Report
from omega_store.releases import ReleasePlan
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL, push, registered
from omega_testing.news import factors_of

FACTORS = ResourceKind.FACTORS


def publish(home: Store) -> None:
    with home.transaction() as conn:
        version = resources.following_version(conn, FACTORS)
        body = encode_factors(factors_of(range(10), version, model_version=MODEL))
        now = datetime.now(UTC)
        releases.publish(conn, FACTORS, version, model_version=MODEL, body=body, now=now)


def staged(store: Store) -> list[tuple[int, int]]:
    """Number and share of each release under way."""
    with store.statements() as conn:
        return [(each.release_id, each.permille) for each in releases.under_way(conn)]


def given_out(store: Store) -> list[int]:
    with store.statements() as conn:
        return [info.version for info in heads(conn).resources if info.kind == FACTORS]


def test_a_release_goes_through_the_fleet(three: FleetOfThree) -> None:
    with three.home.transaction() as conn:
        releases.set_plan(conn, ReleasePlan(300, 600, 1))
    publish(three.home)
    publish(three.home)
    with three.home.statements() as conn:
        (release,) = releases.under_way(conn)
    others = [store for store in three.shards.values() if store is not three.home]
    settings = three.environ(COPY_SECONDS="0.1", PERIOD_SECONDS="0")
    with worker(settings):
        await_true(lambda: all(staged(each) == [(1, 300)] for each in others), "it is staged")
        assert [given_out(each) for each in others] == [[1]] * len(others)
        now = datetime.now(UTC)
        inside = 0
        for store in three.shards.values():
            for each in registered(store, 20):
                first = device_number(release.salt, each) < 300
                report = Report(day_of(now) - 1, ((FACTORS, 1 + first),), first, 100)
                with store.transaction() as conn:
                    pushes.store(conn, [replace(push(each, 0), report=report)], now)
                inside += first

        def brought() -> bool:
            with three.home.statements() as conn:
                found = release_reports.counts(conn, release.release_id, 1)
            return sum(each.reports for each in found if each.candidate) == inside

        await_true(brought, "all reports are at home")
        with three.home.transaction() as conn:
            releases.promote(conn, release, now)
        await_true(lambda: all(staged(each) == [(1, 600)] for each in others), "it goes on")
        with three.home.transaction() as conn:
            releases.complete(conn, releases.get(conn, release.release_id), "by hand", now)
        await_true(lambda: all(given_out(each) == [2] for each in others), "all have it")
        assert brought()
