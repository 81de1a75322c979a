"""How much variety a list has, and lists that go on where an earlier one stopped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_rank import RankConfig, Ranker, Ranking
from omega_rank.measures import diversity as variety_of
from omega_testing.ranking import World, make_world


def ranked(world: World, config: RankConfig, limit: int, **asked: float) -> Ranking:
    return Ranker(config).rank(
        world.catalogue,
        world.model,
        world.history,
        limit=limit,
        **asked,  # type: ignore[arg-type]  # diversity only
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), wanted=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_the_variety_asked_for_stands_in_for_the_setting(seed: int, wanted: float) -> None:
    world = make_world(seed)
    asked = ranked(world, RankConfig(mmr_lambda=0.9), 60, diversity=wanted)
    assert asked == ranked(world, RankConfig(mmr_lambda=1 - wanted), 60)
    assert ranked(world, RankConfig(), 60) == ranked(world, RankConfig(), 60, diversity=1 - 0.8)


def test_no_variety_is_the_order_of_relevance_and_full_variety_is_the_most_varied() -> None:
    world = make_world(11, titles=110)
    varied = []
    for wanted in (0.0, 0.5, 1.0):
        titles = ranked(world, RankConfig(), 10, diversity=wanted).titles
        varied.append(variety_of(world.catalogue, np.array([t.row for t in titles])))
        scores = [t.score for t in titles]
        assert (scores == sorted(scores, reverse=True)) == (wanted == 0)
    assert varied[0] < varied[1] < varied[2]


@pytest.mark.parametrize("wanted", [-0.1, 1.1, float("nan")])
def test_variety_out_of_bounds_is_named(wanted: float) -> None:
    with pytest.raises(OmegaError) as refused:
        ranked(make_world(1), RankConfig(), 5, diversity=wanted)
    assert refused.value.field == "diversity"


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    viewings=st.integers(0, 40),
    page=st.integers(1, 30),
    collective=st.booleans(),
    wanted=st.sampled_from([0.0, None, 1.0]),
)
def test_leaving_out_what_was_shown_gives_what_follows(
    seed: int, viewings: int, page: int, collective: bool, wanted: float | None
) -> None:
    world = make_world(seed, viewings=viewings)
    model = world.model if collective else None
    left = np.ones(len(world.catalogue), np.bool_)
    chained: list[int] = []
    while True:
        ranking = Ranker().rank(
            world.catalogue, model, world.history, limit=page, candidates=left, diversity=wanted
        )
        if not ranking.titles:
            break
        rows = [t.row for t in ranking.titles]
        chained += rows
        left[rows] = False
    assert sorted(chained) == np.flatnonzero(~world.history.seen).tolist()
    if wanted == 0:
        whole = Ranker().rank(world.catalogue, model, world.history, limit=200, diversity=0.0)
        assert chained == [t.row for t in whole.titles]
