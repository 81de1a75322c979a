"""What the fleet knows, laid over the rows of one catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_rank import cold
from omega_rank.catalogue import Catalogue


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
    """(k,) at least 0."""

    def __post_init__(self) -> None:
        k = len(self.vectors)
        if not self.success_rates.shape == self.weights.shape == (k,):
            raise ValueError(f"{k} patterns need as many success rates and weights")


@dataclass(frozen=True, eq=False)
class CollectiveModel:
    """Factors and prior by catalogue row.

    The collaborative score of title i for a household with weights w is gain_i Q_i (Q'w)
    (EASE^R, Steck 2019, at low rank). EASE's zero diagonal concerns titles with a weight only;
    those are seen and never ranked, so it is not kept.
    """

    score_factors: FloatArray
    """(n, r): gain x factor; read off the embedding where a title has none (see cold.borrow).
    r = 0 when only patterns are held."""
    query_scale: FloatArray
    """(n,): 1 / gain, so that query_scale x score_factors is the factor; zero without one."""
    log_prior: FloatArray
    """(n,) natural logarithm of the fleet's liking, up to a constant: of the prior where a title
    has one, else read off the embedding; of the density of the patterns when r = 0."""
    has_factor: NDArray[np.bool_]
    """(n,) titles with a factor of their own."""

    def __len__(self) -> int:
        return len(self.query_scale)

    @property
    def informed(self) -> bool:
        """Whether it says anything of this catalogue: of a title's factor, or by patterns."""
        return not self.rank or bool(self.has_factor.any())

    @property
    def rank(self) -> int:
        """Columns of the factors; 0 when only patterns are held."""
        return int(self.score_factors.shape[1])

    @classmethod
    def build(
        cls, catalogue: Catalogue, factors: Factors | None, patterns: GlobalPatterns | None = None
    ) -> CollectiveModel:
        """Aligns a factor pack to the rows of `catalogue`.

        Ordinals the catalogue does not hold are left out. Patterns stand in as long as no title of
        the catalogue has a factor. To be built again when the catalogue grows, or a new pack or
        new patterns arrive.

        Raises:
            ValueError: there is neither a pack nor a pattern.
        """
        if factors is not None:
            model = cls._of_factors(catalogue, factors)
            if patterns is None or not len(patterns.vectors) or model.has_factor.any():
                return model
        if patterns is None or not len(patterns.vectors):
            raise ValueError("a collective model needs factors or patterns")
        n = len(catalogue)
        density = cold.log_density(
            catalogue.embeddings, patterns.vectors, patterns.weights * patterns.success_rates
        )
        nothing = np.zeros(n, np.float32)
        return cls(np.zeros((n, 0), np.float32), nothing, density, np.zeros(n, np.bool_))

    @classmethod
    def _of_factors(cls, catalogue: Catalogue, pack: Factors) -> CollectiveModel:
        n, rank = len(catalogue), pack.factors.shape[1]
        row_of = {int(o): row for row, o in enumerate(catalogue.ordinals) if o >= 0}
        held = np.array([o in row_of for o in pack.ordinals.tolist()], np.bool_)
        rows = np.array([row_of[o] for o in pack.ordinals[held].tolist()], np.int64)
        known = np.zeros(n, np.bool_)
        known[rows] = True
        gains = pack.gains[held, None]
        # One column more for the prior: a cold title's factor and prior come from one map.
        targets = np.zeros((n, rank + 1), np.float32)
        targets[rows, :rank] = pack.factors[held] * pack.steps * gains
        targets[rows, rank] = _log_prior(pack.prior[held])
        if known.any() and not known.all():
            prior = targets[rows, rank]
            middle, floor = np.zeros((2, rank + 1), np.float32)
            middle[rank], floor[rank] = prior.mean(), prior.min()
            targets[~known] = cold.borrow(
                catalogue.embeddings, known, targets[known], middle, floor
            )
        query_scale = np.zeros(n, np.float32)
        query_scale[rows] = 1 / gains[:, 0]
        return cls(
            np.ascontiguousarray(targets[:, :rank]),
            query_scale,
            np.ascontiguousarray(targets[:, rank]),
            known,
        )

    def scores(self, rows: NDArray[np.int64], weights: FloatArray) -> FloatArray:
        """(n,) collaborative scores for a household's titles `rows` (h,) with `weights` (h,)."""
        query = (weights * self.query_scale[rows]) @ self.score_factors[rows]
        return np.asarray(self.score_factors @ query, np.float32)


def _log_prior(prior: FloatArray) -> FloatArray:
    """Logarithms; a share of 0 counts as the least share above it."""
    above = prior[prior > 0]
    least = above.min() if len(above) else np.float32(1)
    return np.asarray(np.log(np.maximum(prior, least)), np.float32)
