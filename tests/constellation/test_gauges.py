"""What a shard tells collectors of itself, read when they collect."""

from __future__ import annotations

from datetime import timedelta

import pytest

from omega_constellation import metering
from omega_constellation.directories import Directories
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
    seen = metering.shard.looker(stats.gauges).read()
    assert seen is not None
    assert (seen.registered, seen.active, seen.capacity) == (2, 1, 5_000)
    assert (seen.state_version, seen.patterns, seen.trends) == (1, 4, 3)
