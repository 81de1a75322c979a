"""Moments of the past with all that any candidate needs to rank them again.

A candidate then costs a product of 5 weights with a matrix and not a replay (common random
numbers: all candidates meet the same moments, the same titles and the same targets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omega_core.tuning import TunedSettings
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingEvent
from omega_meta_sona import space
from omega_meta_sona.apply import rank_config
from omega_meta_sona.gains import Rows, served
from omega_rank import Catalogue, CollectiveModel, History, RankConfig, Term, order, relevance
from omega_rank.measures import genre_shares

TERMS = (Term.COLLABORATIVE, Term.CONTENT, Term.GENRE, Term.NEAREST, Term.PRIOR)
"""Rows of a matrix of terms."""
POOL = 400
"""Titles of a list that a moment keeps, for each taste."""
_ALWAYS = 10_000.0


@dataclass(frozen=True, eq=False)
class World:
    """What the household chose from, and what the fleet knew of it."""

    catalogue: Catalogue
    """The titles."""
    model: CollectiveModel | None
    """The fleet's knowledge; None = there is none, or none of these titles."""
    shipped: RankConfig
    """What tuned settings apply to."""

    def __post_init__(self) -> None:
        """Leaves out a model that the ranker would leave out."""
        if self.model is not None and not self.model.informed:
            object.__setattr__(self, "model", None)

    def terms(self, history: History, settings: TunedSettings) -> FloatArray:
        """(5, n) standard score of each of TERMS under the taste of `settings`; 0 where absent."""
        # Weights of 1 make the ranker's own sum give up its parts unscaled.
        config = replace(
            rank_config(settings, self.shipped),
            collaborative_weight=1.0,
            content_weight=1.0,
            genre_weight=1.0,
            nearest_weight=1.0,
            local_content_weight=1.0,
            local_genre_weight=1.0,
            local_nearest_weight=1.0,
            prior_weight=1.0,
            prior_half_life=_ALWAYS,
            pattern_weight=0.0,
        )
        history.configure(config)
        found = relevance.personal(
            config, self.catalogue, self.model, history, history.query()
        ).terms
        matrix = np.zeros((len(TERMS), len(self.catalogue)), np.float32)
        for row, term in enumerate(TERMS):
            if term in found:
                matrix[row] = found[term]
        if Term.PRIOR in found:
            matrix[-1] /= np.float32(0.5 ** (history.likes / _ALWAYS))
        return matrix

    def weights(self, config: RankConfig, likes: int) -> FloatArray:
        """(5,) weight of each of TERMS under `config` after so many likes."""
        prior = config.prior_weight * 0.5 ** (likes / config.prior_half_life)
        collective = self.model is not None and self.model.rank > 0
        if collective:
            own = (
                config.collaborative_weight,
                config.content_weight,
                config.genre_weight,
                config.nearest_weight,
            )
        else:
            prior += config.pattern_weight
            own = (
                0.0,
                config.local_content_weight,
                config.local_genre_weight,
                config.local_nearest_weight,
            )
        return np.array([*own, prior], np.float32)


@dataclass(frozen=True, eq=False)
class Moment:
    """One moment of the past, with the m titles that may come near the top of any list."""

    rows: Rows
    """(m,) catalogue rows, ascending, none of them seen; the targets are among them."""
    terms: Mapping[tuple[float, float], FloatArray]
    """(5, m) standard scores for each taste of the grid (space.taste_of)."""
    likes: int
    """Titles liked by then."""
    targets: Rows
    """(t,) positions within `rows` of what it watched next and liked, oldest first."""
    genres: NDArray[np.float64]
    """(g,) share of each genre in what it had watched."""
    wanted: Mapping[tuple[float, float], NDArray[np.float64]]
    """The same for each taste of the grid: what lists under it are calibrated to."""

    def total(self, world: World, config: RankConfig, taste: tuple[float, float]) -> FloatArray:
        """(m,) relevance under `config`, whose taste is one of the grid."""
        return np.asarray(world.weights(config, self.likes) @ self.terms[taste], np.float32)


def capture(
    world: World, history: History, targets: Rows, tastes: Sequence[TunedSettings]
) -> Moment:
    """The present moment of `history`.

    Kept are the targets and the POOL best titles of each taste by the shipped weights, and POOL / 4
    by each term alone. What no list comes near is left out, which a rank far down hardly notices: a
    tenth of the memory and of the time. A catalogue of at most POOL titles is kept whole.

    Args:
        world: titles, fleet, shipped settings.
        history: the household; its settings are those of `world` afterwards.
        targets: (t,) rows that it has not seen.
        tastes: one setting for each matrix of terms.
    """
    terms, wanted = {}, {}
    for settings in tastes:
        taste = space.taste_of(settings)
        terms[taste] = world.terms(history, settings)
        wanted[taste] = _genres(world, history)
    history.configure(world.shipped)
    rows = _pool(world, history, terms, targets)
    return Moment(
        rows=rows,
        terms={taste: np.ascontiguousarray(found[:, rows]) for taste, found in terms.items()},
        likes=history.likes,
        targets=np.searchsorted(rows, targets).astype(np.int64),
        genres=_genres(world, history),
        wanted=wanted,
    )


def _genres(world: World, history: History) -> NDArray[np.float64]:
    """(g,) share of each genre in what was watched, by the weights that are in force."""
    query = history.query()
    return genre_shares(world.catalogue, query.rows, query.weights)


def _pool(
    world: World, history: History, terms: Mapping[tuple[float, float], FloatArray], targets: Rows
) -> Rows:
    if len(world.catalogue) <= POOL:
        return np.flatnonzero(~history.seen).astype(np.int64)
    chosen = history.seen.copy()
    chosen[:] = False
    chosen[targets] = True
    weights = world.weights(world.shipped, history.likes)
    for matrix in terms.values():
        for scores, count in ((weights @ matrix, POOL), *((row, POOL // 4) for row in matrix)):
            open_scores = np.where(history.seen, np.float32(-np.inf), scores)
            chosen[order.best_first(open_scores, count)] = True
    return np.flatnonzero(chosen).astype(np.int64)


def target_ranks(
    world: World, history: History, settings: Sequence[TunedSettings], targets: Rows
) -> list[NDArray[np.int64]]:
    """For each setting the ranks of `targets` (t,) at the present moment of `history`."""
    everything = np.arange(len(world.catalogue), dtype=np.int64)
    matrices: dict[tuple[float, float], FloatArray] = {}
    wanted: dict[tuple[float, float], NDArray[np.float64]] = {}
    found = []
    for each in settings:
        taste = space.taste_of(each)
        if taste not in matrices:
            matrices[taste] = world.terms(history, each)
            wanted[taste] = _genres(world, history)
        config = rank_config(each, world.shipped)
        total = world.weights(config, history.likes) @ matrices[taste]
        total[history.seen] = -np.inf
        ranks, _ = served(total, world.catalogue, config, targets, everything, wanted[taste])
        found.append(ranks)
    return found


def rows_of(catalogue: Catalogue, viewings: Sequence[ViewingEvent]) -> Rows:
    """Catalogue rows of viewings of titles that the catalogue holds."""
    return np.array([catalogue.row_of[viewing.content_id] for viewing in viewings], np.int64)
