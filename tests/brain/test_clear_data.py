"""Everything of a household goes: from the disk, from memory, and from the fleet."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_core.profile import Profile
from omega_core.viewing import ViewingEvent
from omega_testing.gateway import Fault, Gateway

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Viewing = Callable[..., ViewingEvent]
SECRETS = ("Evening-Of-Quux-77", "Grandmother-Xylo", "viewing-only-here")


def _watch(brain: Brain, titles: list[Content], viewing: Viewing) -> None:
    brain.put_profile(Profile("granny", SECRETS[1]))
    for n, title in enumerate(titles[:12]):
        event = replace(
            viewing(title.content_id),
            event_id=f"{SECRETS[2]}-{n}",
            session_id=SECRETS[0],
            profile_id="granny" if n % 2 else "",
            occurred_at=brain.clock.now(),
        )
        brain.observe(event)
    brain.recommend(RecommendQuery(profile_id="granny"))
    brain.loops.tick(brain.clock.now())


def _held(storage: Path, *texts: str) -> list[tuple[str, str]]:
    files = [path for path in storage.rglob("*") if path.is_file()]
    return [
        (path.name, text) for path in files for text in texts if text.encode() in path.read_bytes()
    ]


def test_nothing_of_the_household_is_left_anywhere(
    tv: Tv,
    serve: Callable[[Brain], BrainClient],
    titles: list[Content],
    viewing: Viewing,
    publish_catalogue: Callable[..., None],
    config: BrainConfig,
    gateway: Gateway,
    open_tv: Callable[..., Tv],
) -> None:
    publish_catalogue(titles[:100])
    tv.sync()
    brain, client = tv.brain, serve(tv.brain)
    fresh = client.get_recommendations(pb.GetRecommendationsRequest(limit=50))
    _watch(brain, titles, viewing)
    tv.sync()
    brain.backup()
    old = brain.stores.meta.identity()
    assert old is not None
    assert len(_held(config.storage_path, *SECRETS)) >= 3
    request_id = str(uuid.uuid4())
    answer = client.clear_data(request_id)
    assert answer.erased_rows > 24
    assert answer.remaining == 0
    assert answer.fleet_erasure_pending
    assert _held(config.storage_path, *SECRETS) == []
    stats = client.get_stats()
    assert (stats.events, stats.liked, stats.profiles, stats.taste_patterns) == (0, 0, 0, 0)
    assert (stats.contents, stats.catalogue_version) == (100, 1), "titles stay"
    assert stats.erasures_pending == 1
    again = client.get_recommendations(pb.GetRecommendationsRequest(limit=50))
    assert [r.content_id for r in again.recommendations] == [
        r.content_id for r in fresh.recommendations
    ]
    personal = (pb.MEMORY_TIER_INSTANT, pb.MEMORY_TIER_SESSION, pb.MEMORY_TIER_EPISODIC)
    assert not client.query_memory(pb.QueryMemoryRequest(tiers=personal)).memories
    repeated = client.clear_data(request_id)
    assert repeated.erased_rows == answer.erased_rows
    gateway.erasure_faults.extend([Fault(grpc.StatusCode.INTERNAL)] * 2)
    tv.sync()
    tv.sync()
    assert client.get_stats().erasures_pending == 1, "asked again until it is acknowledged"
    assert old.device_id not in gateway.erased
    tv.sync()
    assert client.get_stats().erasures_pending == 0
    assert old.device_id in gateway.erased
    new = brain.stores.meta.identity()
    assert new is not None
    assert new.device_id != old.device_id
    brain.backup()
    assert _held(config.storage_path, old.device_id, old.auth_token) == []
    tv.close()
    reopened = open_tv()
    assert reopened.brain.stores.events.count() == 0
    assert reopened.brain.observe(viewing(titles[0].content_id)).recorded


def test_what_is_liked_after_an_erasure_is_reported_again(
    tv: Tv,
    titles: list[Content],
    viewing: Viewing,
    publish_catalogue: Callable[..., None],
    gateway: Gateway,
) -> None:
    publish_catalogue(titles[:100])
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:4]])
    assert tv.sync().pushed_sketches == 4
    before = list(gateway.sketches)
    tv.brain.clear_data(str(uuid.uuid4()))
    tv.sync()
    assert gateway.sketches == [], "the fleet forgot them"
    tv.watch([viewing(title.content_id) for title in titles[:4]])
    assert tv.sync().pushed_sketches == 4
    assert set(gateway.sketches).isdisjoint(before), "a new identity draws new noise"


def test_an_erasure_needs_an_id(client: BrainClient) -> None:
    for wrong in ("", "again"):
        with pytest.raises(ServiceError) as caught:
            client._call(client._stub.ClearData, pb.ClearDataRequest(request_id=wrong), 10)
        assert (caught.value.status, caught.value.field) == ("INVALID_ARGUMENT", "request_id")


def test_life_goes_on_while_a_household_is_erased(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Viewing
) -> None:
    brain.start()
    for round_ in range(3):
        for title in titles[round_ * 5 : round_ * 5 + 5]:
            brain.observe(viewing(title.content_id))
        assert brain.likes == 5
        brain.clear_data(str(uuid.uuid4()))
        assert brain.likes == 0
        listed = client.get_recommendations(pb.GetRecommendationsRequest(limit=100))
        assert len(listed.recommendations) == 100
    brain.loops.stop()


def test_consent_that_is_taken_back_has_the_fleet_forget(
    open_tv: Callable[..., Tv],
    titles: list[Content],
    viewing: Viewing,
    publish_catalogue: Callable[..., None],
    gateway: Gateway,
) -> None:
    tv = open_tv()
    publish_catalogue(titles[:100])
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:6]])
    assert tv.sync().pushed_sketches > 0
    old = tv.brain.stores.meta.identity()
    assert old is not None
    tv.close()
    quiet = open_tv(consent=False, sharing="receive-only")
    assert quiet.brain.stores.sketches.acknowledged_count() == 0
    assert quiet.brain.likes == 6, "the history is the household's own and stays"
    outcome = quiet.sync()
    assert outcome.pushed_sketches == 0
    assert old.device_id in gateway.erased
    new = quiet.brain.stores.meta.identity()
    assert new is not None
    assert new.device_id != old.device_id
    quiet.close()
    same = open_tv(consent=False, sharing="receive-only")
    assert same.brain.stores.meta.identity() == new, "once is enough"
