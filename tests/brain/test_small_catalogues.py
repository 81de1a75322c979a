"""Catalogues of nothing and of one title, and pages behind the end of a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.brain import Brain
from omega_brain.state import CATALOGUE
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_core.vectors import unit
from omega_core.viewing import ViewingEvent
from omega_delta import encode_catalogue
from omega_embed import open_encoder
from omega_memory.shipped import defaults
from omega_testing.gateway import Gateway
from omega_testing.news import catalogue_of, delta_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Viewing = Callable[..., ViewingEvent]


def _ids(client: BrainClient, **request: object) -> list[str]:
    answer = client.get_recommendations(pb.GetRecommendationsRequest(**request))  # type: ignore[arg-type]  # a table of fields
    return [found.content_id for found in answer.recommendations]


def test_a_brain_without_titles_answers(
    tv: Tv, gateway: Gateway, serve: Callable[[Brain], BrainClient], open_tv: Callable[..., Tv]
) -> None:
    client = serve(tv.brain)
    shipped = [content.content_id for content in defaults().popular]
    assert _ids(client) == shipped[:20], "the firmware's own list"
    assert _ids(client, query_text="anything", kinds=[1], available_services=["acme"]) == []
    request = pb.QueryMemoryRequest(query_text="anything", tier=pb.MEMORY_TIER_EPISODIC)
    assert not client.query_memory(request).memories
    gateway.tell(delta_of(1, model_version="lexical-384-r1"))
    tv.sync()
    assert _ids(client) == shipped[:20]
    tv.close()
    again = serve(open_tv().brain)
    assert _ids(again) == shipped[:20]
    assert again.get_stats().global_patterns == 3


def test_factors_without_titles_break_nothing(
    tv: Tv, publish_factors: Callable[..., None], open_tv: Callable[..., Tv], titles: list[Content]
) -> None:
    publish_factors([0, 1, 2])
    tv.sync()
    assert set(tv.listed()) <= {content.content_id for content in defaults().popular}
    tv.brain.upsert(titles[:5])
    assert len(tv.listed()) == 5
    tv.close()
    assert len(open_tv().listed()) == 5


def test_one_title_is_listed_until_it_is_seen(
    tv: Tv,
    serve: Callable[[Brain], BrainClient],
    titles: list[Content],
    viewing: Viewing,
    open_tv: Callable[..., Tv],
) -> None:
    client = serve(tv.brain)
    tv.brain.upsert(titles[:1])
    only = titles[0].content_id
    assert _ids(client) == _ids(client, query_text=titles[0].title) == [only]
    tv.brain.observe(viewing(only))
    assert _ids(client) == []
    request = pb.QueryMemoryRequest(query_text=titles[0].title, tier=pb.MEMORY_TIER_EPISODIC)
    (memory,) = client.query_memory(request).memories
    assert memory.content_id == only
    tv.brain.upsert(titles[1:2])
    assert _ids(client) == [titles[1].content_id]
    listed = tv.listed()
    tv.close()
    assert open_tv().listed() == pytest.approx(listed, abs=1e-4)


def test_a_title_at_the_fleets_mean_has_no_direction_to_report(
    tv: Tv, gateway: Gateway, titles: list[Content], viewing: Viewing
) -> None:
    pack = catalogue_of(titles[:4], open_encoder(kind="lexical"))
    as_stored = unit(pack.embeddings.astype(np.float16).astype(np.float32))
    pack = replace(pack, centring_mean=as_stored[0])
    gateway.publish(CATALOGUE, 1, encode_catalogue(pack), pack.model_version)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:4]])
    assert tv.brain.likes == 4
    assert tv.sync().pushed_sketches == 3
    assert tv.sync().pushed_sketches == 0
    assert len(gateway.sketches) == 3


@pytest.mark.parametrize("watched", [0, 4])
def test_pages_end_where_the_list_ends(
    watched: int, brain: Brain, client: BrainClient, titles: list[Content], viewing: Viewing
) -> None:
    for title in titles[:watched]:
        brain.observe(viewing(title.content_id))
    left = len(titles) - watched
    whole = _ids(client, limit=100) + _ids(client, limit=100, offset=100)
    assert len(whole) == left
    assert _ids(client, limit=30, offset=left - 10) == whole[-10:]
    assert _ids(client, limit=20, offset=left) == []
    assert _ids(client, limit=100, offset=1_000) == []
    with pytest.raises(ServiceError):
        _ids(client, limit=100, offset=1_001)


def test_memories_are_the_nearest_within_the_limit_and_above_the_least_similarity(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Viewing
) -> None:
    for title in (*titles[:12], titles[3]):
        brain.observe(viewing(title.content_id))

    def found(limit: int, least: float) -> list[tuple[str, float]]:
        request = pb.QueryMemoryRequest(
            query_text=titles[3].title,
            limit=limit,
            min_similarity=least,
            tier=pb.MEMORY_TIER_EPISODIC,
        )
        memories = client.query_memory(request).memories
        return [(memory.content_id, memory.similarity) for memory in memories]

    everything = found(100, -1)
    assert len(everything) == 12, "a title that was watched twice is one memory"
    assert everything[0][0] == titles[3].content_id
    assert found(5, -1) == everything[:5]
    least = everything[3][1]
    assert found(100, least) == everything[:4]
    assert found(2, least) == everything[:2]
    assert len(found(0, -1)) == 10
