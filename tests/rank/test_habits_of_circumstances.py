"""What is watched more in some circumstances than else lifts titles then, and says so truly."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.content import Content, ContentKind
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_rank import Catalogue, History, RankConfig, Ranker, Ranking, Term
from omega_rank.circumstances import LASTING, STRENGTH
from omega_testing.ranking import START, World, make_world, random_embeddings

EVENING, FAMILY, WEEKEND = 3, 3, 2
SILENT = RankConfig(
    local_content_weight=0, local_genre_weight=0, local_nearest_weight=0, context_weight=1
)


def with_kinds(world: World) -> World:
    """The world with films, series and live titles."""
    contents = tuple(
        replace(content, kind=ContentKind(1 + n % 3)) for n, content in enumerate(world.contents)
    )
    catalogue = Catalogue.build(contents, world.embeddings, None, world.catalogue.ordinals)
    return replace(
        world,
        contents=contents,
        catalogue=catalogue,
        history=History.replay(catalogue, world.events),
    )


def counted(world: World) -> dict[int, tuple[float, int]]:
    """Weight and circumstances of each title that counts, in plain Python."""
    config = RankConfig()
    of_title: dict[int, list[tuple[ViewingEvent, int]]] = {}
    for arrival, event in enumerate(world.events):
        of_title.setdefault(world.catalogue.row_of[event.content_id], []).append((event, arrival))
    newest = sorted(
        of_title,
        key=lambda row: max((event.occurred_at, at) for event, at in of_title[row]),
        reverse=True,
    )
    found = {}
    for rank, row in enumerate(newest):
        events = [event for event, _ in of_title[row]]
        liked = 2 * sum(event.success for event in events) >= len(events)
        seen = max(event.reward for event in events) >= config.opinion_reward
        opinion = 1.0 if liked else config.seen_weight if seen else 0.0
        mask = 0
        for event in events:
            mask |= event.context.mask
        if opinion:
            found[row] = (opinion * 0.5 ** (rank / (LASTING * config.half_life)), mask)
    return found


def ratio(world: World, row_has: dict[int, float], bit: int) -> float:
    """log2 of a share in the circumstances of `bit` over the share always, smoothed."""
    titles = counted(world)
    total = sum(weight * sum(_shares(world, row).values()) for row, (weight, _) in titles.items())
    always = sum(titles[row][0] * share for row, share in row_has.items() if row in titles)
    if not always:
        return 0.0
    inside = {row: weight for row, (weight, mask) in titles.items() if mask & bit}
    then = sum(inside[row] * share for row, share in row_has.items() if row in inside)
    n = sum(weight * sum(_shares(world, row).values()) for row, weight in inside.items())
    share = always / total
    return math.log2((then + STRENGTH * share) / ((n + STRENGTH) * share))


def _shares(world: World, row: int) -> dict[str, float]:
    genres = world.contents[row].genres
    return dict.fromkeys(genres, 1 / len(genres)) if genres else {}


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), viewings=st.integers(1, 40))
def test_a_genres_ratio_is_its_definition(seed: int, viewings: int) -> None:
    world = make_world(seed, viewings=viewings)
    context = ViewingContext(EVENING, WEEKEND, FAMILY)
    leaning = world.history.leaning(context)
    bits = [1 << EVENING, 1 << 8 + WEEKEND, 1 << 16 + FAMILY]
    stated = [b for b in bits if any(mask & b for _, mask in counted(world).values())]
    habits = leaning.habits if leaning else []
    assert [habit.bit for habit in habits] == stated
    for habit in habits:
        for column, genre in enumerate(world.catalogue.genres):
            carried = {
                row: shares[genre]
                for row in range(len(world.contents))
                if genre in (shares := _shares(world, row))
            }
            expected = ratio(world, carried, habit.bit)
            assert habit.genres[column] == pytest.approx(expected, abs=1e-4)


def test_a_title_gains_what_its_genres_and_kind_gain_within_bounds() -> None:
    world = with_kinds(make_world(4, viewings=40))
    leaning = world.history.leaning(ViewingContext(EVENING, WEEKEND, FAMILY))
    assert leaning is not None
    assert np.abs(leaning.bonus).max() <= 1
    for row in range(len(world.contents)):
        genres = np.sum([habit.genres for habit in leaning.habits], axis=0).tolist()
        kinds = np.sum([habit.kinds for habit in leaning.habits], axis=0).tolist()
        carried = world.catalogue.genre_rows[row].tolist()
        total = sum(share * value for share, value in zip(carried, genres, strict=True))
        total += kinds[world.contents[row].kind]
        assert leaning.bonus[row] == pytest.approx(min(max(total, -1), 1), abs=1e-5)
    assert any(habit.kinds.any() for habit in leaning.habits)


@pytest.mark.parametrize("context", [None, ViewingContext(), ViewingContext(audience=4)])
def test_without_data_nothing_moves(context: ViewingContext | None) -> None:
    world = make_world(9, viewings=0)
    events = [
        ViewingEvent(
            f"e{row}",
            f"t{row}",
            0.95,
            0.95,
            START + timedelta(hours=row),
            context=ViewingContext(audience=1 + row % 3),
        )
        for row in range(30)
    ]
    history = History.replay(world.catalogue, events)
    assert history.leaning(context) is None
    plain = Ranker().rank(world.catalogue, world.model, history, limit=50)
    assert Ranker().rank(world.catalogue, world.model, history, limit=50, context=context) == plain


def test_circumstances_that_never_change_say_nothing() -> None:
    world = make_world(9, viewings=0)
    always = ViewingContext(EVENING, WEEKEND, FAMILY)
    events = [
        ViewingEvent(f"e{row}", f"t{row}", 0.95, 0.95, START + timedelta(hours=row), context=always)
        for row in range(30)
    ]
    history = History.replay(world.catalogue, events)
    leaning = history.leaning(always)
    assert leaning is not None
    assert np.abs(leaning.bonus).max() < 1e-5


def family_nights(rng: np.random.Generator) -> tuple[Catalogue, list[ViewingEvent]]:
    """Animation with children, horror late in the evening, drama else: all equally often."""
    genres = ("Animation", "Horror", "Drama")
    contents = [
        Content(f"t{i}", f"Title {i}", ContentKind.MOVIE, (genres[i % 3],)) for i in range(240)
    ]
    catalogue = Catalogue.build(contents, random_embeddings(rng, 240))
    contexts = (
        ViewingContext(time_of_day=2, audience=FAMILY),
        ViewingContext(time_of_day=EVENING, audience=2),
        ViewingContext(time_of_day=2, audience=2),
    )
    events = [
        ViewingEvent(
            f"e{i}", f"t{i}", 0.95, 0.95, START + timedelta(days=i), context=contexts[i % 3]
        )
        for i in range(45)
    ]
    return catalogue, events


def genres_of(ranking: Ranking, catalogue: Catalogue) -> Counter[str]:
    return Counter(catalogue.genres_of[ranked.row][0] for ranked in ranking.titles)


def test_the_evening_and_children_in_the_room_change_the_list_as_planted() -> None:
    catalogue, events = family_nights(np.random.default_rng(1))
    history = History.replay(catalogue, events)

    def listed(context: ViewingContext | None, **settings: float) -> Counter[str]:
        ranker = Ranker(RankConfig(**settings))  # type: ignore[arg-type]  # numeric fields
        return genres_of(
            ranker.rank(catalogue, None, history, limit=12, context=context), catalogue
        )

    usual = listed(None)
    children = listed(ViewingContext(audience=FAMILY))
    evening = listed(ViewingContext(time_of_day=EVENING))
    assert children["Animation"] > usual["Animation"]
    assert children["Animation"] > children["Horror"]
    assert evening["Horror"] > usual["Horror"]
    assert evening["Horror"] > evening["Animation"]
    weaker = listed(ViewingContext(audience=FAMILY), context_weight=0.0)
    assert children["Animation"] > weaker["Animation"], "more than weights of shared context do"


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), audience=st.integers(0, 4), device=st.integers(0, 4))
def test_a_reason_names_a_genre_or_kind_that_is_watched_more_then(
    seed: int, audience: int, device: int
) -> None:
    world = with_kinds(make_world(seed, viewings=30))
    context = ViewingContext(EVENING, 0, audience, 0, device)
    ranking = Ranker(SILENT).rank(world.catalogue, None, world.history, limit=60, context=context)
    leaning = world.history.leaning(context)
    kinds = {"films": 1, "series": 2, "live television": 3}
    for ranked in ranking.titles:
        value = ranked.contributions.get(Term.CONTEXT, 0.0)
        if ranked.reason_term is not Term.CONTEXT:
            assert value <= 0
            continue
        assert leaning is not None
        what, _, when = ranked.reason.removeprefix("You watch more ").partition(
            next(f" {h.words}" for h in leaning.habits if ranked.reason.endswith(f" {h.words}"))
        )
        assert not when
        (said,) = (h for h in leaning.habits if ranked.reason == f"You watch more {what} {h.words}")
        if what in kinds:
            assert world.contents[ranked.row].kind == kinds[what]
            assert said.kinds[kinds[what]] > 0
        else:
            assert what in world.contents[ranked.row].genres
            assert said.genres[world.catalogue.genres.index(what)] > 0
        assert ranked.because == ()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), weight=st.sampled_from([0.0, 0.5, 1.0]))
def test_the_circumstances_move_no_title_past_a_strong_taste(seed: int, weight: float) -> None:
    world = make_world(seed, viewings=30)
    context = ViewingContext(EVENING, WEEKEND, FAMILY)
    found = []
    for held in (0.0, weight):
        ranker = Ranker(RankConfig(context_weight=held, mmr_lambda=1))
        ranking = ranker.rank(
            world.catalogue, world.model, world.history, limit=200, context=context
        )
        found.append({t.row: math.log(t.score / (1 - t.score)) for t in ranking.titles})
    plain, bent = found
    assert max(abs(plain[row] - bent[row]) for row in plain) <= weight + 1e-4
    place = {row: n for n, row in enumerate(bent)}
    for better, first in place.items():
        for worse, second in place.items():
            if plain[better] - plain[worse] > 2 * weight + 1e-3:
                assert first < second


def test_habits_follow_what_is_watched_and_the_catalogue() -> None:
    world = make_world(8, viewings=20)
    context = ViewingContext(EVENING, WEEKEND, FAMILY)
    history = History.replay(world.catalogue, world.events[:10])
    history.leaning(context)
    for event in world.events[10:]:
        history.observe(event)
        assert _bonus(history, context) == _bonus(
            History.replay(world.catalogue, world.events[: history.events]), context
        )
    grown = world.catalogue.extended(
        [Content("new", "New", ContentKind.SERIES, ("Comedy", "Western"))],
        world.embeddings[:1],
    )
    history.follow(grown)
    leaning = history.leaning(context)
    assert leaning is not None
    assert leaning.bonus.shape == (len(grown),)
    history.configure(RankConfig(half_life=1))
    shorter = History.replay(grown, world.events, RankConfig(half_life=1))
    assert _bonus(history, context) == _bonus(shorter, context)


def _bonus(history: History, context: ViewingContext) -> list[float]:
    leaning = history.leaning(context)
    return [] if leaning is None else leaning.bonus.tolist()
