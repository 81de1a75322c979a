"""Each reason is held to its definition by sums that share no code with the ranker."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.content import Content, ContentKind
from omega_core.vectors import unit
from omega_core.viewing import ViewingEvent
from omega_rank import Basis, Catalogue, History, RankConfig, Ranked, Ranker, Term
from omega_testing.ranking import World, make_world

TOLERANCE = 2e-4
CONFIG = RankConfig()
SILENT = RankConfig(
    collaborative_weight=0, content_weight=0, genre_weight=0, nearest_weight=0, prior_weight=0
)


def opinions(world: World) -> dict[int, float]:
    """Weight of each title by the definition: decay x opinion, in plain Python."""
    last: dict[int, tuple[object, int]] = {}
    outcomes: dict[int, list[tuple[bool, float]]] = {}
    for arrival, event in enumerate(world.events):
        row = world.catalogue.row_of[event.content_id]
        key = (event.occurred_at, arrival)
        last[row] = max(last.get(row, key), key)
        outcomes.setdefault(row, []).append((event.success, event.reward))
    weights = {}
    for rank, row in enumerate(sorted(last, key=lambda r: last[r], reverse=True)):
        if is_liked(outcomes[row]):
            opinion = 1.0
        elif max(reward for _, reward in outcomes[row]) >= CONFIG.opinion_reward:
            opinion = CONFIG.seen_weight
        else:
            opinion = 0.0
        weights[row] = opinion * 0.5 ** (rank / CONFIG.half_life)
    return weights


def is_liked(outcomes: list[tuple[bool, float]]) -> bool:
    return sum(success for success, _ in outcomes) * 2 >= len(outcomes)


def liked_rows(world: World) -> list[int]:
    outcomes: dict[int, list[tuple[bool, float]]] = {}
    for event in world.events:
        row = world.catalogue.row_of[event.content_id]
        outcomes.setdefault(row, []).append((event.success, event.reward))
    return [row for row, found in outcomes.items() if is_liked(found)]


def evidence(world: World, term: Term, row: int, weights: dict[int, float]) -> dict[int, float]:
    """What each title of the history adds to `term` for the title at `row`."""
    e = world.catalogue.embeddings.astype(np.float64)
    if term is Term.NEAREST:
        return {j: float(e[j] @ e[row]) for j in liked_rows(world)}
    if term is Term.GENRE:
        g = world.catalogue.genre_rows.astype(np.float64)
        return {j: w * float(g[j] @ g[row]) for j, w in weights.items()}
    if term is Term.CONTENT:
        return {j: w * float(e[j] @ e[row]) for j, w in weights.items()}
    row_of = {o: r for r, o in enumerate(world.catalogue.ordinals.tolist())}
    at = {row_of[o]: k for k, o in enumerate(world.factors.ordinals.tolist())}
    q = world.factors.factors.astype(np.float64) * world.factors.steps
    if row in at:
        target = world.factors.gains[at[row]] * q[at[row]]
    else:
        target = world.model.score_factors[row].astype(np.float64)
    return {j: w * float(q[at[j]] @ target) if j in at else 0.0 for j, w in weights.items()}


def raw_terms(
    world: World, weights: dict[int, float], *, collective: bool
) -> dict[Term, list[float]]:
    """Each term of every title before standardising."""
    rows = range(len(world.catalogue))
    terms = [Term.CONTENT, Term.GENRE] + ([Term.COLLABORATIVE] if collective else [])
    raw = {t: [sum(evidence(world, t, i, weights).values()) for i in rows] for t in terms}
    nearest = []
    for i in rows:
        best = sorted(evidence(world, Term.NEAREST, i, weights).values())[-3:]
        nearest.append(sum(best) / len(best) if best else 0.0)
    raw[Term.NEAREST] = nearest
    if collective:
        raw[Term.PRIOR] = world.model.log_prior.tolist()
    return raw


def expected_contributions(world: World, *, collective: bool) -> dict[Term, np.ndarray]:
    weights = opinions(world)
    scale = {
        Term.COLLABORATIVE: CONFIG.collaborative_weight,
        Term.CONTENT: CONFIG.content_weight if collective else CONFIG.local_content_weight,
        Term.GENRE: CONFIG.genre_weight if collective else CONFIG.local_genre_weight,
        Term.NEAREST: CONFIG.nearest_weight if collective else CONFIG.local_nearest_weight,
        Term.PRIOR: CONFIG.prior_weight * 0.5 ** (len(liked_rows(world)) / CONFIG.prior_half_life),
    }
    unseen = [i for i in range(len(world.catalogue)) if i not in weights]
    found = {}
    for term, values in raw_terms(world, weights, collective=collective).items():
        array = np.array(values, np.float64)
        spread = array[unseen].std()
        found[term] = scale[term] * (array - array[unseen].mean()) / (spread if spread > 0 else 1)
    return found


def check_names(world: World, ranked: Ranked, weights: dict[int, float]) -> None:
    """The named titles are those of the history that add most to the term, and they add."""
    found = evidence(world, ranked.reason_term, ranked.row, weights)
    if ranked.reason_term is not Term.NEAREST:
        assert all(weights[row] > 0 for row in ranked.because)
    strongest = sorted(found.values(), reverse=True)
    named = [found[row] for row in ranked.because]
    assert all(value > 0 for value in named)
    assert named[0] == pytest.approx(strongest[0], abs=TOLERANCE)
    if len(named) > 1:
        assert named[1] == pytest.approx(strongest[1], abs=TOLERANCE)
    for row in ranked.because:
        assert world.catalogue.titles[row] in ranked.reason
    if ranked.reason_term is not Term.GENRE and len(strongest) > 1:
        # A second title is named when it adds at least a quarter of what the first one does.
        beyond = strongest[1] - strongest[0] / 4
        assert len(ranked.because) == 1 + (beyond > 0) or abs(beyond) < TOLERANCE


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    viewings=st.integers(1, 40),
    collective=st.booleans(),
    offset=st.sampled_from([0, 0, 5, 30]),
)
def test_reason_names_the_titles_that_carry_one_of_the_two_largest_terms(
    seed: int, viewings: int, collective: bool, offset: int
) -> None:
    world = make_world(seed, titles=60, viewings=viewings)
    model = world.model if collective else None
    ranking = Ranker(CONFIG).rank(world.catalogue, model, world.history, limit=20, offset=offset)
    weights = opinions(world)
    if not any(weights.values()):
        assert ranking.basis is not Basis.PERSONAL
        return
    expected = expected_contributions(world, collective=collective)
    for ranked in ranking.titles:
        for term, value in ranked.contributions.items():
            assert value == pytest.approx(expected[term][ranked.row], abs=5e-3)
        if ranked.reason_term is Term.METADATA:
            assert ranked.because == ()
            continue
        ordered = sorted(ranked.contributions.values(), reverse=True)
        assert ranked.contributions[ranked.reason_term] >= ordered[1]
        assert ranked.contributions[ranked.reason_term] > 0
        if ranked.reason_term is not Term.PRIOR:
            check_names(world, ranked, weights)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_genre_reason_names_genres_that_all_its_titles_share(seed: int) -> None:
    world = make_world(seed, viewings=20)
    only_genre = RankConfig(
        local_content_weight=0, local_nearest_weight=0, local_genre_weight=1, mmr_lambda=1
    )
    ranking = Ranker(only_genre).rank(world.catalogue, None, world.history, limit=10)
    for ranked in ranking.titles:
        if ranked.reason_term is not Term.GENRE:
            continue
        named = ranked.reason.rpartition(": more ")[2].split(" and ")
        for row in (ranked.row, *ranked.because):
            assert set(named) <= set(world.contents[row].genres)


@pytest.mark.parametrize(
    ("config", "wording"),
    [
        (
            replace(SILENT, collaborative_weight=1),
            r"Because you watched Title \d+.*: households that liked (it|them) also liked ",
        ),
        (replace(SILENT, content_weight=1), r"Because you watched Title \d+( and Title \d+)?\Z"),
        (replace(SILENT, genre_weight=1), r"Because you watched Title \d+.*: more \w+"),
        (
            replace(SILENT, nearest_weight=1),
            r"Because you watched Title \d+.*: much like (it|them)\Z",
        ),
        (replace(SILENT, prior_weight=1, prior_half_life=1_000), r"Much liked across households\Z"),
    ],
)
def test_each_term_has_its_own_wording(config: RankConfig, wording: str) -> None:
    world = make_world(3, viewings=20)
    ranking = Ranker(config).rank(world.catalogue, world.model, world.history, limit=1)
    assert re.match(wording, ranking.titles[0].reason)


def test_a_title_unlike_everything_watched_is_not_said_to_be_like_it() -> None:
    """Better than the other titles in two terms, and yet no title of the history speaks for it."""
    axes = np.eye(3, 384, dtype=np.float32)
    embeddings = np.stack([axes[0], unit(axes[1] - axes[0]), -axes[0], axes[2] - axes[0]])
    contents = [
        Content("t0", "Watched", ContentKind.MOVIE, ("Drama",)),
        Content("t1", "Unlike it", ContentKind.MOVIE, ("Drama", "Noir"), 1990),
        Content("t2", "Its opposite", ContentKind.MOVIE, ("Western",)),
        Content("t3", "Another", ContentKind.MOVIE, ("Western",)),
    ]
    catalogue = Catalogue.build(contents, unit(embeddings), np.zeros(384, np.float32))
    event = ViewingEvent("e", "t0", 1.0, 1.0, datetime(2024, 1, 1, tzinfo=UTC))
    ranking = Ranker().rank(catalogue, None, History.replay(catalogue, [event]), limit=3)
    found = next(ranked for ranked in ranking.titles if ranked.row == 1)
    assert found.contributions[Term.CONTENT] > found.contributions[Term.GENRE] > 0
    assert found.contributions[Term.NEAREST] > found.contributions[Term.GENRE]
    assert (found.reason_term, found.because) == (Term.METADATA, ())
    assert found.reason == "Drama and Noir from 1990"


def test_cold_title_is_not_said_to_be_liked_by_households() -> None:
    world = make_world(5, known=0.3)
    config = RankConfig(content_weight=0, genre_weight=0, nearest_weight=0, prior_weight=0)
    ranking = Ranker(config).rank(world.catalogue, world.model, world.history, limit=60)
    for ranked in ranking.titles:
        if ranked.reason_term is Term.COLLABORATIVE:
            ending = "also liked this"
            if not world.model.has_factor[ranked.row]:
                ending = "also liked titles like this"
            assert ranked.reason.endswith(ending)
    kinds = {bool(world.model.has_factor[r.row]) for r in ranking.titles if r.because}
    assert kinds == {True, False}


def test_much_liked_is_said_only_above_an_even_share() -> None:
    world = make_world(8, viewings=0)
    ranking = Ranker().rank(world.catalogue, world.model, world.history, limit=80)
    row_of = {o: r for r, o in enumerate(world.catalogue.ordinals.tolist())}
    share = {
        row_of[o]: p
        for o, p in zip(world.factors.ordinals.tolist(), world.factors.prior, strict=True)
    }
    said = set()
    for ranked in ranking.titles:
        if ranked.reason_term is Term.PRIOR:
            said.add(ranked.reason)
            much = share.get(ranked.row, 0) > 1 / len(share)
            assert (ranked.reason == "Much liked across households") == much
    assert len(said) > 1


def test_reason_stays_within_its_bound_for_the_longest_titles() -> None:
    world = make_world(4, viewings=20)
    long = tuple(f"{title} {'x' * 280}" for title in world.catalogue.titles)
    object.__setattr__(world.catalogue, "titles", long)
    for model in (world.model, None):
        for ranked in Ranker().rank(world.catalogue, model, world.history, limit=60).titles:
            assert 1 <= len(ranked.reason) <= 1_000
