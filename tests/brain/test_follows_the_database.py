"""Whatever was added, watched and published, answers use exactly what the database holds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.catalogue_file import read_catalogue
from omega_core.content import Content
from omega_core.viewing import ViewingEvent
from omega_embed import open_encoder
from omega_testing.encoders import TurnedEncoder
from omega_testing.news import catalogue_of

TITLES = read_catalogue(Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl")[:40]
ENCODER = open_encoder(kind="lexical")
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
Change = Callable[[Brain, int], None]

some_titles = st.lists(st.sampled_from(range(len(TITLES))), min_size=1, max_size=8, unique=True)


def _upsert(rows: list[int], told: int) -> Change:
    def change(brain: Brain, _: int) -> None:
        brain.upsert([replace(TITLES[i], year=2_000 + told) for i in rows])

    return change


def _rename(rows: list[int]) -> Change:
    def change(brain: Brain, step: int) -> None:
        brain.upsert([replace(TITLES[i], title=f"Renamed in {step}") for i in rows])

    return change


def _watch(rows: list[int], watched: float) -> Change:
    def change(brain: Brain, step: int) -> None:
        stored = brain.stores.contents.by_ids([TITLES[i].content_id for i in rows])
        for content_id in stored:
            ended = BEGUN + timedelta(minutes=step)
            name = f"{step}-{content_id}"[:64]
            brain.observe(ViewingEvent(name, content_id, watched, watched, ended))

    return change


def _publish(rows: list[int], *, turned: bool) -> Change:
    def change(brain: Brain, step: int) -> None:
        encoder = TurnedEncoder() if turned else ENCODER
        contents = [TITLES[i] for i in sorted(rows)]
        brain.apply_catalogue(catalogue_of(contents, encoder, step + 1, ordinals=sorted(rows)))

    return change


changes = st.lists(
    st.one_of(
        st.builds(_upsert, some_titles, st.integers(0, 9)),
        st.builds(_rename, some_titles),
        st.builds(_watch, some_titles, st.sampled_from([0.1, 0.65, 0.95])),
        st.builds(_publish, some_titles, turned=st.booleans()),
    ),
    min_size=1,
    max_size=8,
)


def _stored(brain: Brain) -> list[Content]:
    return [row.content for row in brain.stores.contents.all_rows()]


def _scores(brain: Brain, query_text: str = "") -> dict[str, float]:
    """The whole list. Its order may differ where equal titles differ by the noise of float32."""
    answer = brain.recommend(RecommendQuery(limit=100, query_text=query_text))
    scores = [title.score for title in answer.titles]
    return dict(zip(answer.content_ids, scores, strict=True))


@settings(max_examples=12, deadline=None)
@example([_upsert([0, 1, 2], 0), _upsert(list(range(3, 20)), 0), _watch([1, 7], 0.95)])
@given(changes)
def test_a_fresh_start_answers_what_the_running_brain_answers(made: list[Change]) -> None:
    with tempfile.TemporaryDirectory() as root:
        config = BrainConfig(
            storage_path=Path(root) / "tv", encoder="lexical", recommend_timeout_ms=10_000
        )
        brain = Brain(config, encoder=ENCODER)
        for step, change in enumerate(made):
            change(brain, step)
        stored, liked = _stored(brain), brain.liked_titles()
        listed, near = _scores(brain), _scores(brain, TITLES[3].title)
        brain.close()
        fresh = Brain(config, encoder=ENCODER)
        assert _stored(fresh) == stored
        assert _scores(fresh) == pytest.approx(listed, abs=1e-4)
        assert _scores(fresh, TITLES[3].title) == pytest.approx(near, abs=1e-4)
        assert [title.rowid for title in fresh.liked_titles()] == [t.rowid for t in liked]
        for now, then in zip(fresh.liked_titles(), liked, strict=True):
            np.testing.assert_allclose(now.centred, then.centred, atol=1e-6)
            assert (now.success_rate, now.viewings) == (then.success_rate, then.viewings)
        fresh.close()
