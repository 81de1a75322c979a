"""Preferences of the circumstances move titles by their genres, within bounds, and say when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.vectors import FloatArray
from omega_core.viewing import PlaybackAction
from omega_rank import RankConfig, Ranker, SessionState, Term
from omega_testing.ranking import START, World, make_world

SILENT = RankConfig(
    local_content_weight=0, local_genre_weight=0, local_nearest_weight=0, season_weight=1
)
NOW = START + timedelta(days=400)


def random_bonus(rng: np.random.Generator, world: World) -> FloatArray:
    return rng.uniform(-1, 1, len(world.catalogue.genres)).astype(np.float32)


def affinity(world: World, bonus: FloatArray, row: int) -> float:
    """Sum over the genres of a title of its share of each x the genre's bonus, held to -1..1."""
    shares = world.catalogue.genre_rows[row].tolist()
    total = sum(share * value for share, value in zip(shares, bonus.tolist(), strict=True))
    return float(min(max(total, -1.0), 1.0))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    viewings=st.integers(0, 30),
    weight=st.sampled_from([0.0, 0.25, 1.0]),
    collective=st.booleans(),
)
def test_the_bonus_is_bounded_and_moves_no_title_past_a_strong_taste(
    seed: int, viewings: int, weight: float, collective: bool
) -> None:
    world = make_world(seed, viewings=viewings)
    rng = np.random.default_rng(seed)
    bonus, model = random_bonus(rng, world), world.model if collective else None
    state = SessionState(world.catalogue)
    for row in rng.integers(0, 80, 6).tolist():
        state.take(row, PlaybackAction.PLAY, NOW - timedelta(minutes=row))
    ranker = Ranker(RankConfig(season_weight=weight, mmr_lambda=1))
    plain = ranker.rank(world.catalogue, model, world.history, limit=200)
    bent = ranker.rank(
        world.catalogue,
        model,
        world.history,
        limit=200,
        genre_bonus=bonus,
        session=state.bias(NOW),
    )
    logits = {t.row: float(np.log(t.score / (1 - t.score))) for t in plain.titles}
    place = {t.row: k for k, t in enumerate(bent.titles)}
    for ranked in bent.titles:
        logit = float(np.log(ranked.score / (1 - ranked.score)))
        session = ranked.contributions[Term.SESSION]
        season = ranked.contributions.get(Term.SEASON, 0.0)
        scale = (session + season) / (logit - logits[ranked.row]) if session + season else 1.0
        assert abs(logit - logits[ranked.row]) <= 0.5 + weight + 1e-3
        if abs(session + season) > 0.1:
            assert season / scale == pytest.approx(
                weight * affinity(world, bonus, ranked.row), abs=1e-2
            )
    for better, first in place.items():
        for worse, second in place.items():
            if logits[better] - logits[worse] > 2 * (0.5 + weight) + 1e-3:
                assert first < second


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), known=st.integers(0, 5))
def test_a_reason_of_the_season_names_a_genre_of_the_title_that_is_wanted_now(
    seed: int, known: int
) -> None:
    world = make_world(seed, viewings=12)
    rng = np.random.default_rng(seed)
    bonus, genres = random_bonus(rng, world), world.catalogue.genres
    occasions = dict.fromkeys(genres[:known], "in December")
    ranking = Ranker(SILENT).rank(
        world.catalogue, None, world.history, limit=60, genre_bonus=bonus, occasions=occasions
    )
    for ranked in ranking.titles:
        carried = dict(zip(genres, world.catalogue.genre_rows[ranked.row], strict=True))
        added = {
            genre: float(carried[genre]) * float(value)
            for genre, value in zip(genres, bonus, strict=True)
            if genre in occasions and carried[genre] * value > 0
        }
        positive = ranked.contributions.get(Term.SEASON, 0.0) > 0
        if added and positive:
            best = max(added, key=lambda genre: added[genre])
            assert ranked.reason_term is Term.SEASON
            assert ranked.reason == f"You often watch {best} in December"
            assert best in world.contents[ranked.row].genres
        else:
            assert ranked.reason_term is not Term.SEASON


def test_without_a_bonus_nothing_is_said_of_a_season() -> None:
    world = make_world(3)
    plain = Ranker().rank(world.catalogue, world.model, world.history, limit=20)
    named = Ranker().rank(
        world.catalogue,
        world.model,
        world.history,
        limit=20,
        occasions=dict.fromkeys(world.catalogue.genres, "in December"),
    )
    assert named == plain
    nothing = np.zeros(len(world.catalogue.genres), np.float32)
    even = Ranker().rank(world.catalogue, world.model, world.history, limit=20, genre_bonus=nothing)
    assert [replace(t, contributions={}) for t in even.titles] == [
        replace(t, contributions={}) for t in plain.titles
    ]


def test_a_bonus_for_other_genres_is_refused() -> None:
    world = make_world(3)
    with pytest.raises(ValueError, match="5 genres"):
        Ranker().rank(
            world.catalogue, None, world.history, limit=1, genre_bonus=np.zeros(4, np.float32)
        )


@pytest.mark.parametrize("value", [1.01, -1.01, np.nan])
def test_a_bonus_out_of_bounds_is_refused(value: float) -> None:
    world = make_world(3)
    bonus = np.full(len(world.catalogue.genres), value, np.float32)
    with pytest.raises(ValueError, match="-1 to 1"):
        Ranker().rank(world.catalogue, None, world.history, limit=1, genre_bonus=bonus)
