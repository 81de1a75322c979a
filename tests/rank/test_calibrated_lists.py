"""The head of a list leans to the household's mix of genres, exactly as its definition says."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from omega_core.content import Content, ContentKind
from omega_core.vectors import FloatArray, unit
from omega_core.viewing import ViewingEvent
from omega_rank import Catalogue, History, RankConfig, Ranker
from omega_rank.calibrate import Filling, Mix, even_shares
from omega_rank.measures import calibration, genre_shares
from omega_rank.order import diversify
from omega_testing.ranking import START, make_world

TOLERANCE = 1e-5


def divergence(wanted: list[float], listed: list[list[float]]) -> float:
    """Kullback and Leibler, from the shares of each title, in plain Python."""
    counted = [title for title in listed if any(title)]
    total = 0.0
    for genre, share in enumerate(wanted):
        if share > 0:
            given = sum(title[genre] for title in counted) / max(len(counted), 1)
            total += share * math.log(share / (0.99 * given + 0.01 * share))
    return total


def marginals(
    relevance: FloatArray,
    embeddings: FloatArray,
    weight: float,
    mix: Mix,
    chosen: list[int],
) -> dict[int, float]:
    """What each title that is left would add to a list, straight from the definition."""
    spread = float(relevance.max() - relevance.min()) or 1.0
    shares, wanted = mix.shares.tolist(), mix.wanted.tolist()
    found = {}
    for i in range(len(relevance)):
        if i not in chosen:
            cosine = max(float(embeddings[i] @ embeddings[j]) for j in chosen)
            apart = divergence(wanted, [shares[j] for j in (*chosen, i)])
            scaled = (float(relevance[i]) - float(relevance.min())) / spread
            found[i] = weight * scaled - (1 - weight) * (cosine + mix.weight * apart)
    return found


def random_mix(rng: np.random.Generator, titles: int, genres: int, weight: float) -> Mix:
    carries = (rng.random((titles, genres)) < 0.4).astype(np.float32)
    wanted = rng.random(genres) * (rng.random(genres) < 0.7)
    wanted[0] += 0.1
    return Mix(wanted / wanted.sum(), even_shares(carries), weight)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 12),
    genres=st.integers(1, 5),
    share=st.sampled_from([0.0, 0.3, 0.8]),
    weight=st.sampled_from([0.1, 1.0, 5.0]),
)
def test_each_next_title_is_the_best_by_the_definition(
    seed: int, size: int, genres: int, share: float, weight: float
) -> None:
    rng = np.random.default_rng(seed)
    relevance = np.sort(rng.normal(size=size).astype(np.float32))[::-1].copy()
    embeddings = unit(rng.normal(size=(size, 8)).astype(np.float32))
    mix = random_mix(rng, size, genres, weight)
    whole = diversify(relevance, embeddings, share, size, mix).tolist()
    assert sorted(whole) == list(range(size))
    assert whole[0] == 0
    for place in range(1, size):
        found = marginals(relevance, embeddings, share, mix, whole[:place])
        assert found[whole[place]] >= max(found.values()) - TOLERANCE
    for count in range(size):
        assert diversify(relevance, embeddings, share, count, mix).tolist() == whole[:count]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), genres=st.integers(1, 6))
def test_divergences_of_a_growing_list_are_those_of_the_whole(seed: int, genres: int) -> None:
    rng = np.random.default_rng(seed)
    mix = random_mix(rng, 9, genres, 1.0)
    order = rng.permutation(9).tolist()
    filling = Filling(mix, order[0])
    for place, position in enumerate(order[1:], 1):
        found = filling.divergences().tolist()
        for i in range(9):
            listed = [mix.shares[j].tolist() for j in (*order[:place], i)]
            assert found[i] == pytest.approx(divergence(mix.wanted.tolist(), listed), abs=1e-4)
        filling.add(position)


@pytest.mark.parametrize("without", ["weight", "wanted", "history", "mix"])
def test_without_data_or_weight_the_list_is_that_of_variety_alone(without: str) -> None:
    rng = np.random.default_rng(3)
    relevance = np.sort(rng.normal(size=30).astype(np.float32))[::-1].copy()
    embeddings = unit(rng.normal(size=(30, 8)).astype(np.float32))
    carries = (rng.random((30, 4)) < 0.5).astype(np.float32)
    wanted = np.array([0.4, 0.3, 0.2, 0.1])
    held: tuple[NDArray[np.float64] | None, float] = {
        "weight": (wanted, 0.0),
        "wanted": (np.zeros(4), 1.0),
        "history": (None, 1.0),
        "mix": (None, 0.0),
    }[without]
    assert Mix.of(carries, *held) is None
    plain = diversify(relevance, embeddings, 0.5, 30)
    bent = diversify(relevance, embeddings, 0.5, 30, Mix.of(carries, wanted, 1.0))
    assert plain.tolist() != bent.tolist()
    only = diversify(relevance, embeddings, 1.0, 30, Mix.of(carries, wanted, 1.0))
    assert only.tolist() == list(range(30)), "relevance alone"


def shelf(rng: np.random.Generator) -> Catalogue:
    """Dramas that are much alike, so that they come first, and comedies that are not."""
    kinds = [("Drama",)] * 40 + [("Comedy",)] * 40
    contents = [
        Content(f"t{i}", f"Title {i}", ContentKind.MOVIE, genres) for i, genres in enumerate(kinds)
    ]
    topic, noise = rng.normal(size=384), rng.normal(size=(80, 384))
    noise[:40] = topic + 0.5 * noise[:40]
    embeddings = unit(noise.astype(np.float32))
    return Catalogue.build(contents, embeddings, np.zeros(384, np.float32))


def test_lists_come_nearer_to_the_households_genres_as_the_weight_grows() -> None:
    rng = np.random.default_rng(2)
    catalogue = shelf(rng)
    watched = [*range(12), *range(40, 46)]
    events = [
        ViewingEvent(f"e{row}", f"t{row}", 0.95, 0.95, START + timedelta(hours=n))
        for n, row in enumerate(rng.permutation(watched).tolist())
    ]
    found = []
    for weight in (0.0, 1.0, 10.0):
        config = RankConfig(calibration_weight=weight, mmr_lambda=0.5)
        history = History.replay(catalogue, events, config)
        titles = Ranker(config).rank(catalogue, None, history, limit=10).titles
        rows = np.array([t.row for t in titles], np.int64)
        found.append(calibration(rows, history))
        again = Ranker(config).rank(catalogue, None, history, limit=10)
        assert again.titles == titles
    assert found[2] <= found[1] <= found[0]
    assert found[2] < 0.05 < found[0]


def test_a_household_without_genres_is_not_calibrated() -> None:
    world = make_world(5, viewings=20)
    without = Catalogue.build(
        [Content(c.content_id, c.title, c.kind, (), c.year) for c in world.contents],
        world.embeddings,
    )
    history = History.replay(without, world.events)
    assert not genre_shares(without, history.query().rows).any()
    lists = [
        Ranker(RankConfig(calibration_weight=weight)).rank(without, None, history, limit=60)
        for weight in (0.0, 5.0)
    ]
    assert lists[0] == lists[1]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), page=st.integers(1, 30), weight=st.sampled_from([0.3, 5.0]))
def test_pages_of_a_calibrated_list_neither_overlap_nor_skip(
    seed: int, page: int, weight: float
) -> None:
    world = make_world(seed, titles=110, viewings=30)
    ranker = Ranker(RankConfig(calibration_weight=weight))

    def rows(limit: int, offset: int = 0) -> list[int]:
        ranking = ranker.rank(
            world.catalogue, world.model, world.history, limit=limit, offset=offset
        )
        return [ranked.row for ranked in ranking.titles]

    whole = rows(200)
    assert sorted(whole) == np.flatnonzero(~world.history.seen).tolist()
    assert [row for offset in range(0, 120, page) for row in rows(page, offset)] == whole


def test_calibration_moves_titles_and_no_scores() -> None:
    world = make_world(11)
    lists = [
        Ranker(RankConfig(calibration_weight=weight)).rank(
            world.catalogue, world.model, world.history, limit=80
        )
        for weight in (0.0, 5.0)
    ]
    plain, bent = ({t.row: (t.score, t.contributions) for t in each.titles} for each in lists)
    assert plain == bent
    assert [t.row for t in lists[0].titles] != [t.row for t in lists[1].titles]
