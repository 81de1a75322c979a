"""What a shard tells collectors of itself, read when they collect."""

from __future__ import annotations

from datetime import timedelta

import pytest
from opentelemetry.metrics import CallbackOptions

from omega_constellation import metering
from omega_constellation.directories import Directories
from omega_constellation.metering import Gauges
from omega_constellation.stats import Stats
from omega_core.clock import ManualClock
from omega_store import Store, devices
from omega_store.trends import TrendList
from omega_testing.fleet import NOW, patterns, registered
from omega_testing.published import publish


@pytest.fixture
def stats(store: Store) -> Stats:
    return Stats(store, Directories("a"), 5_000, ManualClock(NOW + timedelta(hours=1)))


def test_gauges_are_what_the_shard_holds(store: Store, stats: Stats) -> None:
    first, second, third = registered(store, 3)
    with store.transaction() as conn:
        devices.touch(conn, first, NOW)
        devices.touch(conn, second, NOW - timedelta(days=2))
        devices.revoke(conn, third, NOW)
    publish(store, patterns(4), trends=TrendList(1, NOW, {"": {3: 0.5}, "fr": {3: 0.4, 5: 0.2}}))
    seen = Gauges(stats).read()
    assert seen is not None
    assert (seen.registered, seen.active, seen.capacity) == (2, 1, 5_000)
    assert (seen.state_version, seen.patterns, seen.trends) == (1, 4, 3)


def test_one_look_serves_all_gauges_of_a_collection(store: Store, stats: Stats) -> None:
    gauges = Gauges(stats)
    before = gauges.read()
    registered(store, 3)
    assert gauges.read() is before


def test_while_the_database_is_away_nothing_is_told(
    store: Store, stats: Stats, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Constellations that other tests of this process keep running would answer, too.
    monkeypatch.setattr(metering, "_answering", set[Gauges]())
    store.close()
    gauges = Gauges(stats)
    gauges.start()
    try:
        observe = metering._observing(lambda seen: [(seen.registered, {})])
        assert list(observe(CallbackOptions())) == []
    finally:
        gauges.stop()
