"""What the fleet knows, laid over the rows of one catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from omega_core.vectors import FloatArray
from omega_rank.catalogue import Catalogue


@dataclass(frozen=True, eq=False)
class Factors:
    """Collaborative factors as a FactorPack carries them, m titles of rank r."""

    ordinals: NDArray[np.int64]
    """(m,) ascending catalogue ordinals."""
    factors: NDArray[np.int8]
    """(m, r)."""
    steps: FloatArray
    """(r,) factor = step x int8."""
    gains: FloatArray
    """(m,) greater than 0."""
    prior: FloatArray
    """(m,) share of the fleet's likes, at least 0."""


@dataclass(frozen=True, eq=False)
class GlobalPatterns:
    """Clusters of the fleet's taste, k of them."""

    vectors: FloatArray
    """(k, 384) unit rows in the centred space of the catalogue."""
    success_rates: FloatArray
    """(k,) 0 to 1."""
    weights: FloatArray
    """(k,) sample weight, at least 0."""


@dataclass(frozen=True, eq=False)
class CollectiveModel:
    """Factors, prior and borrowed factors by catalogue row."""

    query_factors: FloatArray
    """(n, r): what a watched title adds to the household's query; zero without a factor."""
    score_factors: FloatArray
    """(n, r): gain x factor; borrowed through the global patterns where a title has none."""
    has_factor: NDArray[np.bool_]
    """(n,)."""
    log_prior: FloatArray
    """(n,) natural logarithm of the prior; titles without one stand at the least prior."""

    @classmethod
    def build(
        cls, catalogue: Catalogue, factors: Factors, patterns: GlobalPatterns | None = None
    ) -> CollectiveModel:
        """Aligns a factor pack, and the patterns where held, to the rows of `catalogue`.

        Ordinals the catalogue does not hold are left out. To be built again when the catalogue
        grows, or a new pack or new patterns arrive.

        Raises:
            ValueError: shapes do not agree.
        """
        raise NotImplementedError
