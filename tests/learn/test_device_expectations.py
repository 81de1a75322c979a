"""What the fleet's model expects of a device: EASE's scores without a title's own part."""

from __future__ import annotations

import numpy as np
import pytest

from omega_learn import Expectations, Factors, Posterior, device_rows

TITLES = 9
KNOWN = np.array([1, 2, 4, 5, 7], np.int32)


def expectations(share: float, liked: list[list[int]]) -> Expectations:
    random = np.random.default_rng(0)
    titles = np.array([t for row in liked for t in row], np.int32)[:, None]
    n = len(titles)
    ones = np.ones(n, np.float32)
    rows = device_rows(
        Posterior(titles, np.full((n, 1), 0.5, np.float32)),
        np.array([len(row) for row in liked], np.int64),
        ones,
        ones,
    )
    model = Factors(
        KNOWN,
        random.integers(-127, 128, (5, 3)).astype(np.int8),
        np.full(3, 0.004, np.float32),
        random.uniform(1, 2, 5).astype(np.float32),
        np.full(5, 0.2, np.float32),
    )
    return Expectations(model, rows, share)


def test_the_prior_mixes_scores_and_the_collective() -> None:
    found = expectations(0.8, [[1, 4, 8], [0, 3]])
    collective = np.random.default_rng(1).dirichlet(np.ones(TITLES)).astype(np.float32)
    priors = found.priors(0, 2, collective)

    columns = found.model.factors * found.model.steps
    similar = columns @ columns.T * found.model.gains
    np.fill_diagonal(similar, 0)
    scores = np.maximum(0.5 * (similar[0] + similar[2]), 0)
    wanted = 0.2 * collective
    wanted[KNOWN] += 0.8 * scores / scores.sum()
    np.testing.assert_allclose(priors[0], wanted, rtol=1e-4, atol=1e-6)
    assert priors.dtype == np.float32
    assert priors.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_a_device_of_which_nothing_is_known_gets_the_collective() -> None:
    found = expectations(0.8, [[1, 4], [0, 3]])
    collective = np.full(TITLES, 1 / TITLES, np.float32)
    np.testing.assert_allclose(found.priors(1, 2, collective)[0], collective, rtol=1e-5)
