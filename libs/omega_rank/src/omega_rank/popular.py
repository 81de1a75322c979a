"""The last resort: a list of popular titles, which needs neither catalogue nor history."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.content import Content
from omega_rank.catalogue import Catalogue
from omega_rank.kinds import Basis, Term

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


def _may_appear(
    row: int, seen: NDArray[np.bool_] | None, candidates: NDArray[np.bool_] | None
) -> bool:
    if row < 0:
        return candidates is None
    return (seen is None or not seen[row]) and (candidates is None or bool(candidates[row]))
