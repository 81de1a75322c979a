"""The ranker under the protocol, on tastes whose structure is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from omega_core.content import Content, ContentKind
from omega_core.vectors import unit
from omega_core.viewing import ViewingEvent
from omega_eval.baselines import Interactions, ease, popularity
from omega_eval.evaluate import held_out_rows, rank_all
from omega_eval.household import Household
from omega_eval.metrics import RowArray, score
from omega_eval.split import SplitHousehold, split
from omega_rank import Catalogue, CollectiveModel, Factors, History, RankConfig, Ranker

TITLES, GROUPS, HOUSEHOLDS, VIEWED = 160, 8, 90, 20
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """Titles whose embeddings say little of the group that households like together."""
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(GROUPS, 384))
    noise = rng.normal(size=(TITLES, 384))
    embeddings = unit((0.05 * topics[np.arange(TITLES) % GROUPS] + noise).astype(np.float32))
    contents = [Content(f"t{i}", f"Title {i}", ContentKind.MOVIE) for i in range(TITLES)]
    return Catalogue.build(contents, embeddings, None, range(TITLES))


@pytest.fixture(scope="module")
def households() -> tuple[SplitHousehold, ...]:
    """Each likes two groups."""
    rng = np.random.default_rng(1)
    made = []
    for number in range(HOUSEHOLDS):
        groups = rng.choice(GROUPS, 2, replace=False)
        titles = rng.permutation([i for i in range(TITLES) if i % GROUPS in groups])[:VIEWED]
        events = [
            ViewingEvent(f"{number}-{i}", f"t{i}", 1.0, 1.0, START + timedelta(hours=k))
            for k, i in enumerate(titles)
        ]
        made.append(Household(f"synthetic-{number}", tuple(events), synthetic=True))
    made.append(Household("synthetic-quiet", (), synthetic=True))
    return split(made)


def fitted(
    catalogue: Catalogue, data: Interactions, rank: int = 2 * GROUPS, strength: float = 20.0
) -> CollectiveModel:
    """Low-rank EASE of the true matrix, as the fleet would publish it."""
    gram = data.liked.T.astype(np.float64) @ data.liked
    values, vectors = np.linalg.eigh(gram)
    P = np.linalg.inv(gram + strength * np.eye(TITLES))
    kept = values[-rank:]
    Q = vectors[:, -rank:] * np.sqrt(kept / (kept + strength))
    steps = np.abs(Q).max(axis=0) / 127
    pack = Factors(
        np.arange(TITLES),
        np.round(Q / steps).astype(np.int8),
        steps.astype(np.float32),
        (1 / (strength * np.diag(P))).astype(np.float32),
        (data.liked.sum(axis=0) / data.liked.sum()).astype(np.float32),
    )
    return CollectiveModel.build(catalogue, pack)


def ndcg(lists: list[RowArray], households: tuple[SplitHousehold, ...], of: Catalogue) -> float:
    scores = score(lists, held_out_rows(households, of.row_of), TITLES)
    return scores.means()["ndcg_at_10"]


def test_the_fleet_helps_where_likes_carry_what_texts_do_not(
    catalogue: Catalogue, households: tuple[SplitHousehold, ...]
) -> None:
    data = Interactions.of(households, catalogue.row_of)
    model = fitted(catalogue, data)
    collective = ndcg(rank_all(catalogue, model, households), households, catalogue)
    alone = ndcg(rank_all(catalogue, None, households), households, catalogue)
    popular = ndcg(popularity(data), households, catalogue)
    assert collective > 2 * alone
    assert collective > 2 * popular


def test_the_collaborative_term_alone_comes_close_to_the_yardstick(
    catalogue: Catalogue, households: tuple[SplitHousehold, ...]
) -> None:
    data = Interactions.of(households, catalogue.row_of)
    alone = RankConfig(
        half_life=10_000,
        content_weight=0,
        genre_weight=0,
        nearest_weight=0,
        prior_weight=0,
        mmr_lambda=1,
    )
    ranked = rank_all(catalogue, fitted(catalogue, data), households, alone)
    yardstick = ndcg(ease(data, 20), households, catalogue)
    assert ndcg(ranked, households, catalogue) > 0.9 * yardstick


def test_lists_are_what_a_brain_answers_from_the_training_events(
    catalogue: Catalogue, households: tuple[SplitHousehold, ...]
) -> None:
    config = RankConfig(half_life=3, mmr_lambda=0.6)
    lists = rank_all(catalogue, None, households, config)
    for household, rows in zip(households, lists, strict=True):
        if not household.held_out:
            assert rows.tolist() == []
            continue
        history = History(catalogue, config)
        for event in household.train:
            history.observe(event)
        titles = Ranker(config).rank(catalogue, None, history, limit=20).titles
        assert rows.tolist() == [ranked.row for ranked in titles]


def test_households_without_positives_are_not_scored(
    catalogue: Catalogue, households: tuple[SplitHousehold, ...]
) -> None:
    held = held_out_rows(households, catalogue.row_of)
    scores = score(rank_all(catalogue, None, households), held, TITLES)
    assert scores.households.tolist() == list(range(HOUSEHOLDS))
