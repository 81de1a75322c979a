"""A planted regional trend: published with a round, for its region, until it has faded."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import numpy as np
import pytest

from omega_core.clock import ManualClock
from omega_federation_worker.job import RoundJob
from omega_federation_worker.plan import Plan
from omega_federation_worker.rising import news
from omega_learn import LearnConfig
from omega_store import Store, devices, pushes, rounds, states, trends
from omega_store.trends import NO_TRENDS, TrendList
from omega_testing.fleet import MODEL, NOW, registered
from omega_testing.taste_shard import SIGMA, TasteShard
from omega_testing.tastes import TasteWorld

CONFIG = LearnConfig(sigma=SIGMA, lam=5, rank=16)
HOUR = timedelta(hours=1)
PLANTED = 29
"""Of the second group; before, nobody has it."""
DECAY, LEAST = 0.95, 0.02


class Fleet:
    """24 households in two regions, whose first pushes were learnt from at `began`."""

    def __init__(self, store: Store, world: TasteWorld, began: datetime) -> None:
        self.store = store
        self.shard = TasteShard(store, world)
        self.shard.publish_catalogue()
        self.clock = ManualClock(began)
        self.ids: dict[str, list[str]] = {"north": [], "south": []}
        for region in self.ids:
            self.ids[region] = self._households(region, 12, began - 10 * HOUR)

    def _households(self, region: str, number: int, at: datetime) -> list[str]:
        made = registered(self.store, number, region=region)
        for n, device_id in enumerate(made):
            first = 15 * (n % 2)
            liked = first + np.random.default_rng([n, len(region)]).permutation(14)[:10]
            self.shard.push(device_id, liked.tolist(), seed=n, at=at)
        return made

    def plant(self, region: str, number: int, at: datetime) -> list[str]:
        """Has so many of a region succeed with PLANTED; each device also with what it likes."""
        chosen = self.ids[region][:number]
        for n, device_id in enumerate(chosen):
            self.shard.push(device_id, [PLANTED], seed=700 + n, at=at)
        return chosen

    def watch(self, at: datetime) -> None:
        """What everybody watches anyway."""
        for region, held in self.ids.items():
            for n, device_id in enumerate(held):
                title = 15 * (n % 2) + int(np.random.default_rng([9, n]).integers(14))
                self.shard.push(device_id, [title], seed=300 + n + len(region), at=at)

    def round(self) -> rounds.Round:
        return RoundJob(self.store, Plan(CONFIG), self.clock).run(str(uuid.uuid4()))

    def told(self, region: str) -> dict[int, float]:
        """What a TV of the region is told that holds nothing."""
        with self.store.snapshot() as conn:
            return {t.ordinal: t.score for t in states.step(conn, 0, region).trends}


@pytest.fixture
def made(store: Store, world: TasteWorld) -> Fleet:
    return Fleet(store, world, NOW)


def test_it_is_there_within_two_rounds_in_its_region_alone_and_fades(made: Fleet) -> None:
    made.round()
    assert made.told("north") == {}
    made.clock.advance(HOUR)
    made.plant("north", 9, NOW + HOUR / 2)
    made.watch(NOW + HOUR / 2)
    assert made.round().figures.state_version == 2
    assert set(made.told("north")) == {PLANTED}
    assert made.told("south") == made.told("") == {}
    # An hour in which it only fades is no news.
    made.clock.advance(HOUR)
    assert made.round().figures.state_version == 0
    made.clock.advance(100 * HOUR)
    made.round()
    with made.store.snapshot() as conn:
        assert trends.current(conn) == NO_TRENDS


def test_a_round_that_is_repeated_finds_the_same(made: Fleet) -> None:
    made.round()
    made.clock.advance(HOUR)
    made.plant("north", 9, NOW + HOUR / 2)
    made.round()
    before = made.told("north")
    assert made.round().figures.state_version == 0
    assert made.told("north") == before != {}


def test_without_the_devices_behind_it_a_trend_is_withdrawn(made: Fleet) -> None:
    made.round()
    made.clock.advance(HOUR)
    behind = made.plant("north", 9, NOW + HOUR / 2)
    made.round()
    assert PLANTED in made.told("north")
    for device_id in behind[2:]:
        with made.store.transaction() as conn:
            devices.erase(conn, device_id)
    made.round()
    assert PLANTED not in made.told("north")
    with made.store.snapshot() as conn:
        assert "north" not in trends.regions(conn)


def test_devices_that_moved_count_where_they_are(made: Fleet) -> None:
    made.round()
    made.clock.advance(HOUR)
    made.plant("north", 9, NOW + HOUR / 2)
    with made.store.transaction() as conn:
        conn.execute("UPDATE devices SET region = 'east' WHERE region = 'north'")
    made.round()
    assert (set(made.told("east")), made.told("north")) == ({PLANTED}, {})


def test_too_few_devices_withdraw_trends_with_the_rest(made: Fleet) -> None:
    made.round()
    made.clock.advance(HOUR)
    made.plant("north", 9, NOW + HOUR / 2)
    made.round()
    for device_id in [*made.ids["north"], *made.ids["south"][1:]]:
        with made.store.transaction() as conn:
            devices.erase(conn, device_id)
    made.round()
    with made.store.snapshot() as conn:
        assert trends.current(conn) == NO_TRENDS


def listed(at: datetime, **regions: dict[int, float]) -> TrendList:
    return TrendList(1, at, regions) if regions else NO_TRENDS


@pytest.mark.parametrize(
    ("found", "is_news"),
    [
        (listed(NOW + HOUR, north={1: 0.5 * DECAY, 2: 0.4 * DECAY}), False),
        (listed(NOW + HOUR, north={1: 0.5 * DECAY + 0.019, 2: 0.4 * DECAY}), False),
        (listed(NOW + HOUR, north={1: 0.5 * DECAY + 0.021, 2: 0.4 * DECAY}), True),
        (listed(NOW + HOUR, north={1: 0.5 * DECAY}), True),
        (listed(NOW + HOUR, north={1: 0.5 * DECAY, 2: 0.4 * DECAY, 3: 0.05}), True),
        (listed(NOW + HOUR, south={1: 0.5 * DECAY, 2: 0.4 * DECAY}), True),
        (listed(NOW + 70 * HOUR, north={1: 0.5 * DECAY**70}), False),
        (NO_TRENDS, True),
    ],
)
def test_only_what_did_not_merely_fade_is_news(found: TrendList, *, is_news: bool) -> None:
    held = listed(NOW, north={1: 0.5, 2: 0.4})
    assert (news(held, found, DECAY, LEAST) is not None) == is_news


def test_a_faded_title_that_is_gone_is_news_after_an_erasure() -> None:
    held = listed(NOW, north={1: 0.5, 2: 0.4})
    found = listed(NOW + 70 * HOUR, north={1: 0.5 * DECAY**70})
    assert news(held, found, DECAY, LEAST) is None
    assert news(held, found, DECAY, LEAST, whole=True) is found


def test_nothing_before_and_nothing_now_is_no_news() -> None:
    assert news(NO_TRENDS, NO_TRENDS, DECAY, LEAST) is None


def test_the_worker_reads_regions_and_arrivals(made: Fleet) -> None:
    with made.store.snapshot() as conn:
        found = list(pushes.iterate(conn, MODEL))
    assert {device.region for device in found} == {"north", "south"}
    assert {at for device in found for _, at in device.arrivals} == {NOW - 10 * HOUR}
