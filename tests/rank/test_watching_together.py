"""One list for several people: what it is made of, what is left out, and whom its reasons name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.viewing import ViewingEvent
from omega_rank import Basis, History, RankConfig, Ranker, Ranking, Term, relevance
from omega_rank.company import together
from omega_testing.ranking import START, World, make_world, random_events


def members(world: World, count: int, seed: int) -> list[History]:
    """Histories of others over the same titles."""
    rng = np.random.default_rng([seed, 1])
    return [
        History.replay(world.catalogue, random_events(rng, len(world.catalogue), 12))
        for _ in range(count)
    ]


def listed(world: World, company: list[History], misery: float = 0.5, **asked: int) -> Ranking:
    ranker = Ranker(RankConfig(misery_weight=misery, mmr_lambda=1))
    return ranker.rank(
        world.catalogue,
        world.model,
        world.history,
        limit=asked.get("limit", 200),
        offset=asked.get("offset", 0),
        company=company,
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000), count=st.integers(1, 3), misery=st.sampled_from([0.0, 0.5, 1.0])
)
def test_relevance_is_the_mean_and_the_lowest_of_the_members(
    seed: int, count: int, misery: float
) -> None:
    world = make_world(seed, viewings=20)
    everybody = [world.history, *members(world, count, seed)]
    config = RankConfig()
    own = [
        relevance.personal(config, world.catalogue, world.model, history, history.query())
        for history in everybody
        if len(history.query().rows)
    ]
    if len(own) < 2:
        return
    group = together(own, misery)
    for row in range(len(world.catalogue)):
        means = [float(each.total[row]) / each.weight for each in own]
        expected = (1 - misery) * sum(means) / len(means) + misery * min(means)
        assert group.relevance.total[row] == pytest.approx(expected, abs=1e-4)
        parts = sum(float(values[row]) for values in group.relevance.terms.values())
        assert parts == pytest.approx(expected, abs=1e-4)
        assert group.shares[:, row].sum() == pytest.approx(1, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), page=st.integers(1, 30))
def test_nothing_that_one_of_them_has_seen_is_listed_and_pages_tile(seed: int, page: int) -> None:
    world = make_world(seed, titles=110, viewings=20)
    company = members(world, 2, seed)
    whole = [t.row for t in listed(world, company).titles]
    seen = world.history.seen | company[0].seen | company[1].seen
    assert sorted(whole) == np.flatnonzero(~seen).tolist()
    paged = [
        t.row
        for offset in range(0, 120, page)
        for t in listed(world, company, limit=page, offset=offset).titles
    ]
    assert paged == whole
    assert [t.row for t in listed(world, company[::-1]).titles] == whole


def test_who_has_no_taste_yet_has_no_say() -> None:
    world = make_world(6, viewings=20)
    alone, along = listed(world, []), listed(world, [History(world.catalogue)])
    assert [t.row for t in alone.titles] == [t.row for t in along.titles]
    newcomer = replace(world, history=History(world.catalogue))
    led = listed(newcomer, [world.history])
    assert led.basis is Basis.PERSONAL
    assert [t.row for t in led.titles] == [t.row for t in alone.titles]
    nobody = listed(newcomer, [History(newcomer.catalogue)])
    assert nobody.basis is Basis.COLLECTIVE_PRIOR


def test_misery_keeps_away_what_one_of_them_cannot_bear() -> None:
    world = make_world(3, viewings=0)
    topics = np.argsort(-(world.catalogue.embeddings @ world.catalogue.embeddings[0]))
    near, far = topics[:12].tolist(), topics[-12:].tolist()
    histories = [
        History.replay(
            world.catalogue,
            [
                ViewingEvent(f"e{row}", f"t{row}", 0.95, 0.95, START + timedelta(hours=n))
                for n, row in enumerate(rows)
            ],
        )
        for rows in (near, far)
    ]
    lowest = []
    for misery in (0.0, 1.0):
        ranker = Ranker(RankConfig(misery_weight=misery, mmr_lambda=1))
        ranking = ranker.rank(world.catalogue, None, histories[0], limit=8, company=histories[1:])
        own = [
            relevance.personal(RankConfig(), world.catalogue, None, history, history.query())
            for history in histories
        ]
        rows = [t.row for t in ranking.titles]
        lowest.append(np.mean([min(float(each.total[row]) for each in own) for row in rows]))
    assert lowest[1] > lowest[0]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), misery=st.sampled_from([0.0, 0.5, 1.0]))
def test_a_reason_names_titles_of_the_member_for_whom_its_term_speaks_most(
    seed: int, misery: float
) -> None:
    world = make_world(seed, viewings=20)
    company = members(world, 2, seed)
    everybody = [world.history, *company]
    tastes = [each for each in everybody if len(each.query().rows)]
    own = [
        relevance.personal(RankConfig(), world.catalogue, world.model, each, each.query())
        for each in tastes
    ]
    shares = together(own, misery).shares
    for ranked in listed(world, company, misery, limit=20).titles:
        ordered = sorted(ranked.contributions.values(), reverse=True)
        if ranked.reason_term is Term.METADATA:
            continue
        assert 0 < ranked.contributions[ranked.reason_term] >= ordered[1]
        added = [
            float(share[ranked.row] * each.terms[ranked.reason_term][ranked.row]) / each.weight
            if ranked.reason_term in each.terms
            else -np.inf
            for share, each in zip(shares, own, strict=True)
        ]
        teller = tastes[int(np.argmax(added))]
        for row in ranked.because:
            assert teller.seen[row]
            assert world.catalogue.titles[row] in ranked.reason


def test_a_history_over_other_titles_is_refused() -> None:
    world, other = make_world(1, titles=20, viewings=5), make_world(2, titles=21, viewings=5)
    with pytest.raises(ValueError, match="another catalogue"):
        Ranker().rank(world.catalogue, None, world.history, limit=1, company=[other.history])
