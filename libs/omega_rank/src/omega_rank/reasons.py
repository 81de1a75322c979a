"""Why a title is in the list, in words that hold.

A reason speaks of one of the two largest contributions to the title's relevance, and only when
that contribution is positive. The titles it names are those of the history that contribute most to
that very term (of several people the history of whom the term speaks most for); a reason of the
session names the title of the session that does, one of the circumstances what is watched more in
them. When neither of the two largest terms speaks for the title, the reason is a fact of the
catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_rank import moment
from omega_rank.catalogue import Catalogue
from omega_rank.company import Company
from omega_rank.history import History
from omega_rank.kinds import Term
from omega_rank.model import CollectiveModel
from omega_rank.shelf import Shelf
from omega_rank.taste import TasteQuery

_NAMED = 2
_SECOND_SHARE = 0.25
_AMONG_THE_NEWEST = 10
_BLOCK = 256
_OF_THE_MOMENT = frozenset({Term.SESSION, Term.SEASON, Term.CONTEXT})


@dataclass(frozen=True)
class Reason:
    """A reason and what it rests on."""

    term: Term
    """The part of the relevance it speaks of."""
    because: tuple[int, ...] = ()
    """Rows of the history that it names, strongest first; at most 2."""
    text: str = ""
    """For a person."""


@dataclass(frozen=True, eq=False)
class Explainer:
    """Finds the reasons of one page; what each needs is computed for the page at once."""

    catalogue: Catalogue
    model: CollectiveModel | None
    history: History
    query: TasteQuery
    page: NDArray[np.int64]
    shelf: Shelf | None
    now: moment.Moment

    def reason(self, term: Term, place: int) -> Reason | None:
        """What `term` says of the title at `place` of the page; None = nothing that holds."""
        row = int(self.page[place])
        if term in _OF_THE_MOMENT:
            return self._of_the_moment(term, row)
        if term is Term.METADATA:
            return self.fact(row)
        if term is Term.PRIOR:
            return Reason(term, (), self._prior_text(row))
        rows, evidence = self._evidence(term)
        because = _strongest(rows, evidence[:, place])
        if not because:
            return None
        if term is Term.GENRE:
            return self._genre_reason(row, because)
        return Reason(term, because, self._watched(because) + self._text(term, row, because))

    def fact(self, row: int) -> Reason:
        """What the catalogue, or the shelf, says of the title at `row`."""
        if self.shelf is not None:
            return Reason(Term.METADATA, (), shelf_text(self.catalogue, self.shelf, row))
        return Reason(Term.METADATA, (), facts(self.catalogue, row))

    def _of_the_moment(self, term: Term, row: int) -> Reason | None:
        now, text = self.now, None
        if term is Term.SESSION and now.session is not None:
            because, words = moment.session_reason(self.catalogue, now.session, row)
            return Reason(term, (because,), words)
        if term is Term.SEASON and now.genre_bonus is not None:
            text = moment.season_reason(self.catalogue, now.genre_bonus, now.occasions, row)
        if term is Term.CONTEXT and now.leaning is not None:
            text = now.leaning.reason(row)
        return Reason(term, (), text) if text else None

    def _prior_text(self, row: int) -> str:
        if self.model is None or not self.model.has_factor[row]:
            return "Close to what many households like"
        even_share = -np.log(np.count_nonzero(self.model.has_factor))
        if self.model.log_prior[row] > even_share:
            return "Much liked across households"
        return "Liked across households"

    def _watched(self, because: tuple[int, ...]) -> str:
        return "Because you watched " + _joined([self.catalogue.titles[r] for r in because])

    def _text(self, term: Term, row: int, because: tuple[int, ...]) -> str:
        """What a term adds to the titles that a reason names."""
        them = "it" if len(because) == 1 else "them"
        if term is Term.NEAREST:
            return f": much like {them}"
        if term is Term.CONTENT:
            return ""
        if self.model is not None and self.model.has_factor[row]:
            return f": households that liked {them} also liked this"
        return f": households that liked {them} also liked titles like this"

    def _evidence(self, term: Term) -> tuple[NDArray[np.int64], FloatArray]:
        """Titles of the history (h,) and what each adds to `term` for each of the page (h, p)."""
        if term is Term.NEAREST:
            return self._liked
        if term is Term.GENRE:
            return self.query.rows, self._by_genre
        if term is Term.COLLABORATIVE:
            return self.query.rows, self._by_factors
        return self.query.rows, self._by_content

    @cached_property
    def _liked(self) -> tuple[NDArray[np.int64], FloatArray]:
        liked = np.flatnonzero(self.history.liked)
        embeddings = self.catalogue.embeddings
        page = np.ascontiguousarray(embeddings[self.page].T)
        cosines = np.empty((len(liked), len(self.page)), np.float32)
        for start in range(0, len(liked), _BLOCK):
            block = slice(start, start + _BLOCK)
            np.matmul(embeddings[liked[block]], page, out=cosines[block])
        return liked, cosines

    @cached_property
    def _by_content(self) -> FloatArray:
        return self._added(self.catalogue.embeddings, self.query.weights)

    @cached_property
    def _by_genre(self) -> FloatArray:
        return self._added(self.catalogue.genre_rows, self.query.weights)

    @cached_property
    def _by_factors(self) -> FloatArray:
        if self.model is None:
            return np.zeros((len(self.query.rows), len(self.page)), np.float32)
        weights = self.query.weights * self.model.query_scale[self.query.rows]
        return self._added(self.model.score_factors, weights)

    def _added(self, rows: FloatArray, weights: FloatArray) -> FloatArray:
        """weights_j (rows_j . rows_i) for j of the history and i of the page."""
        return weights[:, None] * (rows[self.query.rows] @ rows[self.page].T)

    def _genre_reason(self, row: int, because: tuple[int, ...]) -> Reason:
        genres = self.catalogue.genre_rows
        shared = (genres[row] > 0) & (genres[because[0]] > 0)
        taste = (self.query.weights @ genres[self.query.rows]) * genres[row]
        columns = np.argsort(-np.where(shared, taste, -1), kind="stable")[: shared.sum()][:_NAMED]
        because = tuple(r for r in because if (genres[r, columns] > 0).all())
        wanted = _joined([self.catalogue.genres[c] for c in columns])
        return Reason(Term.GENRE, because, f"{self._watched(because)}: more {wanted}")


def explain(
    explainers: Sequence[Explainer], group: Company, place: int, contributions: Mapping[Term, float]
) -> Reason:
    """The reason for the title at `place` of the page.

    Args:
        explainers: one for each member of the group.
        group: whose list it is.
        place: of the page.
        contributions: of each term to the title's relevance.
    """
    row = int(explainers[0].page[place])
    for term in sorted(contributions, key=lambda t: (-contributions[t], t))[:_NAMED]:
        if contributions[term] <= 0:
            break
        whose = 0 if term in _OF_THE_MOMENT else group.speaks(term, row)
        reason = explainers[whose].reason(term, place)
        if reason is not None:
            return reason
    return explainers[0].fact(row)


def facts(catalogue: Catalogue, row: int) -> str:
    """What the catalogue says of a title."""
    genres = _joined(list(catalogue.genres_of[row][:_NAMED]))
    year = int(catalogue.years[row])
    if year:
        return f"{genres or 'A title'} from {year}"
    return genres or "From the catalogue"


def shelf_text(catalogue: Catalogue, shelf: Shelf, row: int) -> str:
    """Why a title stands where it stands on the shelf."""
    if shelf.genre[row] >= 0 and shelf.age_rank[row] < _AMONG_THE_NEWEST and catalogue.years[row]:
        return f"Among the newest in {catalogue.genres[shelf.genre[row]]}"
    return facts(catalogue, row)


def _strongest(rows: NDArray[np.int64], evidence: FloatArray) -> tuple[int, ...]:
    """The one or two rows with the most positive evidence."""
    if not len(rows):
        return ()
    best = int(evidence.argmax())
    greatest = float(evidence[best])
    if greatest <= 0:
        return ()
    others = evidence.copy()
    others[best] = -np.inf
    second = int(others.argmax())
    if second == best or others[second] < _SECOND_SHARE * greatest:
        return (int(rows[best]),)
    return int(rows[best]), int(rows[second])


def _joined(names: list[str]) -> str:
    return " and ".join(names)
