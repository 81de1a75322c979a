"""Factors: EASE within the rounding of int8, whatever the matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray
from omega_learn import Statistics, fit_factors
from omega_learn.rows import UNIT
from omega_learn.solve import inverse_diagonal, top_eigenpairs, what_is_below_zero


def statistics_of(x: FloatArray) -> Statistics:
    """Those of devices with rows x (devices, titles) of 0 and 1."""
    n = x.shape[1]
    whole = x.astype(np.float64) * UNIT
    count = x.sum(axis=0).astype(np.int64)
    titles = np.arange(n, dtype=np.int32) * 3
    return Statistics(titles, count, count * UNIT, count * UNIT, len(x), whole.T @ whole)


def liked(devices: int, titles: int, seed: int) -> FloatArray:
    """Rows of 0 and 1 with two tastes in them."""
    random = np.random.default_rng(seed)
    taste = random.integers(0, 2, devices)
    likely = np.where((np.arange(titles) % 2)[None] == taste[:, None], 0.6, 0.1)
    return (random.random((devices, titles)) < likely).astype(np.float32)


def even(n: int) -> FloatArray:
    return np.full(n, 1 / n, np.float32)


@settings(deadline=None, max_examples=40)
@given(
    devices=st.integers(1, 60),
    titles=st.integers(1, 40),
    lam=st.floats(0.5, 500),
    seed=st.integers(0, 1_000),
)
def test_full_rank_is_ease(devices: int, titles: int, lam: float, seed: int) -> None:
    x = liked(devices, titles, seed)
    found = fit_factors(statistics_of(x), even(titles), lam=lam, rank=64)
    inverse = np.linalg.inv(x.T.astype(np.float64) @ x + lam * np.eye(titles))
    columns = found.factors * found.steps
    np.testing.assert_allclose(columns @ columns.T, np.eye(titles) - lam * inverse, atol=0.02)
    np.testing.assert_allclose(found.gains, 1 / (lam * np.diag(inverse)), rtol=1e-5)
    assert (found.gains >= 1 - 1e-6).all()
    assert found.factors.shape == (titles, 64)
    assert found.factors.dtype == np.int8
    assert np.abs(found.factors.astype(int)).max(initial=0) <= 127
    assert (found.steps > 0).all()


def test_few_columns_keep_the_largest_directions() -> None:
    x = liked(300, 40, 1)
    every = fit_factors(statistics_of(x), even(40), rank=64)
    few = fit_factors(statistics_of(x), even(40), rank=5)
    np.testing.assert_array_equal(few.factors, every.factors[:, :5])
    np.testing.assert_array_equal(few.gains, every.gains)


def test_what_is_liked_together_attracts() -> None:
    found = fit_factors(statistics_of(liked(300, 40, 1)), even(40), rank=8)
    columns = found.factors * found.steps
    score = (columns @ columns[0]) * found.gains
    assert score[2::2].mean() > 10 * abs(score[1::2].mean())


@pytest.mark.parametrize("n", [1, 7, 80])
def test_a_matrix_without_likes_gives_no_attraction(n: int) -> None:
    found = fit_factors(statistics_of(np.zeros((3, n), np.float32)), even(n))
    assert not found.factors.any()
    np.testing.assert_allclose(found.gains, 1)
    assert (found.steps == 1).all()


def test_devices_that_agree_in_everything_do_not_break_it() -> None:
    found = fit_factors(statistics_of(np.ones((10_000, 90), np.float32)), even(90), lam=0.001)
    assert np.isfinite(found.gains).all()
    assert found.factors[:, 0].tolist() == [127] * 90


def test_the_sign_of_a_column_is_fixed() -> None:
    found = fit_factors(statistics_of(liked(100, 30, 3)), even(30), rank=10)
    assert (found.factors.max(axis=0) == 127).all()


def test_the_prior_is_normalised() -> None:
    prior = np.array([0.02, 0.0, 0.06], np.float32)
    found = fit_factors(statistics_of(liked(9, 3, 0)), prior)
    np.testing.assert_allclose(found.prior, [0.25, 0, 0.75], rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("rank", {"rank": 0}),
        ("rank", {"rank": 257}),
        ("lam", {"lam": 0.0}),
        ("lam", {"lam": float("nan")}),
        ("prior", {"prior": even(4)}),
        ("prior", {"prior": np.zeros(3, np.float32)}),
        ("prior", {"prior": np.array([1, -1, 1], np.float32)}),
        ("prior", {"prior": np.array([1, np.nan, 1], np.float32)}),
    ],
)
def test_what_does_not_fit_is_named(field: str, change: dict[str, object]) -> None:
    good = {"statistics": statistics_of(liked(9, 3, 0)), "prior": even(3)}
    with pytest.raises(OmegaError) as caught:
        fit_factors(**(good | change))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


def test_without_titles_there_is_no_model() -> None:
    nothing = replace(
        statistics_of(np.zeros((3, 0), np.float32)), titles=np.zeros(0, dtype=np.int32)
    )
    with pytest.raises(OmegaError) as caught:
        fit_factors(nothing, np.zeros(0, np.float32))
    assert caught.value.code == ErrorCode.ROUND_NOT_POSSIBLE


@pytest.mark.parametrize("titles", [600, 1_300])
def test_a_large_matrix_gives_what_a_full_decomposition_does(
    titles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = liked(900, titles, 5)
    whole = fit_factors(statistics_of(x), even(titles), lam=40, rank=24)
    monkeypatch.setattr("omega_learn.factors.LARGE", 500)
    found = fit_factors(statistics_of(x), even(titles), lam=40, rank=24)
    np.testing.assert_allclose(found.gains, whole.gains, rtol=1e-6)
    scores = [(f.factors * f.steps) @ (f.factors * f.steps).T for f in (found, whole)]
    scale = np.abs(scores[1]).max()
    # The last of 24 directions lie close together: what is kept of them differs, not how much.
    assert np.abs(scores[0] - scores[1]).max() < 0.05 * scale
    assert np.trace(scores[0]) == pytest.approx(np.trace(scores[1]), rel=5e-3)
    again = fit_factors(statistics_of(x), even(titles), lam=40, rank=24)
    np.testing.assert_array_equal(again.factors, found.factors)


def test_the_pieces_of_a_large_solution_are_exact() -> None:
    random = np.random.default_rng(2)
    rows = random.standard_normal((1_400, 1_100)) * (np.arange(1_100) + 1.0) ** -0.7
    gram = rows.T @ rows
    values, vectors = top_eigenpairs(gram, 40, 1.0)
    expected = np.linalg.eigvalsh(gram)[::-1][:40]
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    np.testing.assert_allclose(gram @ vectors, vectors * values, atol=1e-2 * expected[-1])
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(40), atol=1e-9)
    inverse = np.diag(np.linalg.inv(gram / 4.0 + 3.0 * np.eye(1_100)))
    np.testing.assert_allclose(inverse_diagonal(gram, 3.0, 4.0), inverse, rtol=1e-9)


def counted(devices: int, titles: int, least: int, seed: int) -> Statistics:
    """Of likes of few popular titles and many others, where `least` are enough to count."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1.0, titles + 1)
    x = (random.random((devices, titles)) < np.minimum(0.5, 40 * shares / shares.sum())) * 1.0
    gram = x.T @ x
    gram = np.where(gram >= least, gram, 0.0)
    np.fill_diagonal(gram, np.maximum(np.diag(gram), 1))
    none = np.zeros(titles, np.int64)
    counts = np.diag(gram).astype(np.int64)
    return Statistics(
        np.arange(titles, dtype=np.int32), counts, none, none, devices, gram * UNIT**2
    )


@pytest.mark.parametrize("least", [4, 12])
def test_a_large_matrix_without_its_small_counts_gives_what_a_full_decomposition_does(
    least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = counted(500, 700, least, 3)
    gram = statistics.gram / UNIT**2
    assert np.linalg.eigvalsh(gram)[0] < -40, "without care there is no Cholesky factor of it"
    below = what_is_below_zero(gram, 64, 1.0)
    assert np.linalg.eigvalsh(gram + below @ below.T)[0] > -0.5
    whole = fit_factors(statistics, even(700), lam=20, rank=64, gaps=True)
    monkeypatch.setattr("omega_learn.factors.LARGE", 500)
    found = fit_factors(statistics, even(700), lam=20, rank=64, gaps=True)
    np.testing.assert_allclose(found.gains, whole.gains, rtol=0.01)
    assert (found.gains >= 1).all()
    scores = [(f.factors * f.steps) @ (f.factors * f.steps).T for f in (found, whole)]
    assert np.abs(scores[0] - scores[1]).max() < 0.05 * np.abs(scores[1]).max()


def test_a_large_matrix_half_of_which_is_below_zero_is_decomposed_in_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = np.random.default_rng(4).standard_normal((300, 300)) * 30
    statistics = counted(200, 300, 1, 5)
    spoilt = replace(statistics, gram=np.rint(statistics.gram + (noise + noise.T) * UNIT**2))
    whole = fit_factors(spoilt, even(300), lam=1, rank=8, gaps=True)
    monkeypatch.setattr("omega_learn.factors.LARGE", 100)
    found = fit_factors(spoilt, even(300), lam=1, rank=8, gaps=True)
    np.testing.assert_array_equal(found.gains, whole.gains)
    np.testing.assert_array_equal(found.factors, whole.factors)
