"""Baselines against direct computation on matrices small enough for it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.viewing import ViewingEvent
from omega_eval.baselines import Interactions, ease, ease_scores, popularity
from omega_eval.split import SplitHousehold


def random_interactions(seed: int, users: int, titles: int) -> Interactions:
    rng = np.random.default_rng(seed)
    seen = rng.random((users, titles)) < 0.3
    liked = (seen & (rng.random((users, titles)) < 0.7)).astype(np.float32)
    return Interactions(liked, seen)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    users=st.integers(1, 25),
    titles=st.integers(1, 40),
    regularisation=st.sampled_from([0.5, 20.0, 400.0]),
)
def test_ease_by_the_dual_ranks_as_the_primal_inverse(
    seed: int, users: int, titles: int, regularisation: float
) -> None:
    data = random_interactions(seed, users, titles)
    X = data.liked.astype(np.float64)
    P = np.linalg.inv(X.T @ X + regularisation * np.eye(titles))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    scores = X @ B
    for user, rows in enumerate(ease(data, regularisation)):
        unseen = np.flatnonzero(~data.seen[user])
        best = np.sort(scores[user, unseen])[::-1][:20]
        assert set(rows.tolist()) <= set(unseen.tolist())
        assert scores[user, rows].tolist() == pytest.approx(best.tolist(), abs=1e-9)


def test_popularity_counts_likes_and_skips_what_was_seen() -> None:
    data = random_interactions(3, 30, 50)
    likes = data.liked.sum(axis=0)
    for seen, rows in zip(data.seen, popularity(data), strict=True):
        order = sorted(np.flatnonzero(~seen).tolist(), key=lambda i: (-likes[i], i))
        assert rows.tolist() == order[:20]


def test_training_events_become_likes_by_their_majority() -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    shares = {"a": [1.0, 0.1], "b": [1.0, 0.1, 0.1], "c": [0.7], "d": [0.71]}
    events = [
        ViewingEvent(f"{title}{k}", title, share, share, now)
        for title, given_shares in shares.items()
        for k, share in enumerate(given_shares)
    ]
    row_of = {title: row for row, title in enumerate("abcde")}
    data = Interactions.of([SplitHousehold("h", tuple(events), ("e",))], row_of)
    assert data.liked.tolist() == [[1, 0, 0, 1, 0]]
    assert data.seen.tolist() == [[True, True, True, True, False]]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), users=st.integers(1, 40), titles=st.integers(1, 25))
def test_ease_scores_others_than_those_it_learnt_from(seed: int, users: int, titles: int) -> None:
    data = random_interactions(seed, users, titles)
    queries = random_interactions(seed + 1, 5, titles).liked
    X = data.liked.astype(np.float64)
    P = np.linalg.inv(X.T @ X + 20.0 * np.eye(titles))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    assert ease_scores(data.liked, queries, 20.0) == pytest.approx(queries @ B, abs=1e-9)
