"""Ranked rows as the titles of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from omega_brain.answers import Listed, RecommendQuery
from omega_brain.state import Collective, Titles
from omega_core.content import Content, ContentKind
from omega_core.profile import Profile
from omega_rank.kinds import Term
from omega_rank.popular import REASON, PopularTitle, popular
from omega_rank.ranker import Ranked, Ranking
from omega_rank.shelf import arrange

_LIKED = "Popular with other households"
_HELD = "From this TV's catalogue"


def listed(ranking: Ranking, titles: Titles) -> tuple[Listed, ...]:
    """A ranking's rows as titles."""
    return tuple(_listed(ranked, titles) for ranked in ranking.titles)


def shipped(
    popular_titles: Sequence[PopularTitle],
    query: RecommendQuery,
    shown: AbstractSet[str],
    profiles: Sequence[Profile],
) -> tuple[Listed, ...]:
    """The firmware's own list, for a TV that holds no title yet: its filters hold here too."""
    fitting = [
        title
        for title in popular_titles
        if _fits(title.content, query)
        and all(_permits(profile, title.content) for profile in profiles)
    ]
    ranking = popular(fitting, limit=query.limit, offset=query.offset, excluded=shown)
    return tuple(
        Listed(
            content_id=ranked.content.content_id,
            title=ranked.content.title,
            kind=ranked.content.kind,
            genres=ranked.content.genres,
            year=ranked.content.year,
            score=ranked.score,
            reason=ranked.reason,
            reason_term=ranked.reason_term,
            providers=ranked.content.providers,
        )
        for ranked in ranking.titles
    )


def popular_rows(
    titles: Titles, collective: Collective, content_ids: Sequence[str]
) -> tuple[NDArray[np.int64], int]:
    """(n,) every row of the catalogue, what is popular first, and how many are known to be.

    That is what the fleet likes, all of it. Without its knowledge the titles of a list come first,
    and then the newest of each genre in turn.

    Args:
        titles: the catalogue.
        collective: what the fleet knows.
        content_ids: the list, best first; ids that the catalogue lacks are passed over.
    """
    model = collective.model
    if model is not None and model.informed:
        return np.argsort(-model.log_prior, kind="stable"), len(titles.catalogue)
    row_of = titles.catalogue.row_of
    named = np.array([row_of[i] for i in content_ids if i in row_of], np.int64)
    shelf = np.argsort(arrange(titles.catalogue).position, kind="stable")
    return np.concatenate([named, shelf[~np.isin(shelf, named)]]), len(named)


def popular_reasons(
    page: NDArray[np.int64], known: NDArray[np.int64], collective: Collective
) -> list[tuple[Term, str]]:
    """Why each row (m,) of a page stands on the popular list, with the rows known to be popular."""
    model = collective.model
    if model is not None and model.informed:
        return [(Term.PRIOR, _LIKED)] * len(page)
    held = np.isin(page, known).tolist()
    return [(Term.METADATA, REASON if each else _HELD) for each in held]


def in_order(
    rows: NDArray[np.int64], titles: Titles, reasons: Sequence[tuple[Term, str]]
) -> tuple[Listed, ...]:
    """A page of the popular list.

    Args:
        rows: (m,) best first.
        titles: what they mean.
        reasons: why each of them is there.
    """
    count = max(len(titles.catalogue), 1)
    return tuple(
        _listed(Ranked(row, 1 - place / count, {}, term, (), reason), titles)
        for place, (row, (term, reason)) in enumerate(zip(rows.tolist(), reasons, strict=True))
    )


def _listed(ranked: Ranked, titles: Titles) -> Listed:
    row, catalogue = ranked.row, titles.catalogue
    return Listed(
        content_id=catalogue.ids[row],
        title=catalogue.titles[row],
        kind=ContentKind(int(catalogue.kinds[row])),
        genres=catalogue.genres_of[row],
        year=int(catalogue.years[row]),
        score=ranked.score,
        reason=ranked.reason,
        reason_term=ranked.reason_term,
        because=tuple(catalogue.ids[seen] for seen in ranked.because),
        providers=titles.offers[row],
    )


def _fits(content: Content, query: RecommendQuery) -> bool:
    """Whether a title passes the filters of a request."""
    services, ways = query.available_services, query.availabilities
    genres = {genre.casefold() for genre in content.genres}
    words = query.query_text.casefold().split()
    haystack = " ".join((content.title, *content.genres)).casefold()
    return (
        content.content_id not in query.exclude_content_ids
        and (not query.kinds or content.kind in query.kinds)
        and genres.isdisjoint(genre.casefold() for genre in query.exclude_genres)
        and all(word in haystack for word in words)
        and (
            not (services or ways)
            or any(
                (not services or offer.provider_id in services)
                and (not ways or offer.availability in ways)
                for offer in content.providers
            )
        )
    )


def _permits(profile: Profile, content: Content) -> bool:
    age, limit = content.minimum_age, profile.max_age_rating
    blocked = {genre.casefold() for genre in profile.blocked_genres}
    return (limit is None or (age is not None and age <= limit)) and blocked.isdisjoint(
        genre.casefold() for genre in content.genres
    )
