"""Evidence against a setting in force: fair bets, and a bound that holds whenever one looks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.tuning import Watch
from omega_meta_sona import eprocess

DIFFERENCES = st.lists(st.floats(-1, 1), max_size=40)


def follow(differences: list[float]) -> Watch:
    watch = Watch()
    for seq, difference in enumerate(differences, 1):
        watch = eprocess.after(watch, difference, seq)
    return watch


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([0.02, 0.1, 0.25]), min_size=1, max_size=9))
def test_where_neither_setting_is_better_the_wealth_stays_1_on_average(sizes: list[float]) -> None:
    wealth = [
        math.exp(follow([s * x for s, x in zip(flip, sizes, strict=True)]).log_evidence)
        for flip in itertools.product((1, -1), repeat=len(sizes))
    ]
    assert np.mean(wealth) == pytest.approx(1.0, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([0.05, 0.25, 1.0]), min_size=1, max_size=9))
def test_it_rolls_back_no_more_often_than_alpha_however_often_it_looks(sizes: list[float]) -> None:
    lost = [
        eprocess.loses(follow([s * x for s, x in zip(flip, sizes, strict=True)]), 0.5)
        for flip in itertools.product((1, -1), repeat=len(sizes))
    ]
    assert np.mean(lost) <= 0.5


def test_a_fair_setting_is_rarely_rolled_back_in_a_thousand_viewings() -> None:
    rng = np.random.default_rng(11)
    draws = rng.choice([-0.3, -0.05, 0.0, 0.05, 0.3], (150, 1_000)).tolist()
    lost = sum(eprocess.loses(follow(path), 0.05) for path in draws)
    # 99.9 % of binomial draws at .05.
    assert lost <= np.quantile(rng.binomial(150, 0.05, 100_000), 0.999)


def test_a_setting_that_loses_is_found_out_and_one_that_wins_is_not() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.05, 120)
    assert eprocess.loses(follow((noise - 0.03).tolist()), 0.05)
    assert not eprocess.loses(follow((noise + 0.03).tolist()), 0.05)


@settings(deadline=None, max_examples=60)
@given(DIFFERENCES)
def test_state_says_what_happened(differences: list[float]) -> None:
    watch = follow(differences)
    held = np.clip(differences, -eprocess.LIMIT, eprocess.LIMIT)
    assert watch.events == len(differences)
    assert watch.seq == len(differences)
    assert watch.effect == pytest.approx(float(held.mean()) if len(held) else 0.0, abs=1e-9)
    assert watch.spread == pytest.approx(float((held**2).sum()), abs=1e-9)
    assert watch.peak >= max(watch.log_evidence, 0.0)


@settings(deadline=None, max_examples=30)
@given(DIFFERENCES.filter(bool))
def test_a_viewing_counts_once(differences: list[float]) -> None:
    watch = follow(differences)
    assert eprocess.after(watch, -1.0, watch.seq) == watch
    assert eprocess.after(watch, -1.0, 0) == watch


def test_the_stake_rests_on_the_past_alone() -> None:
    before = follow([-0.1, 0.2, -0.1, -0.2])
    one, other = (eprocess.after(before, d, 99).log_evidence for d in (-0.25, 0.25))
    gained = math.exp(one - before.log_evidence) - 1
    lost = 1 - math.exp(other - before.log_evidence)
    assert gained == pytest.approx(lost)
    assert gained > 0
