"""A TV that loses its sentence model ranks on by the vectors it has, and says what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_core.errors import ErrorCode
from omega_core.viewing import ViewingEvent
from omega_delta import content_to_proto
from omega_embed import LexicalEncoder
from omega_embed.recipe import MINILM
from omega_embed.store import model_dir
from omega_runtime import Mode
from omega_testing.encoders import TurnedEncoder

LOST = "turned-384-r1"


@pytest.fixture
def lost(config: BrainConfig, tmp_path: Path) -> BrainConfig:
    """Settings of a TV whose model is nowhere."""
    return replace(config, encoder="auto", cache_dir=tmp_path / "no-models")


def _stock(
    config: BrainConfig, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    with Brain(config, encoder=TurnedEncoder(LOST)) as brain:
        brain.upsert(titles)
        for title in titles[:5]:
            brain.observe(viewing(title.content_id))


def test_it_serves_its_stored_vectors_and_refuses_new_texts_only(
    lost: BrainConfig,
    titles: list[Content],
    viewing: Callable[..., ViewingEvent],
    serve: Callable[[Brain], BrainClient],
) -> None:
    _stock(lost, titles, viewing)
    with Brain(lost, encoder=TurnedEncoder(LOST)) as whole:
        expected = whole.recommend(RecommendQuery()).content_ids
    with Brain(lost) as brain:
        client = serve(brain)
        stats = client.get_stats()
        encoder = next(part for part in stats.parts if part.name == "encoder")
        assert (stats.mode, encoder.mode, encoder.score) == (
            pb.MODE_DEGRADED,
            pb.MODE_UNHEALTHY,
            0,
        )
        assert "not installed" in encoder.last_error
        assert (stats.model_version, stats.contents, stats.events) == (LOST, len(titles), 5)
        assert brain.recommend(RecommendQuery()).content_ids == expected
        by_words = brain.recommend(RecommendQuery(query_text=titles[9].title))
        assert by_words.mode is not Mode.HEALTHY
        assert titles[9].content_id in by_words.content_ids

        def upsert(content: Content) -> pb.UpsertContentsResponse:
            return client.upsert_contents(
                pb.UpsertContentsRequest(contents=[content_to_proto(content)])
            )

        assert upsert(titles[3]).unchanged == 1
        assert upsert(replace(titles[3], minimum_age=18)).updated == 1, "its text is the same"
        with pytest.raises(ServiceError) as caught:
            upsert(replace(titles[3], description="Of which nobody has heard."))
        assert caught.value.reason == ErrorCode.MODEL_UNAVAILABLE
        with pytest.raises(ServiceError) as caught:
            client.query_memory(pb.QueryMemoryRequest(query_text="something sad"))
        assert caught.value.reason == ErrorCode.MODEL_UNAVAILABLE
        assert brain.observe(viewing(titles[7].content_id)).recorded


def test_the_next_start_with_the_model_heals_it(
    lost: BrainConfig, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    _stock(lost, titles, viewing)
    with Brain(lost):
        pass
    with Brain(lost, encoder=TurnedEncoder(LOST)) as brain:
        assert brain.runtime.mode is Mode.HEALTHY
        answer = brain.recommend(RecommendQuery(query_text=titles[9].title, limit=50))
        assert answer.mode is Mode.HEALTHY
        assert titles[9].content_id in answer.content_ids
        assert not brain.persistence.contents.stale(LOST, 1), "no vector was made anew"


def test_one_that_died_between_two_encoders_goes_on_by_spelling(
    lost: BrainConfig, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    _stock(lost, titles[:20], viewing)
    with Brain(lost, encoder=TurnedEncoder(LOST)) as brain:
        contents = brain.persistence.contents
        rows = contents.stale("none", 5)
        vectors = LexicalEncoder().encode([row.content.title for row in rows])
        rowids, _ = contents.matrix(LOST)
        contents.set_embeddings(rowids[:5], vectors, LexicalEncoder.model_version)
        assert contents.model_versions() == {LexicalEncoder.model_version: 5, LOST: 15}
    with Brain(lost) as brain:
        assert brain.model_version == LexicalEncoder.model_version
        assert brain.persistence.contents.model_versions() == {brain.model_version: 20}
        assert (brain.runtime.mode, brain.persistence.events.count()) == (Mode.HEALTHY, 5)


def test_a_damaged_install_does_not_stop_a_brain_of_lexical_vectors(
    lost: BrainConfig, stocked_storage: Path
) -> None:
    shutil.copytree(stocked_storage, lost.storage_path)
    assert lost.cache_dir is not None
    install = model_dir(lost.cache_dir, MINILM.model_version)
    install.mkdir(parents=True)
    (install / "manifest.json").write_text("{")
    with Brain(lost) as brain:
        assert brain.model_version == LexicalEncoder.model_version
        assert brain.recommend(RecommendQuery()).mode is Mode.HEALTHY
