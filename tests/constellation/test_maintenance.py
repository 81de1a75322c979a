"""Maintenance: months are there before they begin, and go when retention has ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from omega_constellation.maintenance import Maintenance
from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_store import Store, inbox, migrate, pushes, traffic
from omega_testing.fleet import push, registered

BEGUN = datetime(2031, 5, 17, 12, tzinfo=UTC)


@pytest.fixture
def own(empty_database_url: str) -> Iterator[Store]:
    """A store whose partitions a test may change."""
    migrate(empty_database_url)
    with Store.connect(empty_database_url) as opened:
        yield opened


def held(store: Store) -> int:
    with store.statements() as conn:
        row = conn.execute("SELECT count(*) FROM pushes").fetchone()
    assert row
    return int(row[0])


def months(store: Store) -> list[str]:
    with store.statements() as conn:
        return [month.name for month in inbox.months(conn) if "pushes_203" in month.name]


def test_a_year_of_days_keeps_a_push_for_its_retention(own: Store) -> None:
    [device_id] = registered(own, 1)
    clock = ManualClock(BEGUN)
    work = Maintenance(own, timedelta(days=90), clock, lambda: True).work
    work()
    assert months(own) == [f"pushes_2031_{m:02}" for m in (5, 6, 7, 8)]
    with own.transaction() as conn:
        pushes.store(conn, [push(device_id)], clock.now())
    while held(own):
        clock.advance(timedelta(days=1))
        work()
    assert clock.now().date() == datetime(2031, 8, 30, tzinfo=UTC).date(), (
        "90 days behind its month"
    )
    assert months(own)[0] == "pushes_2031_06"
    with own.transaction() as conn:
        assert pushes.store(conn, [push(device_id)], clock.now())
        where = conn.execute("SELECT tableoid::regclass::text FROM pushes").fetchone()
    assert where
    assert where[0].startswith("pushes_2031_08_")


def test_without_retention_nothing_goes(own: Store) -> None:
    [device_id] = registered(own, 1)
    clock = ManualClock(BEGUN)
    work = Maintenance(own, None, clock, lambda: True).work
    with own.transaction() as conn:
        pushes.store(conn, [push(device_id)], clock.now())
    for _ in range(3):
        work()
        clock.advance(timedelta(days=36_500))
    assert held(own) == 1


def test_old_minutes_of_traffic_go(own: Store) -> None:
    clock = ManualClock(BEGUN)
    with own.transaction() as conn:
        for ago in (timedelta(hours=1), timedelta(days=8)):
            traffic.add(conn, 1, BEGUN - ago, traffic.Tally(exchanges=1), [0] * traffic.BUCKETS)
    Maintenance(own, None, clock, lambda: True).work()
    with own.statements() as conn:
        assert len(traffic.minutes(conn, BEGUN, 100_000)) == 1


def test_behind_a_long_transaction_it_is_put_off_and_pushes_go_on(own: Store) -> None:
    [device_id] = registered(own, 1)
    work = Maintenance(own, timedelta(days=1), ManualClock(BEGUN), lambda: True).work
    with psycopg.connect(own.url) as reader:
        reader.execute("SELECT count(*) FROM pushes")
        with pytest.raises(OmegaError):
            work()
        with own.transaction() as conn:
            pushes.store(conn, [push(device_id)], BEGUN)
    work()
    assert months(own) == [f"pushes_2031_{m:02}" for m in (5, 6, 7, 8)]
    assert held(own) == 1


def test_it_begins_when_the_shard_is_ready_and_ends_when_told(own: Store) -> None:
    asked = threading.Event()

    def ready() -> bool:
        asked.set()
        return True

    maintenance = Maintenance(own, None, ManualClock(BEGUN), ready)
    maintenance.start()
    asked.wait(10)
    maintenance.stop()
    maintenance.stop()
    assert months(own) == [f"pushes_2031_{m:02}" for m in (5, 6, 7, 8)]
    Maintenance(own, None, ManualClock(BEGUN), ready).stop()
