"""Trends of the newest state: by region, replaced with a round, left alone by another."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from omega_store import Store, devices, pushes, rounds, states, trends
from omega_store.states import Step
from omega_store.trends import NO_TRENDS, RegionTrend, TrendList
from omega_testing.fleet import MODEL, NOW, patterns, push, registered
from omega_testing.published import publish

RISING = TrendList(
    3,
    NOW,
    {"": {1: 0.5, 2: 0.25, 9: 0.125}, "north": {2: 0.75, 3: 0.5, 9: 0.125}, "south": {4: 0.25}},
)


def step(store: Store, region: str, held: int = 0) -> Step:
    with store.snapshot() as conn:
        return states.step(conn, held, region)


def in_force(store: Store) -> TrendList:
    with store.snapshot() as conn:
        return trends.current(conn)


def test_before_a_round_there_are_none(store: Store) -> None:
    assert in_force(store) == NO_TRENDS
    assert step(store, "north").trends == ()


def test_they_are_published_with_a_state_and_come_back(store: Store) -> None:
    assert publish(store, patterns(1), trends=RISING).state_version == 1
    assert in_force(store) == RISING
    with store.snapshot() as conn:
        assert trends.regions(conn) == {"north", "south"}


def test_a_tv_gets_those_of_its_region_and_of_all(store: Store) -> None:
    publish(store, patterns(1), trends=RISING)
    north = step(store, "north")
    assert (north.trends_catalogue_version, north.trends_at) == (3, NOW)
    assert north.trends == (
        RegionTrend(2, 0.75, regional=True),
        RegionTrend(1, 0.5, regional=False),
        RegionTrend(3, 0.5, regional=True),
        RegionTrend(9, 0.125, regional=True),
    )
    assert [t.ordinal for t in step(store, "south").trends] == [1, 2, 4, 9]
    for elsewhere in ("", "east"):
        assert step(store, elsewhere).trends == (
            RegionTrend(1, 0.5, regional=False),
            RegionTrend(2, 0.25, regional=False),
            RegionTrend(9, 0.125, regional=False),
        )


def test_a_tv_that_holds_the_newest_state_gets_none_again(store: Store) -> None:
    publish(store, patterns(1), trends=RISING)
    assert step(store, "north", 1).trends == ()
    assert step(store, "north", 1).state.version == 1


def test_trends_alone_are_a_new_state(store: Store) -> None:
    publish(store, patterns(2))
    assert publish(store, trends=RISING).state_version == 2
    news = step(store, "north", 1)
    assert (news.base_version, news.patterns, news.removed) == (1, (), ())
    assert len(news.trends) == 4


def test_a_state_without_news_of_trends_keeps_them(store: Store) -> None:
    publish(store, patterns(1), trends=RISING)
    publish(store, patterns(1, seed=1))
    assert in_force(store) == RISING
    assert len(step(store, "north", 1).trends) == 4


def test_others_take_their_place_or_none(store: Store) -> None:
    publish(store, patterns(1), trends=RISING)
    later = TrendList(4, NOW + timedelta(hours=1), {"": {7: 1.0}})
    publish(store, trends=later)
    assert in_force(store) == later
    assert publish(store, trends=NO_TRENDS).state_version == 3
    assert in_force(store) == NO_TRENDS
    assert step(store, "north", 2).trends == ()
    assert step(store, "north", 2).trends_at is None


def test_at_most_32_are_told_the_strongest(store: Store) -> None:
    everywhere = {n: 0.5 + n / 100 for n in range(32)}
    regional = {n: 0.405 + n / 100 for n in range(16, 48)}
    publish(store, trends=TrendList(1, NOW, {"": everywhere, "north": regional}))
    told = step(store, "north").trends
    assert len(told) == 32
    assert len({t.ordinal for t in told}) == 32
    scores = {n: max(everywhere.get(n, 0), regional.get(n, 0)) for n in range(48)}
    best = sorted(scores, key=lambda n: -scores[n])[:32]
    assert [t.ordinal for t in told] == best


def test_a_state_of_the_release_before_has_none(store: Store) -> None:
    publish(store, patterns(1), trends=RISING)
    with store.transaction() as conn:
        conn.execute(
            "INSERT INTO states (version, round_id, model_version, published_at)"
            " VALUES (2, 1, %s, %s)",
            (MODEL, NOW),
        )
    assert in_force(store) == NO_TRENDS
    assert step(store, "north").trends == ()


@pytest.mark.parametrize(
    ("version", "by_region"),
    [(0, {"": {1: 0.5}}), (1, {}), (1, {"": {}}), (1, {"": dict.fromkeys(range(33), 0.5)})],
)
def test_a_list_is_whole(version: int, by_region: dict[str, dict[int, float]]) -> None:
    with pytest.raises(ValueError, match="trends"):
        TrendList(version, NOW, by_region)


def test_a_device_moves_when_it_registers_again_from_elsewhere(store: Store) -> None:
    request_id = str(uuid.uuid4())
    found = []
    for region in ("north", "south", ""):
        with store.transaction() as conn:
            made = devices.register(
                conn,
                device_id=f"tv-{uuid.uuid4().hex}",
                request_id=request_id,
                platform="test",
                app_version="1",
                now=NOW,
                region=region,
            )
            touched = devices.touch(conn, made.device_id, NOW)
        assert touched is not None
        assert touched.region == region
        found.append(made.device_id)
    assert len(set(found)) == 1


def test_a_device_comes_with_its_region_and_the_arrivals_of_its_pushes(store: Store) -> None:
    [first] = registered(store, 1, region="north")
    [second] = registered(store, 1)
    later = NOW + timedelta(hours=3)
    with store.transaction() as conn:
        pushes.store(conn, [push(first, 3), push(second, 2)], NOW)
        pushes.store(conn, [push(first, 4, seed=1)], later)
    with store.snapshot() as conn:
        found = {d.device_id: d for d in pushes.iterate(conn, MODEL)}
    assert (found[first].region, found[second].region) == ("north", "")
    assert found[first].arrivals == ((3, NOW), (4, later))
    assert found[second].arrivals == ((2, NOW),)


def test_the_first_round_that_was_published_is_remembered(store: Store) -> None:
    with store.snapshot() as conn:
        assert rounds.first_success(conn) is None
    with store.transaction() as conn:
        begun = rounds.begin(conn, str(uuid.uuid4()), NOW - timedelta(days=2))
        rounds.fail(conn, begun.round_id, "ROUND_FAILED", NOW)
    publish(store, patterns(1))
    publish(store, patterns(1, seed=1))
    with store.snapshot() as conn:
        assert rounds.first_success(conn) == NOW
