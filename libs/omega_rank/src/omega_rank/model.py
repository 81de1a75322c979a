"""What the fleet knows, laid over the rows of one catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_rank.catalogue import Catalogue
from omega_rank.cold import borrow


@dataclass(frozen=True, eq=False)
class Factors:
    """Collaborative factors as a FactorPack carries them, m titles of rank r."""

    ordinals: NDArray[np.int64]
    """(m,) distinct catalogue ordinals."""
    factors: NDArray[np.int8]
    """(m, r)."""
    steps: FloatArray
    """(r,) factor = step x int8."""
    gains: FloatArray
    """(m,) greater than 0."""
    prior: FloatArray
    """(m,) share of the fleet's likes, at least 0."""

    def __post_init__(self) -> None:
        m, r = self.factors.shape
        shapes = (self.ordinals.shape, self.steps.shape, self.gains.shape, self.prior.shape)
        if shapes != ((m,), (r,), (m,), (m,)):
            raise ValueError(f"{m} factors of rank {r} do not fit arrays of shapes {shapes}")


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
    """Factors, prior and borrowed factors by catalogue row.

    The collaborative score of title i for a household with weights w is gain_i Q_i (Q'w)
    (EASE^R, Steck 2019, at low rank). EASE's zero diagonal concerns titles with a weight only;
    those are seen and never ranked, so it is not kept.
    """

    score_factors: FloatArray
    """(n, r): gain x factor; borrowed through the global patterns where a title has none."""
    query_scale: FloatArray
    """(n,): 1 / gain, so that query_scale x score_factors is the factor; zero without one."""
    log_prior: FloatArray
    """(n,) natural logarithm of the prior; titles without one stand at the least prior."""

    def __len__(self) -> int:
        return len(self.query_scale)

    @property
    def has_factor(self) -> NDArray[np.bool_]:
        """(n,) titles with a factor of their own."""
        return np.asarray(self.query_scale > 0)

    @classmethod
    def build(
        cls, catalogue: Catalogue, factors: Factors, patterns: GlobalPatterns | None = None
    ) -> CollectiveModel:
        """Aligns a factor pack, and the patterns where held, to the rows of `catalogue`.

        Ordinals the catalogue does not hold are left out. To be built again when the catalogue
        grows, or a new pack or new patterns arrive.
        """
        n, rank = len(catalogue), factors.factors.shape[1]
        row_of = {int(o): row for row, o in enumerate(catalogue.ordinals) if o >= 0}
        held = np.array([o in row_of for o in factors.ordinals.tolist()], np.bool_)
        rows = np.array([row_of[o] for o in factors.ordinals[held].tolist()], np.int64)
        own = factors.factors[held] * factors.steps
        score_factors = np.zeros((n, rank), np.float32)
        score_factors[rows] = own * factors.gains[held, None]
        query_scale = np.zeros(n, np.float32)
        query_scale[rows] = 1 / factors.gains[held]
        if patterns is not None:
            borrow(catalogue.embeddings, score_factors, query_scale > 0, patterns.vectors)
        return cls(score_factors, query_scale, _log_prior(n, rows, factors.prior[held]))

    def scores(self, rows: NDArray[np.int64], weights: FloatArray) -> FloatArray:
        """(n,) collaborative scores for a household's titles `rows` (h,) with `weights` (h,)."""
        query = (weights * self.query_scale[rows]) @ self.score_factors[rows]
        return np.asarray(self.score_factors @ query, np.float32)


def _log_prior(n: int, rows: NDArray[np.int64], prior: FloatArray) -> FloatArray:
    known = prior[prior > 0]
    least = float(known.min()) if len(known) else 1.0
    filled = np.full(n, least, np.float64)
    filled[rows] = np.maximum(prior, least)
    return np.asarray(np.log(filled), np.float32)
