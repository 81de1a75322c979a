"""The best path against every path, listed one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_agentdb import CausalLearner, PathBy
from omega_agentdb.causal_paths import Weights, best_path
from omega_core.errors import OmegaError
from omega_core.taste import TasteViewing
from omega_core.viewing import ViewingContext
from omega_persistence import Database
from omega_persistence.causal import Causal
from omega_persistence.skills import Skills
from omega_testing.taste_tables import START, database_of_titles, viewing

NODES = "abcdef"


@pytest.fixture
def database() -> Iterator[Database]:
    with database_of_titles(1) as opened:
        yield opened


def every_path(
    weights: Weights, start: str, goal: str, max_depth: int
) -> tuple[float, tuple[str, ...]] | None:
    found = []
    between = [node for node in NODES if node not in {start, goal}]
    for middle in range(max_depth):
        for chosen in permutations(between, middle):
            path = (start, *chosen, goal)
            steps = list(pairwise(path))
            if all(there in weights.get(here, {}) for here, there in steps):
                found.append((sum(weights[here][there] for here, there in steps), path))
    return max(found, key=lambda each: (each[0], -len(each[1]))) if found else None


@settings(max_examples=200, deadline=None)
@given(
    weights=st.dictionaries(
        st.sampled_from(NODES),
        st.dictionaries(st.sampled_from(NODES), st.integers(-9, 9).map(float), max_size=6),
    ),
    max_depth=st.integers(1, 5),
)
def test_no_path_is_better(weights: dict[str, dict[str, float]], max_depth: int) -> None:
    expected = every_path(weights, "a", "b", max_depth)
    found = best_path(weights, "a", "b", max_depth)
    if expected is None or found is None:
        assert found is expected
        return
    assert (found[0], len(found[1])) == (expected[0], len(expected[1]))
    assert len(set(found[1])) == len(found[1])


def evenings(pairs: list[tuple[str, str]], times: int) -> list[TasteViewing]:
    """Evenings of two viewings each, one genre after the other."""
    made = []
    for night in range(times * len(pairs)):
        for place, genre in enumerate(pairs[night % len(pairs)]):
            made.append(
                viewing(
                    2 * night + place + 1,
                    1,
                    hours=24 * night + 2 * place,
                    genres=(genre,),
                    context=ViewingContext(),
                )
            )
    return made


def test_a_path_leads_through_what_really_followed(database: Database) -> None:
    learner = CausalLearner(Causal(database), Skills(database))
    viewings = evenings([("Crime", "Drama"), ("Drama", "Comedy"), ("Horror", "Horror")], 20)
    while not learner.learn(viewings).finished:
        pass
    at = viewings[-1].at
    for by in PathBy:
        found = learner.path("genre:Crime", "genre:Comedy", at, by=by, only_sure=True)
        assert found is not None
        assert found.facets == ("genre:Crime", "genre:Drama", "genre:Comedy")
        edges = [
            next(e for e in learner.effects_of(cause, at) if e.effect == effect)
            for cause, effect in pairwise(found.facets)
        ]
        if by is PathBy.PROBABILITY:
            assert found.worth == pytest.approx(math.prod(e.probability for e in edges))
        else:
            assert found.worth == pytest.approx(sum(e.uplift.value for e in edges))
    assert learner.path("genre:Crime", "genre:Comedy", at, max_depth=1) is None
    assert learner.path("genre:Crime", "genre:Western", at) is None
    assert learner.path("genre:Crime", "genre:Crime", at) is None
    with pytest.raises(OmegaError, match="max_depth must be between 1 and 5"):
        learner.path("genre:Crime", "genre:Comedy", at, max_depth=6)


def test_a_planted_habit_is_found_and_chance_hardly_ever(database: Database) -> None:
    """After crime this household likes comedy; of what else it does, little looks like a habit."""
    random = np.random.default_rng(5)
    genres = ("Crime", "Comedy", "Drama", "Horror", "Western", "War")
    viewings, last = [], ""
    for seq in range(1, 401):
        genre = "Comedy" if last == "Crime" and random.random() < 0.7 else random.choice(genres)
        viewings.append(viewing(seq, 1, hours=seq, genres=(str(genre),), context=ViewingContext()))
        last = str(genre)
    learner = CausalLearner(Causal(database), Skills(database))
    while not learner.learn(viewings).finished:
        pass
    at = START + timedelta(hours=400)
    best = learner.effects_of("genre:Crime", at, only_sure=True)[0]
    assert best.effect == "genre:Comedy"
    assert best.uplift.value > 0.3
    assert best.uplift.confidence > 0.999
    others = [e for c in genres[1:] for e in learner.effects_of(f"genre:{c}", at)]
    chance = [e for e in others if e.effect != "genre:Comedy"]
    assert len(chance) >= 20
    assert sum(e.uplift.sure for e in chance) <= 4
