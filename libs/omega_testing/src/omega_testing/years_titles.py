"""A catalogue that grows for years: real titles, and then new editions of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from omega_core.content import Content
from omega_core.profile import Profile

_ADULT_ONLY = frozenset({"Horror", "Thriller", "Crime", "War"})
_FOR_ALL = frozenset({"Family", "Animation"})
_NOT_RATED = 10


class GrowingCatalogue:
    """Titles in the order in which they come.

    The order is random, so that each year brings of every genre what the years before brought.

    Args:
        titles: real ones, each with genres.
        rng: decides.
    """

    def __init__(self, titles: Sequence[Content], rng: random.Random) -> None:
        real = [rated(content, number) for number, content in enumerate(titles)]
        rng.shuffle(real)
        self._coming = _editions(real)
        self._by_genre: defaultdict[str, list[Content]] = defaultdict(list)
        self.came = 0
        """Titles taken so far."""

    def take(self, count: int) -> list[Content]:
        """The next titles; from now on they can be watched."""
        taken = [next(self._coming) for _ in range(count)]
        self.came += count
        for content in taken:
            for genre in content.genres:
                self._by_genre[genre].append(content)
        return taken

    def of(self, genre: str) -> Sequence[Content]:
        """Those of a genre that have come."""
        return self._by_genre[genre]


def rated(content: Content, number: int) -> Content:
    """A title with an age rating made up from its genres; one in ten has none."""
    if number % _NOT_RATED == 0:
        return content
    genres = set(content.genres)
    age = 16 if genres & _ADULT_ONLY else 0 if genres & _FOR_ALL else 12
    return replace(content, minimum_age=age)


def fits(profile: Profile, content: Content) -> bool:
    """Whether a profile's limits let a title through."""
    most, age = profile.max_age_rating, content.minimum_age
    if most is not None and (age is None or age > most):
        return False
    blocked = {genre.casefold() for genre in profile.blocked_genres}
    return blocked.isdisjoint(genre.casefold() for genre in content.genres)


def _editions(real: Sequence[Content]) -> Iterator[Content]:
    yield from real
    edition = 2
    while True:
        for content in real:
            yield replace(
                content,
                content_id=f"{content.content_id}-{edition}",
                title=f"{content.title} {edition}",
            )
        edition += 1
