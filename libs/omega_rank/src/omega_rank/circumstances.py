"""What a household watches more, or less, when circumstances are as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from omega_core.content import ContentKind
from omega_core.vectors import FloatArray
from omega_rank.calibrate import even_shares
from omega_rank.catalogue import Catalogue

STRENGTH = 10.0
"""Titles that a household's whole mix counts as beside those of some circumstances: the strength of
the Dirichlet prior. Rests on no measurement."""
LASTING = 4.0
"""Half-lives of the taste that one half-life of a habit lasts. Rests on no measurement."""
_KINDS = max(ContentKind) + 1
_WHEN = (
    ("in the morning", "in the afternoon", "in the evening", "late at night"),
    ("on weekdays", "on weekends", "on holidays"),
    ("alone", "as two", "with children", "with friends"),
    ("when relaxed", "when energetic", "when focused", "when social"),
    ("on the television", "on the projector", "on the tablet", "on the phone"),
)
_CALLED: Mapping[int, str] = MappingProxyType(
    {
        ContentKind.MOVIE: "films",
        ContentKind.SERIES: "series",
        ContentKind.LIVE: "live television",
    }
)


@dataclass(frozen=True, eq=False)
class Habit:
    """How the titles watched in one stated part of a context differ from all of them."""

    bit: int
    """The part, as ViewingContext.mask has it."""
    genres: FloatArray
    """(g,) log2 of each genre's share in it over its share always, smoothed; 0 = as always."""
    kinds: FloatArray
    """(k,) the same by value of ContentKind."""

    @property
    def words(self) -> str:
        """When that is, as words that end a sentence."""
        place, value = divmod(self.bit.bit_length() - 1, 8)
        return _WHEN[place][value - 1]


def habit(
    catalogue: Catalogue,
    rows: NDArray[np.int64],
    weights: FloatArray,
    circumstances: NDArray[np.int64],
    bit: int,
) -> Habit | None:
    """What is watched in the circumstances of `bit`; None when nothing was.

    A genre g with the share P(g) in all titles, and the weight n_g of n in those watched then, has
    the ratio log2 ((n_g + s P(g)) / ((n + s) P(g))): the posterior mean under a Dirichlet prior of
    strength s = STRENGTH around the household's whole mix, over that mix. So few titles say little
    and none say nothing. Kinds likewise.

    Args:
        catalogue: the titles.
        rows: (h,) titles of the household.
        weights: (h,) how much each counts, above 0.
        circumstances: (h,) in what each was watched, as masks.
        bit: one bit of such a mask.
    """
    inside = np.where(circumstances & bit, weights, 0)
    if not inside.any():
        return None
    shares = even_shares(catalogue.genre_rows[rows])
    kinds = np.zeros((len(rows), _KINDS), np.float32)
    kinds[np.arange(len(rows)), catalogue.kinds[rows]] = 1
    return Habit(
        bit,
        _ratios(inside @ shares, weights @ shares),
        _ratios(inside @ kinds, weights @ kinds),
    )


def _ratios(then: FloatArray, always: FloatArray) -> FloatArray:
    known = always > 0
    ratios = np.zeros(len(always), np.float32)
    if known.any():
        shares = always[known] / always.sum()
        ratios[known] = np.log2(
            (then[known] + STRENGTH * shares) / ((then.sum() + STRENGTH) * shares)
        )
    return ratios


@dataclass(frozen=True, eq=False)
class Leaning:
    """All that is known of the present circumstances.

    Naive Bayes: parts of a context count as independent given the genre, so their logarithms add
    up. They are not (children are there at weekends), and so the sum is bounded.
    """

    catalogue: Catalogue
    """The titles."""
    habits: Sequence[Habit]
    """One for each stated part in which something was watched; at least one."""

    @cached_property
    def bonus(self) -> FloatArray:
        """(n,) -1 to 1 by title: 1 = what is watched twice as often then as else, or more."""
        genres = np.sum([each.genres for each in self.habits], axis=0)
        kinds = np.sum([each.kinds for each in self.habits], axis=0)
        affinity = self.catalogue.genre_rows @ genres + kinds[self.catalogue.kinds]
        return np.asarray(np.clip(affinity, -1, 1), np.float32)

    def reason(self, row: int) -> str | None:
        """Words for what adds most to the title at `row`; None when nothing adds.

        It names a genre or kind of the title and a stated part of the context in which the
        household watches more of it than else.
        """
        added = self.catalogue.genre_rows[row]
        best, text = 0.0, None
        for each in self.habits:
            by_genre = added * each.genres
            column = int(by_genre.argmax()) if len(by_genre) else -1
            if column >= 0 and by_genre[column] > best:
                best = float(by_genre[column])
                text = f"You watch more {self.catalogue.genres[column]} {each.words}"
            kind = int(self.catalogue.kinds[row])
            if each.kinds[kind] > best and kind in _CALLED:
                best = float(each.kinds[kind])
                text = f"You watch more {_CALLED[kind]} {each.words}"
        return text


def bits_of(mask: int) -> list[int]:
    """The bits of a mask, lowest first."""
    return [1 << place for place in range(mask.bit_length()) if mask >> place & 1]
