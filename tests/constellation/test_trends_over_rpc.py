"""Trends over a socket: each region its own, and none that somebody else's region has."""

from __future__ import annotations

import uuid

import pytest

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_delta import Trend, decode_state_delta
from omega_store import Store
from omega_store.trends import NO_TRENDS, TrendList
from omega_testing.fleet import NOW, patterns
from omega_testing.published import publish
from omega_testing.refusals import Refusal, refused

RISING = TrendList(3, NOW, {"": {1: 0.5}, "north": {2: 0.75}, "south": {4: 0.25}})
EVERYWHERE = Trend(1, 0.5, regional=False)


def register(client: ConstellationClient, region: str, request_id: str = "") -> str:
    request = pb.RegisterDeviceRequest(
        request_id=request_id or str(uuid.uuid4()), platform="test", region=region
    )
    return client.register_device(request).device_id


def pulled(client: ConstellationClient, device_id: str, held: int = 0) -> tuple[Trend, ...]:
    answer = client.get_global_state(
        pb.GetGlobalStateRequest(device_id=device_id, state_version=held)
    )
    if not answer.delta:
        return ()
    trends = decode_state_delta(answer.delta).trends
    if trends is None:
        return ()
    assert (trends.catalogue_version, trends.at) == (3, NOW)
    return trends.titles


def test_each_region_gets_its_own_and_those_of_all(
    client: ConstellationClient, store: Store
) -> None:
    tvs = {region: register(client, region) for region in ("north", "south", "east", "")}
    publish(store, patterns(2), trends=RISING)
    # Twice: the second answers come from what was encoded for the first.
    for _ in range(2):
        assert pulled(client, tvs["north"]) == (Trend(2, 0.75, regional=True), EVERYWHERE)
        assert pulled(client, tvs["south"]) == (EVERYWHERE, Trend(4, 0.25, regional=True))
        assert pulled(client, tvs["east"]) == pulled(client, tvs[""]) == (EVERYWHERE,)


def test_who_holds_the_newest_gets_none_again(client: ConstellationClient, store: Store) -> None:
    tv = register(client, "north")
    publish(store, patterns(2), trends=RISING)
    assert pulled(client, tv, 1) == ()
    publish(store, patterns(1, seed=1))
    assert len(pulled(client, tv, 1)) == 2


def test_trends_that_are_over_are_gone_for_who_held_them(
    client: ConstellationClient, store: Store
) -> None:
    tv = register(client, "north")
    publish(store, patterns(2), trends=RISING)
    assert len(pulled(client, tv)) == 2
    publish(store, trends=NO_TRENDS)
    assert pulled(client, tv, 1) == ()
    assert pulled(client, tv) == ()


def test_a_tv_that_moves_gets_those_of_where_it_is(
    client: ConstellationClient, store: Store
) -> None:
    request_id = str(uuid.uuid4())
    tv = register(client, "north", request_id)
    publish(store, patterns(2), trends=RISING)
    assert Trend(2, 0.75, regional=True) in pulled(client, tv)
    assert register(client, "south", request_id) == tv
    assert pulled(client, tv) == (EVERYWHERE, Trend(4, 0.25, regional=True))


@pytest.mark.parametrize("region", ["x" * 16, "FR-75", "0", ""])
def test_a_region_within_its_bounds_is_taken(
    shared_client: ConstellationClient, region: str
) -> None:
    assert register(shared_client, region).startswith("tv-")


@pytest.mark.parametrize("region", ["x" * 17, "no spaces", "a_b", "a.b", "é", "a\n"])
def test_a_region_out_of_bounds_is_named(shared_client: ConstellationClient, region: str) -> None:
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "region")
    assert refused(lambda: register(shared_client, region)) == expected
