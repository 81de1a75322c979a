"""Lists for a household of which nothing is known."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.content import Content, ContentKind
from omega_rank import Basis, Catalogue, History, RankConfig, Ranker, Term
from omega_rank.shelf import arrange
from omega_testing.ranking import make_world, random_embeddings, random_events


def test_without_history_the_prior_leads() -> None:
    world = make_world(5, viewings=0)
    ranking = Ranker(RankConfig(mmr_lambda=1)).rank(
        world.catalogue, world.model, world.history, limit=80
    )
    assert ranking.basis is Basis.COLLECTIVE_PRIOR
    rows = [ranked.row for ranked in ranking.titles]
    prior = world.model.log_prior[rows]
    assert (np.diff(prior) <= 0).all()
    best = int(world.factors.ordinals[world.factors.prior.argmax()])
    assert world.catalogue.ordinals[rows[0]] == best
    assert ranking.titles[0].reason == "Much liked across households"
    assert ranking.titles[0].because == ()


def test_a_household_that_only_rejected_still_gets_the_prior_less_what_it_saw() -> None:
    world = make_world(5, viewings=0)
    rejected = [
        type(event)(event.event_id, event.content_id, 0.1, 0.1, event.occurred_at)
        for event in random_events(np.random.default_rng(0), 80, 12)
    ]
    history = History.replay(world.catalogue, rejected)
    ranking = Ranker().rank(world.catalogue, world.model, history, limit=80)
    assert ranking.basis is Basis.COLLECTIVE_PRIOR
    assert not set(np.flatnonzero(history.seen).tolist()) & {t.row for t in ranking.titles}


def shelf_by_hand(contents: tuple[Content, ...]) -> list[int]:
    """The shelf's order from its description, a title at a time."""
    sizes: dict[str, int] = {}
    for content in contents:
        for genre in content.genres:
            sizes[genre] = sizes.get(genre, 0) + 1
    larger_first = sorted(sizes, key=lambda g: (-sizes[g], g))
    newest = sorted(range(len(contents)), key=lambda i: (-contents[i].year, i))
    keys = {}
    for i, content in enumerate(contents):
        places = [
            ([j for j in newest if genre in contents[j].genres].index(i), k)
            for k, genre in enumerate(larger_first)
            if genre in content.genres
        ]
        place = min(places) if places else (len(contents), 0)
        keys[i] = (*place, newest.index(i))
    return sorted(keys, key=lambda i: keys[i])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), titles=st.integers(1, 40))
def test_without_the_fleet_the_newest_of_each_genre_come_in_turn(seed: int, titles: int) -> None:
    world = make_world(seed, titles=titles, viewings=0)
    ranking = Ranker().rank(world.catalogue, None, world.history, limit=100)
    assert ranking.basis is Basis.METADATA
    assert [ranked.row for ranked in ranking.titles] == shelf_by_hand(world.contents)
    assert all(ranked.reason_term is Term.METADATA for ranked in ranking.titles)
    scores = [ranked.score for ranked in ranking.titles]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_metadata_reasons_are_facts(seed: int) -> None:
    world = make_world(seed, titles=60, viewings=0)
    for ranked in Ranker().rank(world.catalogue, None, world.history, limit=60).titles:
        content = world.contents[ranked.row]
        if ranked.reason.startswith("Among the newest in "):
            genre = ranked.reason.removeprefix("Among the newest in ")
            years = [c.year for c in world.contents if genre in c.genres]
            assert genre in content.genres
            assert content.year > 0
            assert sum(year > content.year for year in years) < 10
        elif content.year:
            assert ranked.reason.endswith(f"from {content.year}")
        if " from " in ranked.reason and content.genres:
            named = ranked.reason.split(" from ")[0].split(" and ")
            assert set(named) <= set(content.genres)


def test_a_title_of_which_nothing_is_known_has_a_reason() -> None:
    bare = [Content("t0", "Bare", ContentKind.LIVE)]
    catalogue = Catalogue.build(bare, random_embeddings(np.random.default_rng(0), 1))
    assert arrange(catalogue).genre.tolist() == [-1]
    ranking = Ranker().rank(catalogue, None, History(catalogue), limit=1)
    assert ranking.titles[0].reason == "From the catalogue"
