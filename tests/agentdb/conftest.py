"""Vectors as an encoder makes them: clusters in a narrow cone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from omega_core.vectors import FloatArray, unit

MakeVectors = Callable[..., FloatArray]


@pytest.fixture(scope="session")
def make_vectors() -> MakeVectors:
    """Unit rows (n, dimension) around 60 centres."""

    def make(n: int, seed: int = 0, dimension: int = 384) -> FloatArray:
        centres = np.random.default_rng(7).normal(size=(60, dimension)) + 0.5
        rng = np.random.default_rng(seed)
        rows = centres[rng.integers(0, 60, n)] + rng.normal(size=(n, dimension))
        return unit(rows.astype(np.float32))

    return make
