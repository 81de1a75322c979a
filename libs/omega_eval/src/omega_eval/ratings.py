"""Ratings of MovieLens as households, whatever the files they stand in: one user = one TV."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from omega_core.content import Content
from omega_core.errors import invalid
from omega_core.viewing import ViewingEvent
from omega_eval.household import Household
from omega_titles.movielens import integer

BEST = 5.0
"""The highest rating; shares are rating / BEST, so 4 stars succeed and 3.5 do not."""
TIE_SEED = 7
"""Seed of the shuffle that orders ratings given in the same second."""

_LAST_SECOND = 4_102_444_800  # 2100-01-01


@dataclass(frozen=True)
class Rating:
    """One row of a file of ratings."""

    user: int
    """The user."""
    movie: int
    """The film."""
    share: float
    """Rating / BEST, above 0 to 1."""
    second: int
    """Seconds since 1970."""


class RatingReader:
    """Takes rows of ratings and holds them to their bounds.

    Args:
        movies: the films there are.
        source: name of their file, for errors.
    """

    def __init__(self, movies: dict[int, Content], source: str) -> None:
        self._movies = movies
        self._source = source
        self._seen: set[tuple[int, int]] = set()

    def read(self, at: str, row: Sequence[str]) -> Rating:
        """The rating of a row: user, film, stars, second.

        Args:
            at: name of the row, such as "ratings.csv:2".
            row: the four cells as they stand in the file.

        Raises:
            OmegaError: INVALID_FIELD that names file, line, field and bound.
        """
        user, movie = integer(f"{at}.userId", row[0]), integer(f"{at}.movieId", row[1])
        if movie not in self._movies:
            raise invalid(f"{at}.movieId", f"one of {self._source}")
        if (user, movie) in self._seen:
            raise invalid(at, "the only rating of this movie by this user")
        self._seen.add((user, movie))
        second = integer(f"{at}.timestamp", row[3])
        if second > _LAST_SECOND:
            raise invalid(f"{at}.timestamp", "seconds since 1970 before the year 2100")
        return Rating(user, movie, _stars(f"{at}.rating", row[2]) / BEST, second)


def households_of(ratings: Sequence[Rating]) -> list[Household]:
    """Households "ml-<user>" in the order of user ids, their events by time.

    The rating stands for both the share watched and the engagement, its second for the end of the
    viewing.
    """
    shuffled = np.random.default_rng(TIE_SEED).permutation(len(ratings))
    ordered = sorted((ratings[i] for i in shuffled), key=lambda r: (r.user, r.second))
    events: defaultdict[int, list[ViewingEvent]] = defaultdict(list)
    for rating in ordered:
        events[rating.user].append(
            ViewingEvent(
                event_id=f"ml-{rating.user}-{rating.movie}",
                content_id=f"ml:{rating.movie}",
                watch_percentage=rating.share,
                engagement_score=rating.share,
                occurred_at=datetime.fromtimestamp(rating.second, UTC),
            )
        )
    return [Household(f"ml-{user}", tuple(seen), synthetic=False) for user, seen in events.items()]


def _stars(field: str, value: str) -> float:
    try:
        stars = float(value)
    except ValueError:
        raise invalid(field, "a number") from None
    if not 0 < stars <= BEST:
        raise invalid(field, f"above 0 and at most {BEST:g}")
    return stars
