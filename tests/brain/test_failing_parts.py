"""A part that fails or hangs costs quality, never an answer, and health says which it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_agentdb.port import VectorIndex
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.heartbeat import QUIET_SECONDS, Heartbeat
from omega_client import BrainClient, ServiceError
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_embed import Encoder
from omega_runtime import Mode, Part, State, Status, Why
from omega_runtime.event_types import AnswerDegraded, BreakerChanged, HealthChanged
from omega_testing.encoders import FailingEncoder, HangingEncoder
from omega_testing.indexes import FailingIndex

Start = Callable[..., Brain]
BREAK = timedelta(seconds=61)


@pytest.fixture
def start(config: BrainConfig, stocked_storage: Path, clock: ManualClock) -> Iterator[Start]:
    """start(encoder=..., **settings): a brain that holds the titles."""
    with ExitStack() as stack:

        def opened(encoder: Encoder | None = None, **settings: object) -> Brain:
            shutil.copytree(stocked_storage, config.storage_path)
            brain = Brain(replace(config, **settings), clock=clock, encoder=encoder)  # type: ignore[arg-type]  # settings by name
            stack.callback(brain.close)
            return brain

        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


def status(brain: Brain, part: Part) -> Status:
    return next(each.status for each in brain.runtime.health.parts if each.name == part)


def falls(brain: Brain) -> list[str]:
    return [why for p in brain.runtime.events.recent(AnswerDegraded) for _, why in p.event.falls]  # type: ignore[attr-defined]  # of that type


def beat_until_well(brain: Brain, heartbeat: Heartbeat, clock: ManualClock) -> None:
    while any(part.status is not Status.HEALTHY for part in brain.runtime.health.parts):
        clock.advance(timedelta(seconds=30))
        for job in heartbeat.beat():
            assert job.wait(timedelta(seconds=30))


def test_an_encoder_that_fails_is_left_alone_and_comes_back(
    start: Start, titles: list[Content], clock: ManualClock
) -> None:
    encoder = FailingEncoder()
    brain = start(encoder)
    encoder.broken = True
    for number in range(8):
        words = titles[number].title
        answer = brain.recommend(RecommendQuery(query_text=words))
        assert answer.mode is not Mode.HEALTHY
        assert titles[number].content_id in answer.content_ids, "by its words"
    assert brain.recommend(RecommendQuery()).mode is Mode.HEALTHY, "it needs no encoder"
    assert (status(brain, Part.ENCODER), brain.runtime.mode) == (Status.UNHEALTHY, Mode.DEGRADED)
    assert brain.runtime.breaker(Part.ENCODER) is State.OPEN
    assert falls(brain).count(Why.OPEN) == 3, "five failures open it"
    assert brain.runtime.events.recent(HealthChanged)
    assert brain.runtime.events.recent(BreakerChanged)
    with pytest.raises(OmegaError) as caught:
        brain.upsert([replace(titles[0], description="New words.")])
    assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE
    assert brain.upsert(titles[:5]).unchanged == 5, "known texts need no encoder"

    encoder.broken = False
    heartbeat = Heartbeat(brain)
    beat_until_well(brain, heartbeat, clock)
    heartbeat.close()
    assert (brain.runtime.mode, brain.runtime.breaker(Part.ENCODER)) == (Mode.HEALTHY, State.CLOSED)
    answer = brain.recommend(RecommendQuery(query_text=titles[9].title))
    assert answer.mode is Mode.HEALTHY


def test_an_encoder_that_hangs_takes_the_time_of_its_own_requests_only(
    start: Start, titles: list[Content], clock: ManualClock
) -> None:
    encoder = HangingEncoder()
    brain = start(encoder, recommend_timeout_ms=400)
    encoder.hold()
    with ThreadPoolExecutor(12) as pool:
        texts = [RecommendQuery(query_text=f"{title.title} again") for title in titles[:12]]
        answers = list(pool.map(brain.recommend, texts))
        assert {answer.mode for answer in answers} <= {Mode.DEGRADED, Mode.UNHEALTHY}
        for _ in range(5):
            plain = brain.recommend(RecommendQuery())
            assert len(plain.titles) == 20
    # The pipeline's own threads are free: only the encoder's hang.
    assert brain.recommend(RecommendQuery()).mode is Mode.HEALTHY
    heartbeat = Heartbeat(brain)
    clock.advance(timedelta(seconds=QUIET_SECONDS))
    for _ in range(7):
        for job in heartbeat.beat():
            job.wait(timedelta(seconds=2))
    assert status(brain, Part.ENCODER) is Status.UNHEALTHY
    assert brain.runtime.breaker(Part.ENCODER) is State.OPEN
    assert status(brain, Part.RANKER) is Status.HEALTHY
    encoder.release()
    beat_until_well(brain, heartbeat, clock)
    heartbeat.close()
    assert brain.recommend(RecommendQuery(query_text="after the night")).mode is Mode.HEALTHY


def test_a_text_that_came_too_late_is_known_the_next_time(
    start: Start, titles: list[Content]
) -> None:
    encoder = HangingEncoder()
    brain = start(encoder, recommend_timeout_ms=300)
    query = RecommendQuery(query_text=titles[3].title, limit=50)
    encoder.hold()
    assert brain.recommend(query).mode is not Mode.HEALTHY
    encoder.release()
    while brain._texts.known(titles[3].title) is None:
        pass
    encoder.hold()
    answer = brain.recommend(query)
    encoder.release()
    assert answer.mode is Mode.HEALTHY
    assert titles[3].content_id in answer.content_ids


def test_an_index_that_fails_is_replaced_by_comparison_and_catches_up(
    start: Start, titles: list[Content], clock: ManualClock
) -> None:
    brain = start()
    index = FailingIndex()
    whole: VectorIndex = brain.index.vectors
    index.add(whole.ids(), whole.vectors(whole.ids()))
    brain.index.vectors = index
    index.broken = True
    query = RecommendQuery(query_text=titles[9].title, limit=50)
    brain.observe(ViewingEvent("e", titles[0].content_id, 0.9, 0.9, clock.now()))
    for number in range(5):
        assert brain.recommend(query).mode is not Mode.HEALTHY
        brain.upsert([Content(f"new:{number}", f"{titles[9].title} {number}", titles[9].kind)])
    assert status(brain, Part.INDEX) is Status.UNHEALTHY
    assert {f"new:{number}" for number in range(5)} <= set(brain.recommend(query).content_ids)
    brain.backup()
    index.broken = False
    heartbeat = Heartbeat(brain)
    beat_until_well(brain, heartbeat, clock)
    heartbeat.close()
    answer = brain.recommend(query)
    assert answer.mode is Mode.HEALTHY
    assert {f"new:{number}" for number in range(5)} <= set(answer.content_ids)


def test_without_its_database_a_brain_answers_and_says_how_it_is(
    start: Start, serve: Callable[[Brain], BrainClient], titles: list[Content]
) -> None:
    brain = start()
    client = serve(brain)
    page = client.get_recommendations(pb.GetRecommendationsRequest(limit=10))
    brain.persistence.database.close()
    following = client.get_recommendations(
        pb.GetRecommendationsRequest(limit=10, cursor=page.recommendation_id)
    )
    ids = {each.content_id for each in page.recommendations}
    assert following.mode == pb.MODE_HEALTHY
    assert ids.isdisjoint(each.content_id for each in following.recommendations)
    for _ in range(6):
        anew = client.get_recommendations(
            pb.GetRecommendationsRequest(cursor="0" * 8 + "-0000-4000-8000-" + "0" * 12)
        )
        assert (anew.mode, len(anew.recommendations)) == (pb.MODE_DEGRADED, 20)
    with pytest.raises(ServiceError) as caught:
        client.observe_event(
            pb.ObserveEventRequest(
                event_id="e", content_id=titles[0].content_id, watch_percentage=0.9
            )
        )
    assert caught.value.reason == ErrorCode.STORAGE_UNAVAILABLE
    stats = client.get_stats()
    store = next(part for part in stats.parts if part.name == "store")
    assert (stats.mode, store.mode, store.breaker) == (
        pb.MODE_UNHEALTHY,
        pb.MODE_UNHEALTHY,
        "open",
    )
    assert "OmegaError" in store.last_error
    assert stats.contents == 0, "not known"
    assert stats.model_version == brain.model_version
    assert len(client.get_recommendations(pb.GetRecommendationsRequest()).recommendations) == 20


def test_pages_go_on_where_a_full_disk_took_the_first_one(start: Start) -> None:
    brain = start()
    with brain.persistence.database.read() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(600):
        brain.recommend(RecommendQuery(limit=100))
    last = brain.recommend(RecommendQuery(limit=10))
    with pytest.raises(OmegaError) as caught:
        brain.persistence.recommendations.flush()
    assert caught.value.code is ErrorCode.STORAGE_FULL
    second = brain.recommend(RecommendQuery(limit=10, cursor=last.recommendation_id))
    assert set(last.content_ids).isdisjoint(second.content_ids)
    assert second.mode is Mode.HEALTHY


def test_nothing_is_stale_for_nothing(start: Start, clock: ManualClock) -> None:
    brain = start()
    heartbeat = Heartbeat(brain)
    for _ in range(10):
        clock.advance(BREAK)
        for job in heartbeat.beat():
            assert job.wait(timedelta(seconds=30))
        assert {part.status for part in brain.runtime.health.parts} == {Status.HEALTHY}
    heartbeat.close()
    clock.advance(timedelta(minutes=6))
    assert {part.status for part in brain.runtime.health.parts} == {Status.STALE}
