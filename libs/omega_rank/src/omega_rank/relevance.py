"""Relevance of every title as a weighted sum of standard scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_rank.catalogue import Catalogue
from omega_rank.circumstances import Leaning
from omega_rank.config import RankConfig
from omega_rank.history import History
from omega_rank.kinds import Term
from omega_rank.model import CollectiveModel
from omega_rank.session import SessionBias
from omega_rank.taste import TasteQuery

_LEAST_SPREAD = 1e-6
_LEAST_WEIGHT = 1e-3


@dataclass(frozen=True, eq=False)
class Relevance:
    """What each term says of each title."""

    terms: Mapping[Term, FloatArray]
    """(n,) weight x standard score of each term; zero for seen titles."""
    total: FloatArray
    """(n,) their sum."""
    weight: float
    """Sum of the weights, greater than 0."""

    def score(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Logistic of the weighted mean standard score of `rows`, 0 to 1."""
        return np.asarray(1 / (1 + np.exp(-self.total[rows].astype(np.float64) / self.weight)))


def standardise(values: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    """(n,) values less their mean over their standard deviation, both over unseen titles.

    Seen titles get 0; so does everything when the unseen values do not differ.
    """
    unseen = len(values) - np.count_nonzero(seen)
    if not unseen:
        return np.zeros_like(values)
    result = np.where(seen, np.float32(0), values)
    scale = float(np.abs(result).max())
    result -= np.float32(result.sum(dtype=np.float64) / unseen)
    result[seen] = 0
    deviation = float(np.sqrt(np.dot(result, result) / unseen))
    if deviation <= _LEAST_SPREAD * scale:
        return np.zeros_like(values)
    result /= np.float32(deviation)
    return result


def personal(
    config: RankConfig,
    catalogue: Catalogue,
    model: CollectiveModel | None,
    history: History,
    query: TasteQuery,
) -> Relevance:
    """Relevance for a household whose `query` is not empty."""
    rows, weights = query.rows, query.weights
    raw = {
        Term.CONTENT: catalogue.embeddings @ (weights @ catalogue.embeddings[rows]),
        Term.GENRE: catalogue.genre_rows @ (weights @ catalogue.genre_rows[rows]),
        Term.NEAREST: history.nearest(),
    }
    newcomer = config.prior_weight * 0.5 ** (history.likes / config.prior_half_life)
    if model is not None and model.rank:
        raw[Term.COLLABORATIVE] = model.scores(rows, weights)
        scale = {
            Term.COLLABORATIVE: config.collaborative_weight,
            Term.CONTENT: config.content_weight,
            Term.GENRE: config.genre_weight,
            Term.NEAREST: config.nearest_weight,
        }
    else:
        scale = {
            Term.CONTENT: config.local_content_weight,
            Term.GENRE: config.local_genre_weight,
            Term.NEAREST: config.local_nearest_weight,
        }
    if model is not None:
        raw[Term.PRIOR] = model.log_prior
        scale[Term.PRIOR] = newcomer + (0 if model.rank else config.pattern_weight)
    return _sum(raw, scale, history.seen)


def prior(model: CollectiveModel, seen: NDArray[np.bool_]) -> Relevance:
    """Relevance for a household of which nothing is known: what the fleet likes."""
    return _sum({Term.PRIOR: model.log_prior}, {Term.PRIOR: 1.0}, seen)


def metadata(position: NDArray[np.int64], seen: NDArray[np.bool_]) -> Relevance:
    """Relevance that keeps the order of a shelf: `position` (n,) from 0."""
    falling = np.asarray(-np.log1p(position), np.float32)
    return _sum({Term.METADATA: falling}, {Term.METADATA: 1.0}, seen)


def bent(
    config: RankConfig,
    catalogue: Catalogue,
    found: Relevance,
    session: SessionBias | None,
    genre_bonus: FloatArray | None,
    leaning: Leaning | None = None,
) -> Relevance:
    """`found` with what the moment adds: a bonus of -1 to 1 x its weight x that of the relevance.

    That is at most session_weight, season_weight and context_weight in mean standard scores, so a
    title that leads by more than twice their sum keeps its lead, whatever the moment.
    """
    added = {}
    if session is not None and config.session_weight >= _LEAST_WEIGHT:
        scale = np.float32(config.session_weight * found.weight)
        added[Term.SESSION] = scale * session.bonus
    if genre_bonus is not None and config.season_weight >= _LEAST_WEIGHT:
        scale = np.float32(config.season_weight * found.weight)
        added[Term.SEASON] = scale * np.clip(genre_affinity(catalogue, genre_bonus), -1, 1)
    if leaning is not None and config.context_weight >= _LEAST_WEIGHT:
        scale = np.float32(config.context_weight * found.weight)
        added[Term.CONTEXT] = scale * leaning.bonus
    if not added:
        return found
    return Relevance({**found.terms, **added}, sum(added.values(), found.total), found.weight)


def genre_affinity(catalogue: Catalogue, genre_bonus: FloatArray) -> FloatArray:
    """(n,) sum over a title's genres of its share of each x the genre's bonus."""
    return np.asarray(catalogue.genre_rows @ genre_bonus.astype(np.float32), np.float32)


def _sum(
    raw: Mapping[Term, FloatArray], scale: Mapping[Term, float], seen: NDArray[np.bool_]
) -> Relevance:
    terms = {}
    total = np.zeros(len(seen), np.float32)
    weight = 0.0
    for term, values in raw.items():
        if scale[term] >= _LEAST_WEIGHT:
            terms[term] = np.float32(scale[term]) * standardise(values, seen)
            total += terms[term]
            weight += scale[term]
    return Relevance(terms, total, weight or 1.0)
