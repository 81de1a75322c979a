"""What is stored and not yet ranked, as other threads and later calls find it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omega_agentdb.hnsw import HnswIndex
from omega_brain import facts
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.state import FACTORS
from omega_core.content import Content, ContentKind, embedding_text
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_delta import encode_factors
from omega_persistence.contents import StoredContent
from omega_persistence.patterns import StoredPattern
from omega_persistence.resources import ResourceKey
from omega_rank.kinds import Basis
from omega_testing.news import catalogue_of, factors_of

Viewing = Callable[..., ViewingEvent]
FRESH = Content("local:new", "A zebra crosses the quay", ContentKind.MOVIE)


def _store(brain: Brain, content: Content, ordinal: int | None = None) -> None:
    """The first half of an upsert."""
    brain.stores.contents.upsert(
        [
            StoredContent(
                content=content,
                embedding=brain.encoder.encode([embedding_text(content)])[0],
                model_version=brain.model_version,
                ordinal=ordinal,
            )
        ]
    )


def _basis(brain: Brain) -> Basis:
    return brain.recommend(RecommendQuery()).basis


def test_a_title_that_is_not_ranked_yet_cannot_be_watched_yet(
    brain: Brain, viewing: Viewing
) -> None:
    _store(brain, FRESH)
    event = viewing(FRESH.content_id)
    with pytest.raises(OmegaError) as caught:
        brain.observe(event)
    assert caught.value.code == ErrorCode.UNKNOWN_CONTENT
    assert brain.stores.events.count() == 0
    assert brain.upsert([FRESH]).unchanged == 1
    assert brain.observe(event).recorded
    assert not brain.observe(event).recorded
    assert brain.likes == 1


def test_a_repeated_event_is_a_duplicate_whatever_it_names(
    brain: Brain, titles: list[Content], viewing: Viewing
) -> None:
    event = viewing(titles[0].content_id)
    assert brain.observe(event).recorded
    assert not brain.observe(replace(event, content_id="movie:none")).recorded
    assert brain.stores.events.count() == 1


def test_an_index_that_knows_more_than_the_ranking_is_no_error(brain: Brain) -> None:
    _store(brain, FRESH)
    brain.index.follow()
    query = RecommendQuery(query_text=FRESH.title, limit=60)
    before = brain.recommend(query).content_ids
    assert FRESH.content_id not in before
    assert len(before) == 49, "the 50 nearest without the one that is not ranked"
    brain.refresh()
    assert FRESH.content_id in brain.recommend(query).content_ids


def test_titles_whose_upsert_broke_off_are_taken_up_by_the_next_call(
    brain: Brain, titles: list[Content]
) -> None:
    _store(brain, FRESH)
    brain.upsert([replace(titles[0], year=2_001)])
    only = RecommendQuery(content_ids=(FRESH.content_id,))
    assert brain.recommend(only).content_ids == [FRESH.content_id]


def test_news_that_broke_off_before_they_ranked_are_taken_up(
    brain: Brain, titles: list[Content]
) -> None:
    assert _basis(brain) is Basis.METADATA
    direction = np.zeros(384, np.float32)
    direction[3] = 1
    brain.stores.patterns.apply_delta(
        base_version=0,
        version=4,
        patterns=[StoredPattern(1, direction, 0.9, 4, 1.0)],
        removed_ids=[],
        model_version=brain.model_version,
    )
    brain.refresh()
    assert _basis(brain) is Basis.COLLECTIVE_PRIOR
    pack = catalogue_of(titles, brain.encoder)
    with brain.stores.database.transaction():
        for ordinal, title in enumerate(titles):
            _store(brain, title, ordinal)
        facts.note_catalogue(brain.stores.meta, 1, pack.centring_mean, pack.model_version)
    assert brain.liked_titles() == []
    body = encode_factors(factors_of(range(50), model_version=brain.model_version))
    sha256 = hashlib.sha256(body).digest()
    key = ResourceKey(FACTORS, 1, len(body), sha256, brain.model_version)
    brain.stores.resources.store(key, body)
    before = brain.recommend(RecommendQuery()).content_ids
    brain.refresh()
    assert brain.factors_version == 1
    assert brain.recommend(RecommendQuery()).content_ids != before


def test_an_index_keeps_the_vectors_of_titles_that_changed_in_other_things(
    brain: Brain, titles: list[Content], tmp_path: Path
) -> None:
    """A catalogue that gives known titles their ordinals leaves no dead slot behind."""
    brain.apply_catalogue(catalogue_of(titles, brain.encoder))
    brain.upsert([replace(title, country="Atlantis") for title in titles])
    index = brain.index.vectors
    assert isinstance(index, HnswIndex)
    assert index.export(tmp_path / "graph", tmp_path / "rows")[0] == len(titles)
    brain.upsert([replace(titles[0], title="Another name")])
    assert index.export(tmp_path / "graph", tmp_path / "rows")[0] == len(titles) + 1
    query = RecommendQuery(query_text="Another name", limit=50)
    assert titles[0].content_id in brain.recommend(query).content_ids
