"""Edges at which sums, spreads and norms vanish: answers stay finite and complete."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from omega_core.content import Content, ContentKind
from omega_core.errors import OmegaError
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingEvent
from omega_rank import Catalogue, CollectiveModel, Factors, History, RankConfig, Ranker, Ranking
from omega_testing.ranking import random_embeddings, random_factors, random_patterns


def titles(count: int, genres: tuple[str, ...] = ()) -> list[Content]:
    return [Content(f"t{i}", f"Title {i}", ContentKind.MOVIE, genres) for i in range(count)]


def watch(catalogue: Catalogue, *rows: int, share: float = 0.9) -> History:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    return History.replay(
        catalogue, [ViewingEvent(f"e{row}", f"t{row}", share, share, now) for row in rows]
    )


def models(catalogue: Catalogue) -> list[CollectiveModel | None]:
    n = len(catalogue)
    rng = np.random.default_rng(0)
    patterns = CollectiveModel.build(catalogue, None, random_patterns(rng, 3))
    if not n:
        return [None, patterns]
    zero = Factors(
        np.arange(n),
        np.zeros((n, 4), np.int8),
        np.zeros(4, np.float32),
        np.ones(n, np.float32),
        np.zeros(n, np.float32),
    )
    one = CollectiveModel.build(catalogue, random_factors(rng, [0]))
    return [None, patterns, CollectiveModel.build(catalogue, zero), one]


def check(catalogue: Catalogue, history: History) -> None:
    for model in models(catalogue):
        ranking = Ranker().rank(catalogue, model, history, limit=100)
        assert len(ranking.titles) == np.count_nonzero(~history.seen)
        assert_finite(ranking)


def assert_finite(ranking: Ranking) -> None:
    for ranked in ranking.titles:
        assert 0 < ranked.score < 1
        assert all(np.isfinite(v) for v in ranked.contributions.values())
        assert ranked.reason


def embeddings(kind: str, count: int) -> FloatArray:
    if kind == "random":
        return random_embeddings(np.random.default_rng(0), count)
    one = random_embeddings(np.random.default_rng(0), 1)
    return np.repeat(one, count, axis=0) if kind == "equal" else np.zeros((count, 384), np.float32)


@pytest.mark.parametrize("kind", ["random", "equal", "zero"])
@pytest.mark.parametrize("genres", [(), ("Drama",)])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 60])
def test_any_catalogue_and_any_history_give_a_finite_list(
    count: int, genres: tuple[str, ...], kind: str
) -> None:
    catalogue = Catalogue.build(
        titles(count, genres), embeddings(kind, count), ordinals=range(count)
    )
    check(catalogue, History(catalogue))
    for seen in {min(1, count), count // 2, max(0, count - 1), count}:
        for share in (0.9, 0.6, 0.1):
            check(catalogue, watch(catalogue, *range(seen), share=share))


def test_offset_past_the_end_is_an_empty_page() -> None:
    catalogue = Catalogue.build(titles(3), embeddings("random", 3))
    for offset in (3, 49, 50, 1_000):
        ranking = Ranker().rank(catalogue, None, watch(catalogue, 0), limit=5, offset=offset)
        assert ranking.titles == ()


def test_silent_weights_give_a_list_without_claims() -> None:
    config = RankConfig(local_content_weight=0, local_genre_weight=0, local_nearest_weight=0)
    catalogue = Catalogue.build(titles(5, ("Drama",)), embeddings("random", 5))
    ranking = Ranker(config).rank(catalogue, None, watch(catalogue, 0), limit=5)
    assert [(t.score, t.reason) for t in ranking.titles] == [(0.5, "Drama")] * 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("half_life", 0),
        ("seen_weight", 1.5),
        ("opinion_reward", -0.1),
        ("content_weight", float("nan")),
        ("prior_weight", -1),
        ("pattern_weight", 11),
        ("prior_half_life", 0),
        ("context_boost", 0.9),
        ("context_weight", 1.1),
        ("misery_weight", -0.1),
        ("calibration_weight", -0.1),
        ("calibration_weight", float("inf")),
        ("mmr_lambda", 1.1),
        ("mmr_window", 0),
        ("session_weight", 1.1),
        ("season_weight", -0.1),
    ],
)
def test_a_setting_out_of_bounds_is_named(name: str, value: float) -> None:
    with pytest.raises(OmegaError) as refused:
        RankConfig(**{name: value})  # type: ignore[arg-type]  # one numeric field
    assert refused.value.field == name


def test_settings_are_swapped_without_touching_the_ranker_that_has_them() -> None:
    ranker = Ranker()
    tuned = RankConfig(session_weight=0.1, mmr_window=7)
    assert ranker.with_config(tuned).config == tuned
    assert ranker.config == RankConfig()
