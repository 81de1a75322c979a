"""Synthetic households: labelled, repeatable, and with the three signals they are made for."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.content import Content, ContentKind
from omega_core.errors import OmegaError
from omega_eval.baselines import Interactions, ease, popularity
from omega_eval.household import Household
from omega_eval.metrics import score
from omega_eval.sample import load_sample
from omega_eval.split import split
from omega_eval.synthetic import FEWEST, MOST, START, synthetic_households

CATALOGUE = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"
COUNT, SEED = 200, 11
HOUR_RANGES = {1: range(6, 12), 2: range(12, 18), 3: range(18, 22), 4: range(22, 24)}


@pytest.fixture(scope="module")
def titles() -> list[Content]:
    return load_sample(CATALOGUE)


@pytest.fixture(scope="module")
def households(titles: list[Content]) -> list[Household]:
    return synthetic_households(titles, COUNT, SEED)


def test_the_same_seed_gives_the_same_households_and_more_only_add(
    titles: list[Content], households: list[Household]
) -> None:
    assert synthetic_households(titles, COUNT // 4, SEED) == households[: COUNT // 4]
    assert synthetic_households(titles, 3, SEED + 1) != households[:3]


def test_every_household_and_event_is_labelled_synthetic(households: list[Household]) -> None:
    for household in households:
        assert household.synthetic
        assert household.household_id.startswith("synthetic-")
        assert all(e.event_id.startswith(household.household_id) for e in household.events)


def test_ids_are_unique_and_fit_their_bounds(households: list[Household]) -> None:
    events = [event.event_id for household in households for event in household.events]
    assert len(set(events)) == len(events)
    assert len({household.household_id for household in households}) == COUNT
    assert max(map(len, events)) <= 64


def test_histories_are_a_year_of_different_titles_in_order(
    titles: list[Content], households: list[Household]
) -> None:
    known = {title.content_id for title in titles}
    for household in households:
        watched = [event.content_id for event in household.events]
        assert FEWEST <= len(watched) <= MOST
        assert len(set(watched)) == len(watched)
        assert known.issuperset(watched)
        instants = [event.occurred_at for event in household.events]
        assert all(a <= b for a, b in pairwise(instants))
        assert instants[0] >= START
        assert instants[-1] < START.replace(year=START.year + 1)
    lengths = [len(household.events) for household in households]
    assert min(lengths) < 25
    assert max(lengths) > 90


def test_circumstances_agree_with_the_time(households: list[Household]) -> None:
    for household in households:
        for event in household.events:
            assert event.occurred_at.hour in HOUR_RANGES[event.context.time_of_day]
            weekend = event.occurred_at.weekday() >= 5
            assert event.context.day_type == (2 if weekend else 1)
            assert 1 <= event.context.audience <= 4


def test_both_successes_and_failures_occur(households: list[Household]) -> None:
    events = [event for household in households for event in household.events]
    assert all(0 <= e.watch_percentage <= 1 and 0 <= e.engagement_score <= 1 for e in events)
    assert 0.4 < np.mean([event.success for event in events]) < 0.8


def test_popularity_has_a_long_tail(titles: list[Content], households: list[Household]) -> None:
    views = Counter(event.content_id for household in households for event in household.events)
    top = sum(count for _, count in views.most_common(len(titles) // 10))
    assert top > 0.25 * sum(views.values())
    assert len(views) > 0.9 * len(titles)


def test_a_household_likes_titles_of_kindred_genres(
    titles: list[Content], households: list[Household]
) -> None:
    vocabulary = sorted({genre for title in titles for genre in title.genres})
    table = np.array([[genre in title.genres for genre in vocabulary] for title in titles], float)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    row_of = {title.content_id: row for row, title in enumerate(titles)}
    liked = [table[[row_of[e.content_id] for e in h.events if e.success]] for h in households]
    within = [
        ((own @ own.T).sum() - len(own)) / (len(own) * (len(own) - 1))
        for own in liked
        if len(own) > 1
    ]
    across = [(one @ other.T).mean() for one, other in pairwise(liked) if len(one) and len(other)]
    assert np.mean(within) > np.mean(across) + 0.04


def test_others_histories_tell_what_no_description_does() -> None:
    """Over titles that nothing sets apart, only the hidden scenes can beat popularity."""
    titles = [Content(f"t:{i}", "Film", ContentKind.MOVIE) for i in range(400)]
    cut = split(synthetic_households(titles, COUNT, SEED))
    row_of = {title.content_id: row for row, title in enumerate(titles)}
    data = Interactions.of(cut, row_of)
    held_out = [np.array([row_of[i] for i in h.held_out], np.int64) for h in cut]
    collaborative = score(ease(data, 100.0), held_out, len(titles)).ndcg.mean()
    popular = score(popularity(data), held_out, len(titles)).ndcg.mean()
    assert collaborative > 1.3 * popular


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from(["Drama", "War", "Comedy", "Sport"])),
            st.sampled_from([0, 1950, 2020]),
            st.sampled_from(["", "France", "Mali"]),
        ),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 2**63 - 1),
)
def test_any_catalogue_will_do(rows: list[tuple[set[str], int, str]], seed: int) -> None:
    titles = [
        Content(f"t:{i}", "Film", ContentKind.MOVIE, tuple(sorted(genres)), year, country)
        for i, (genres, year, country) in enumerate(rows)
    ]
    for household in synthetic_households(titles, 2, seed):
        watched = {event.content_id for event in household.events}
        assert min(FEWEST, len(titles)) <= len(watched) <= len(titles)
        assert all(0 <= event.watch_percentage <= 1 for event in household.events)


@pytest.mark.parametrize(
    ("count", "seed", "field"),
    [(-1, 0, "count"), (100_001, 0, "count"), (1, -1, "seed")],
)
def test_numbers_out_of_bounds_are_named(count: int, seed: int, field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        synthetic_households([Content("t:1", "Film", ContentKind.MOVIE)], count, seed)
    assert caught.value.field == field


def test_an_empty_catalogue_is_refused() -> None:
    with pytest.raises(OmegaError) as caught:
        synthetic_households([], 1, 0)
    assert caught.value.field == "contents"
