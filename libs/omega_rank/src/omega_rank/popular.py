"""The last resort: a list of popular titles, which needs neither catalogue nor history."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.content import Content, ContentKind
from omega_rank import order
from omega_rank.catalogue import Catalogue
from omega_rank.kinds import Basis, Term
from omega_rank.model import CollectiveModel

REASON = "On the list of popular titles"
"""Why a title is on such a list; more is not known of it."""


@dataclass(frozen=True)
class PopularTitle:
    """A title of a popular list, known without the catalogue."""

    content: Content
    """The title."""
    popularity: float
    """0 to 1; what its list is ordered by."""


@dataclass(frozen=True)
class PopularRanked:
    """One title of an answer."""

    content: Content
    """The title as its list knows it."""
    row: int
    """Its catalogue row, -1 = the catalogue lacks it."""
    score: float
    """Its popularity, 0 to 1."""
    reason_term: Term
    """METADATA: nothing of the household speaks for it."""
    reason: str
    """For a person."""


@dataclass(frozen=True)
class PopularRanking:
    """A page of a popular list."""

    titles: tuple[PopularRanked, ...]
    """In the order of the list."""
    basis: Basis = Basis.POPULAR
    """What it rests on."""


def popular(
    titles: Sequence[PopularTitle],
    *,
    limit: int,
    offset: int = 0,
    catalogue: Catalogue | None = None,
    seen: NDArray[np.bool_] | None = None,
    candidates: NDArray[np.bool_] | None = None,
    excluded: AbstractSet[str] = frozenset(),
) -> PopularRanking:
    """Titles `offset` to `offset + limit` of a popular list, less what may not appear.

    Args:
        titles: the list in its order.
        limit: most titles wanted, at least 1.
        offset: first rank wanted.
        catalogue: what the masks' rows mean; None = the masks are not looked at.
        seen: (n,) rows that do not appear.
        candidates: (n,) rows that may appear; a title that the catalogue lacks then may not, since
            nothing says that it passes. Absent = all, those titles too.
        excluded: content ids that do not appear.
    """
    rows = {} if catalogue is None else catalogue.row_of
    found = []
    for title in titles:
        content_id = title.content.content_id
        row = rows.get(content_id, -1)
        if content_id not in excluded and _may_appear(row, seen, candidates):
            found.append(PopularRanked(title.content, row, title.popularity, Term.METADATA, REASON))
            if len(found) == offset + limit:
                break
    return PopularRanking(tuple(found[offset:]))


def most_liked(
    catalogue: Catalogue, model: CollectiveModel, count: int = 500
) -> tuple[PopularTitle, ...]:
    """The titles that the fleet likes most, as a list to keep for the day when nothing else works.

    Their popularity is the share of the fleet's liking over the greatest one's. Availability, age
    rating and description are not in the catalogue's arrays: `popular` is given `candidates` where
    these matter.

    Args:
        catalogue: the titles.
        model: the fleet's knowledge over them.
        count: most titles wanted, at least 1.
    """
    known = np.where(model.has_factor, model.log_prior, np.float32(-np.inf))
    rows = order.best_first(known if model.rank else model.log_prior, count)
    if not len(rows):
        return ()
    shares = np.exp(model.log_prior[rows].astype(np.float64) - float(model.log_prior[rows[0]]))
    return tuple(
        PopularTitle(_content(catalogue, row), share)
        for row, share in zip(rows.tolist(), shares.tolist(), strict=True)
    )


def _content(catalogue: Catalogue, row: int) -> Content:
    return Content(
        catalogue.ids[row],
        catalogue.titles[row],
        ContentKind(int(catalogue.kinds[row])),
        catalogue.genres_of[row],
        int(catalogue.years[row]),
    )


def _may_appear(
    row: int, seen: NDArray[np.bool_] | None, candidates: NDArray[np.bool_] | None
) -> bool:
    if row < 0:
        return candidates is None
    return (seen is None or not seen[row]) and (candidates is None or bool(candidates[row]))
