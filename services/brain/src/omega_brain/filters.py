"""Which titles a request lets into its list."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from omega_brain.answers import RecommendQuery
from omega_brain.state import Titles
from omega_core.content import Provider
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_core.vectors import FloatArray, centre

Mask = NDArray[np.bool_]
"""(n,) rows that pass."""
_NONE = np.empty(0, np.int64)


def require_known(titles: Titles, query: RecommendQuery) -> None:
    """Refuses ids that no title has.

    Raises:
        OmegaError: UNKNOWN_CONTENT (field content_ids[i]).
    """
    for i, content_id in enumerate(query.content_ids):
        if content_id not in titles.catalogue.row_of:
            raise OmegaError(ErrorCode.UNKNOWN_CONTENT, field=f"content_ids[{i}]")


def candidates(titles: Titles, query: RecommendQuery, shown: Collection[str]) -> Mask:
    """Rows (n,) that pass every filter of the query but its text.

    Args:
        titles: the catalogue.
        query: the request; its content_ids are known.
        shown: content ids of earlier pages, which are left out.
    """
    catalogue = titles.catalogue
    n = len(catalogue)
    allowed = np.ones(n, np.bool_)
    if query.content_ids:
        allowed &= _mask(n, [catalogue.row_of[i] for i in query.content_ids])
    if query.available_services or query.availabilities:
        allowed &= _offered(titles, query)
    if query.kinds:
        allowed &= np.isin(catalogue.kinds, query.kinds)
    for excluded in (query.exclude_content_ids, shown):
        rows = [row for i in excluded if (row := catalogue.row_of.get(i)) is not None]
        allowed[rows] = False
    if query.exclude_genres:
        allowed &= ~of_genres(titles, query.exclude_genres)
    return allowed


def permitted(titles: Titles, profile: Profile) -> Mask | None:
    """Rows (n,) that a profile's parental limits let through; None = all."""
    if profile.max_age_rating is None and not profile.blocked_genres:
        return None
    allowed = np.ones(len(titles.catalogue), np.bool_)
    if profile.max_age_rating is not None:
        rated = titles.minimum_ages
        allowed &= (rated >= 0) & (rated <= profile.max_age_rating)
    if profile.blocked_genres:
        allowed &= ~of_genres(titles, profile.blocked_genres)
    return allowed


def of_genres(titles: Titles, genres: Sequence[str]) -> Mask:
    """Rows (n,) of titles that carry one of these genres, compared without case."""
    found = (titles.by_genre.get(genre.casefold(), _NONE) for genre in genres)
    return _mask(len(titles.catalogue), np.concatenate([_NONE, *found]))


def with_words(titles: Titles, text: str) -> Mask:
    """Rows (n,) whose name or genres hold each word of a text: search without vectors."""
    words = text.casefold().split()
    held = (all(word in haystack for word in words) for haystack in titles.words)
    return np.fromiter(held, np.bool_, len(titles.catalogue))


def of_rows(titles: Titles, rows: NDArray[np.int64]) -> Mask:
    """The mask (n,) of some rows."""
    return _mask(len(titles.catalogue), rows)


def nearest(titles: Titles, text: FloatArray, most: int) -> Mask:
    """Rows (n,) of the `most` titles nearest a text's vector (384,), by comparison with all."""
    catalogue = titles.catalogue
    cosines = catalogue.embeddings @ centre(text[None], catalogue.centring_mean)[0]
    return _mask(len(catalogue), np.argsort(-cosines)[:most])


def _offered(titles: Titles, query: RecommendQuery) -> Mask:
    services, ways = set(query.available_services), set(query.availabilities)

    def fits(provider: Provider) -> bool:
        named = not services or provider.provider_id in services
        return named and (not ways or provider.availability in ways)

    rows: set[int] = set()
    for name in services or titles.offered_by:
        offered = titles.offered_by.get(name, ())
        rows.update(row for row in offered if any(map(fits, titles.offers[row])))
    return _mask(len(titles.catalogue), sorted(rows))


def _mask(length: int, rows: Sequence[int] | NDArray[np.int64]) -> Mask:
    mask = np.zeros(length, np.bool_)
    mask[np.asarray(rows, np.int64)] = True
    return mask
