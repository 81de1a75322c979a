"""The hybrid ranker: relevance, diversity, and a reason a person understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core import validate
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingContext
from omega_rank import order, relevance
from omega_rank.calibrate import Mix
from omega_rank.catalogue import Catalogue
from omega_rank.company import Company, seen_by_any, together
from omega_rank.config import RankConfig
from omega_rank.history import History
from omega_rank.kinds import Basis, Term
from omega_rank.measures import genre_shares
from omega_rank.model import CollectiveModel
from omega_rank.moment import Moment
from omega_rank.reasons import Explainer, explain
from omega_rank.session import SessionBias
from omega_rank.shelf import Shelf, arrange
from omega_rank.taste import TasteQuery


@dataclass(frozen=True)
class Ranked:
    """One title of a list."""

    row: int
    """Its catalogue row."""
    score: float
    """0 to 1, never rising down the relevance order (diversity may then move a title).

    The logistic of the title's mean standard score over the terms' weights: 0.5 is an average
    unseen title of this household, and filters do not change it.
    """
    contributions: Mapping[Term, float]
    """Weight x standard score of each term; they add up to the relevance."""
    reason_term: Term
    """Term that the reason speaks of: one of the two largest contributions, and positive; METADATA
    when there is none such."""
    because: tuple[int, ...]
    """At most 2 rows of the history or session of those who watch that the reason names, strongest
    first."""
    reason: str
    """For a person, 1 to 1,000 characters."""


@dataclass(frozen=True)
class Ranking:
    """A page of one ranked list."""

    basis: Basis
    """What it rests on."""
    titles: tuple[Ranked, ...]
    """Best first, none seen."""


class Ranker:
    """Ranks what a household has not seen. Stateless: safe to share between threads."""

    def __init__(self, config: RankConfig | None = None) -> None:
        self._config = config or RankConfig()

    @property
    def config(self) -> RankConfig:
        """Its settings."""
        return self._config

    def with_config(self, config: RankConfig) -> Ranker:
        """A ranker of other settings; histories take them by `History.configure`."""
        return Ranker(config)

    def rank(
        self,
        catalogue: Catalogue,
        model: CollectiveModel | None,
        history: History,
        *,
        limit: int,
        offset: int = 0,
        context: ViewingContext | None = None,
        candidates: NDArray[np.bool_] | None = None,
        session: SessionBias | None = None,
        genre_bonus: FloatArray | None = None,
        occasions: Mapping[str, str] | None = None,
        diversity: float | None = None,
        company: Sequence[History] = (),
    ) -> Ranking:
        """Titles `offset` to `offset + limit` of the household's list.

        The head of the list is calibrated to the genres of those who watch: of each history by its
        weights in `context`, and of several the mean.

        Args:
            catalogue: the rows all else is aligned to.
            model: the fleet's knowledge, or None.
            history: the household.
            limit: most titles wanted, at least 1.
            offset: first rank wanted; pages of one list neither overlap nor skip.
            context: circumstances; absent = no title is preferred. What was watched in a part of
                them weighs more, and genres and kinds that are watched more in them than else are
                lifted (History.leaning).
            candidates: (n,) rows that may appear; absent = all.
            session: what is going on now (SessionState.bias); absent = nothing.
            genre_bonus: (g,) -1 to 1, how much each genre column suits the circumstances; absent =
                all alike. A title's bonus is that of its genre row, held to -1..1.
            occasions: when the household watches a genre, as words that end the sentence "You
                often watch Comedy ...": "in December". A genre that is absent gives no reason.
            diversity: 0 (the most relevant alone) to 1 (most varied, and nearest to the wanted
                genres); absent = as configured. A list by metadata is varied by its genres and
                stays as it is.
            company: histories of others who watch along (company.together). Nothing that one of
                them has seen is in the list; who has no taste yet has no say. Session, genre_bonus
                and leaning are those of `history` alone.

        Raises:
            OmegaError: INVALID_FIELD (diversity).
            ValueError: model, a history, candidates, session or genre_bonus are not aligned to the
                catalogue, or a bonus is out of its bounds.
        """
        for each in (history, *company):
            _check_aligned(catalogue, model, each, candidates)
        _check_bonus(catalogue, session, genre_bonus)
        weight = self._config.mmr_lambda
        if diversity is not None:
            weight = 1 - validate.number("diversity", diversity, 0, 1)
        if model is not None and not model.informed:
            model = None
        seen = seen_by_any([each.seen for each in (history, *company)])
        asked = [(each, each.query(context)) for each in (history, *company)]
        tastes = [(each, query) for each, query in asked if len(query.rows)]
        basis, group, shelved = self._relevance(catalogue, model, tastes, seen)
        leaning = history.leaning(context)
        found = relevance.bent(
            self._config, catalogue, group.relevance, session, genre_bonus, leaning
        )
        open_rows = ~seen if candidates is None else candidates & ~seen
        if session is not None:
            open_rows[session.hidden] = False
        masked = np.where(open_rows, found.total, np.float32(-np.inf))
        wanted = _wanted(catalogue, [query for _, query in tastes])
        page = self._page(
            catalogue, masked, limit, offset, weight if shelved is None else None, wanted
        )
        moment = Moment(session, genre_bonus, occasions or {}, leaning)
        explainers = [
            Explainer(catalogue, model, each, query, page, shelved, moment)
            for each, query in tastes or asked[:1]
        ]
        titles = []
        for place, score in enumerate(found.score(page).tolist()):
            row = int(page[place])
            contributions = {term: float(values[row]) for term, values in found.terms.items()}
            reason = explain(explainers, group, place, contributions)
            titles.append(
                Ranked(row, score, contributions, reason.term, reason.because, reason.text)
            )
        return Ranking(basis, tuple(titles))

    def _relevance(
        self,
        catalogue: Catalogue,
        model: CollectiveModel | None,
        tastes: Sequence[tuple[History, TasteQuery]],
        seen: NDArray[np.bool_],
    ) -> tuple[Basis, Company, Shelf | None]:
        misery = self._config.misery_weight
        if tastes:
            each = [
                relevance.personal(self._config, catalogue, model, history, query)
                for history, query in tastes
            ]
            return Basis.PERSONAL, together(each, misery), None
        if model is not None:
            return Basis.COLLECTIVE_PRIOR, together([relevance.prior(model, seen)], misery), None
        shelved = arrange(catalogue)
        found = relevance.metadata(shelved.position, seen)
        return Basis.METADATA, together([found], misery), shelved

    def _page(
        self,
        catalogue: Catalogue,
        scores: NDArray[np.float32],
        limit: int,
        offset: int,
        weight: float | None,
        wanted: NDArray[np.float64] | None,
    ) -> NDArray[np.int64]:
        """Rows of a page.

        Args:
            catalogue: the titles.
            scores: (n,) relevance, -inf for what may not appear.
            limit: rows wanted.
            offset: the first of them.
            weight: share of relevance beside diversity; None = all of it.
            wanted: (g,) genres that the list should have; None = any.
        """
        end = offset + limit
        window = 0 if weight is None else self._config.mmr_window
        rows = order.best_first(scores, max(window, end))
        if weight is not None and offset < window:
            head = rows[:window]
            mix = Mix.of(catalogue.genre_rows[head], wanted, self._config.calibration_weight)
            chosen = order.diversify(scores[head], catalogue.embeddings[head], weight, end, mix)
            rows = np.concatenate([head[chosen], rows[window:]])
        return rows[offset:end]


def _wanted(catalogue: Catalogue, queries: Sequence[TasteQuery]) -> NDArray[np.float64] | None:
    """(g,) mean of the genre shares of those who have any; None = nobody has."""
    mixes = [genre_shares(catalogue, query.rows, query.weights) for query in queries]
    held = [mix for mix in mixes if mix.any()]
    return np.asarray(np.mean(held, axis=0)) if held else None


def _check_aligned(
    catalogue: Catalogue,
    model: CollectiveModel | None,
    history: History,
    candidates: NDArray[np.bool_] | None,
) -> None:
    n = len(catalogue)
    if history.catalogue is not catalogue:
        raise ValueError("the history follows another catalogue")
    if model is not None and len(model) != n:
        raise ValueError(f"the model has {len(model)} rows, the catalogue {n}")
    if candidates is not None and candidates.shape != (n,):
        raise ValueError(f"candidates of {n} titles have shape ({n},)")


def _check_bonus(
    catalogue: Catalogue, session: SessionBias | None, genre_bonus: FloatArray | None
) -> None:
    n, g = catalogue.genre_rows.shape
    if session is not None and session.bonus.shape != (n,):
        raise ValueError(f"the session's bonus of {n} titles has shape ({n},)")
    if genre_bonus is not None and genre_bonus.shape != (g,):
        raise ValueError(f"the bonus of {g} genres has shape ({g},)")
    if genre_bonus is not None and not (np.abs(genre_bonus) <= 1).all():
        raise ValueError("the bonus of a genre lies in -1 to 1")
