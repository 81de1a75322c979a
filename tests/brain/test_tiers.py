"""Every tier of memory is written by the brain's own work and answers over the socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_client import BrainClient
from omega_core.content import Content
from omega_core.tuning import (
    Evidence,
    Fitness,
    SettingsState,
    TunedSettings,
    TuningRecord,
)
from omega_core.vectors import pack_f32
from omega_core.viewing import PlaybackAction, ViewingContext, ViewingEvent
from omega_testing.news import delta_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

    from omega_testing.gateway import Gateway

FITNESS = Fitness(0.2, 0.5, 0.5, 0.5, 0.5)


def adopted(brain: Brain, settings: TunedSettings) -> TuningRecord:
    """A setting that won its test."""
    now = brain.clock.now()
    evidence = Evidence(1, now, now, events=40, effect=0.1, p_value=0.001, alpha=0.02)
    return TuningRecord(
        version=0,
        parent=None,
        state=SettingsState.IN_FORCE,
        settings=settings,
        fitness=FITNESS,
        parent_fitness=FITNESS,
        evidence=evidence,
        decided_at=now,
    )


def test_every_tier_answers_queries(
    open_tv: Callable[..., Tv],
    serve: Callable[[Brain], BrainClient],
    titles: list[Content],
    viewing: Callable[..., ViewingEvent],
    publish_catalogue: Callable[..., None],
    publish_factors: Callable[..., None],
    gateway: Gateway,
) -> None:
    tv = open_tv()
    publish_catalogue(titles)
    publish_factors(list(range(40)))
    gateway.tell(delta_of(1, model_version="lexical-384-r1"))
    tv.sync()
    brain, client = tv.brain, serve(tv.brain)
    now = brain.clock.now()
    evening = ViewingContext(time_of_day=3, mood=1)
    genre = "Comedy"
    of_season = [title for title in titles if genre in title.genres]
    others = [title for title in titles if genre not in title.genres]
    brain.observe_all(
        [
            replace(
                viewing(shelf[n % len(shelf)].content_id),
                event_id=f"month-{month}-{n}",
                context=evening,
                occurred_at=now - timedelta(days=30 * month + n),
            )
            for month in range(1, 12)
            for shelf in ([of_season] if month == 5 else [others])
            for n in range(24)
        ]
    )
    brain.recommend(RecommendQuery())
    moment = replace(viewing(titles[60].content_id), action=PlaybackAction.PLAY, occurred_at=now)
    brain.observe(moment)
    brain.stores.settings.adopt(adopted(brain, TunedSettings(genre=2.0)))

    def of(tier: pb.MemoryTier.ValueType, **fields: object) -> list[pb.MemoryEntry]:
        request = pb.QueryMemoryRequest(tier=tier, limit=100, **fields)  # type: ignore[arg-type]  # fields by name
        found = client.query_memory(request).memories
        assert {entry.tier for entry in found} <= {tier}
        return list(found)

    answered: set[int] = set()
    for later in (
        timedelta(),
        timedelta(minutes=31),
        timedelta(days=2),
        timedelta(days=400),
        timedelta(days=3_700),
    ):
        brain.loops.tick(now + later)
        held = {each.tier: each.memories for each in client.get_stats().tiers}
        for tier in pb.MemoryTier.values():
            if tier and of(tier):
                answered.add(tier)
                assert held[tier] > 0
        if later == timedelta(minutes=31):
            assert any("was shown" in entry.text for entry in of(pb.MEMORY_TIER_SESSION))
        if later == timedelta(days=2):
            liked = of(pb.MEMORY_TIER_SEMANTIC, metadata={"genre": genre})
            assert liked
            assert all(entry.metadata["genre"] == genre for entry in liked)
    missing = set(pb.MemoryTier.values()) - answered - {pb.MEMORY_TIER_UNSPECIFIED}
    assert not missing, [pb.MemoryTier.Name(tier) for tier in missing]
    vector = brain.encoder.encode([titles[7].title])[0]
    near = of(pb.MEMORY_TIER_PHYSICAL, embedding=pack_f32(vector))
    assert [entry.similarity for entry in near] == sorted(
        (entry.similarity for entry in near), reverse=True
    )
    assert near[0].similarity == pytest.approx(
        max(float(np.dot(vector, row.embedding)) for row in brain.stores.contents.all_rows()),
        abs=2e-3,
    )


def test_a_recall_counts_and_a_profile_sees_its_own(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    client.put_profile(pb.Profile(profile_id="kid", name="Kim"))
    brain.observe(replace(viewing(titles[0].content_id), profile_id="kid"))
    brain.observe(viewing(titles[1].content_id))
    episodic = pb.MEMORY_TIER_EPISODIC
    own = client.query_memory(pb.QueryMemoryRequest(tier=episodic, profile_id="kid")).memories
    assert [entry.content_id for entry in own] == [titles[0].content_id]
    everybody = client.query_memory(pb.QueryMemoryRequest(tier=episodic)).memories
    assert {entry.content_id for entry in everybody} == {t.content_id for t in titles[:2]}
