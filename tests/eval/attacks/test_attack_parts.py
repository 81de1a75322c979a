"""The pieces that attacks are made of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.vectors import unit
from omega_eval.attacks.evidence import Evidence
from omega_eval.attacks.histories import RIDGE, Histories
from omega_eval.attacks.likelihood import sketch_channel, twin_channel, twin_report
from omega_eval.attacks.logit import fit
from omega_eval.attacks.outcome import Rate
from omega_privacy import flip_probability


def test_a_sketchs_likelihood_is_the_product_of_its_bits_chances() -> None:
    rng = np.random.default_rng(0)
    rows = unit(rng.normal(size=(5, 384)).astype(np.float32))
    bits = np.where(rng.random((3, 384)) < 0.5, np.float32(-1), np.float32(1))
    flip = flip_probability(rows, 4.0).astype(np.float64)
    agree = np.sign(rows)[None] == bits[:, None]
    exact = np.where(agree, np.log1p(-flip), np.log(flip)).sum(axis=2)
    found = sketch_channel(rows, 4.0).log_likelihoods(bits)
    np.testing.assert_allclose(found, exact, atol=2e-2)
    summed = sketch_channel(rows, 4.0, draws=3).log_likelihoods(bits.sum(axis=0, keepdims=True))
    np.testing.assert_allclose(summed[0], exact.sum(axis=0), atol=4e-2)


def test_bits_of_twins_are_as_likely_as_they_are_frequent() -> None:
    rng = np.random.default_rng(1)
    one, other = (unit(rng.normal(size=(1, 384)).astype(np.float32)) for _ in range(2))
    noise = rng.standard_normal((20_000, 384)).astype(np.float32)
    scale = np.float32(5 / math.sqrt(384))
    reports = twin_report(*(np.sign(rows + scale * noise) for rows in (one, other)))
    channel = twin_channel(one, other, 5.0)
    seen = reports.mean(axis=0).reshape(3, 384)
    rest = np.exp(-np.log1p(np.exp(channel.slopes[:, 0].reshape(3, 384)).sum(axis=0)))
    stated = np.exp(channel.slopes[:, 0].reshape(3, 384)) * rest
    np.testing.assert_allclose(seen, stated, atol=0.02)
    impossible = stated < 1e-9
    assert impossible.sum() == 384
    assert (seen[impossible] == 0).all()


def test_the_attackers_model_is_ease() -> None:
    rng = np.random.default_rng(2)
    liked = (rng.random((12, 20)) < 0.3).astype(np.float32)
    known = Histories(liked, np.eye(20, 384, dtype=np.float32)).known(np.arange(12) < 9)
    X = liked[:9].astype(np.float64)
    P = np.linalg.inv(X.T @ X + RIDGE * np.eye(20))
    B = np.eye(20) - P / np.diag(P)
    stakes = rng.random((4, 20)).astype(np.float32)
    np.testing.assert_allclose(known.expected(stakes), stakes @ B, atol=1e-4)
    assert known.popularity.sum() == pytest.approx(1, abs=1e-5)


def test_the_logit_finds_planted_weights() -> None:
    rng = np.random.default_rng(3)
    clues = rng.normal(size=(20_000, 6, 3))
    odds = clues @ np.array([1.5, -0.7, 0.0]) + rng.gumbel(size=(20_000, 6))
    found = fit(clues, odds.argmax(axis=1))
    np.testing.assert_allclose(found, [1.5, -0.7, 0.0], atol=0.06)
    certain = fit(clues, clues[:, :, 0].argmax(axis=1))
    assert np.isfinite(certain).all()
    assert certain[0] > 5
    assert certain[0] > 10 * np.abs(certain[1:]).max()


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 1_000))
def test_an_interval_counts_households_and_not_their_trials(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lucky = rng.random(40) < 0.5
    users = np.repeat(np.arange(40), 25).astype(np.int64)
    hits = lucky[users].astype(np.float64)
    clustered = Rate.of(hits, users)
    free = Rate.of(hits, np.arange(1_000, dtype=np.int64))
    assert clustered.low <= clustered.value <= clustered.high
    assert clustered.value == free.value == hits.mean()
    assert clustered.high - clustered.low > 3 * (free.high - free.low)


def test_stakes_add_up_and_end_at_one() -> None:
    evidence = Evidence(
        users=np.array([4, 4, 7]),
        owners=np.array([0, 0, 1]),
        truth=np.array([1, 2, 0]),
        candidates=np.array([[1, 2], [2, 1], [0, 2]], np.int32),
        log_likelihoods=np.zeros((3, 2), np.float32),
    )
    posterior = np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]], np.float32)
    np.testing.assert_allclose(
        evidence.stakes(posterior, 4), [[0, 1, 0.7, 0], [0.5, 0, 0.5, 0]], atol=1e-6
    )
    np.testing.assert_array_equal(evidence.guesses(posterior), [[1, 2], [2, 1], [0, 2]])
    np.testing.assert_array_equal(evidence.owner_users, [4, 7])
    apart = evidence.owned_by(np.array([5, 6, 5]))
    np.testing.assert_array_equal(apart.owners, [0, 1, 2])
    with pytest.raises(ValueError, match="3 reports"):
        evidence.with_fields({"short": np.zeros(2, np.int64)})
