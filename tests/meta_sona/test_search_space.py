"""Points of the search as settings, and settings as the ranker's configuration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_core.tuning import SHIPPED, TunedSettings
from omega_meta_sona import rank_config, space
from omega_rank import RankConfig

POINTS = st.lists(
    st.floats(-space.REACH, space.REACH), min_size=space.DIMENSIONS, max_size=space.DIMENSIONS
).map(np.array)
TUNED = st.builds(
    TunedSettings,
    collaborative=st.floats(0.1, 10),
    content=st.floats(0.1, 10),
    genre=st.floats(0.1, 10),
    nearest=st.floats(0.1, 10),
    half_life=st.floats(0.05, 20),
    seen_weight=st.floats(0, 3),
    popularity=st.floats(0, 4),
    diversity=st.floats(0, 4),
)


def test_the_origin_is_the_shipped_setting() -> None:
    assert space.to_settings(np.zeros(space.DIMENSIONS)) == SHIPPED
    assert not space.to_point(SHIPPED).any()
    assert rank_config(SHIPPED) == RankConfig()


@settings(deadline=None, max_examples=100)
@given(POINTS)
def test_a_setting_that_was_found_can_be_the_start_of_the_next_search(point: space.Point) -> None:
    found = space.to_settings(point)
    again = space.to_settings(space.to_point(found))
    for name, value in vars(found).items():
        assert getattr(again, name) == pytest.approx(value, abs=1e-9)
    assert space.taste_of(found) in {space.taste_of(taste) for taste in space.tastes()}


@settings(deadline=None, max_examples=100)
@given(TUNED)
def test_whatever_is_within_bounds_configures_the_ranker(tuned: TunedSettings) -> None:
    config = rank_config(tuned, RankConfig(collaborative_weight=8.0, half_life=9_000.0))
    assert config.collaborative_weight == min(8.0 * tuned.collaborative, 10)
    held = rank_config(tuned, RankConfig(seen_weight=0.8)).seen_weight
    assert held == pytest.approx(min(0.8 * tuned.seen_weight, 1))
    assert config.half_life == pytest.approx(min(9_000 * tuned.half_life, 10_000))


def test_factors_leave_what_they_do_not_name_as_shipped() -> None:
    shipped = RankConfig(genre_weight=0.5, local_genre_weight=0.3, context_boost=2.0)
    config = rank_config(TunedSettings(genre=2.0, diversity=1.5), shipped)
    assert (config.genre_weight, config.local_genre_weight) == (1.0, 0.6)
    assert config.mmr_lambda == pytest.approx(0.7)
    assert (config.context_boost, config.content_weight) == (2.0, shipped.content_weight)
    assert (config.prior_weight, config.prior_half_life) == (6.0, 1.5)


def test_a_lasting_popularity_replaces_the_newcomers_prior() -> None:
    config = rank_config(TunedSettings(popularity=0.5))
    assert (config.prior_weight, config.prior_half_life) == (0.5, 10_000)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content", 0.05),
        ("genre", 11.0),
        ("nearest", float("nan")),
        ("half_life", 0.01),
        ("seen_weight", 3.1),
        ("popularity", -0.1),
        ("diversity", 5.0),
    ],
)
def test_a_setting_out_of_bounds_names_its_field(field: str, value: float) -> None:
    with pytest.raises(OmegaError) as refused:
        replace(SHIPPED, **{field: value})  # type: ignore[arg-type]  # every field but ef
    assert refused.value.field == field


@pytest.mark.parametrize("ef", [9, 1_001, -1])
def test_a_breadth_of_search_out_of_bounds_names_its_field(ef: int) -> None:
    with pytest.raises(OmegaError) as refused:
        TunedSettings(ef=ef)
    assert refused.value.field == "ef"
