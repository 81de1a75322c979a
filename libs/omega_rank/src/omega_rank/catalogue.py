"""Titles as arrays, in one fixed row order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from omega_core import vectors
from omega_core.content import Content
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_rank import growth
from omega_rank.growth import GrowingRows

S = TypeVar("S", bound=np.generic)
MAX_GENRE_COLUMNS = 128
"""Genres that count in the ranking: the most frequent ones, so that free text stays bounded."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """n titles by row. Arrays are read-only by agreement; growth makes a new catalogue."""

    ids: tuple[str, ...]
    """Content ids."""
    titles: tuple[str, ...]
    """Names for people."""
    genres_of: tuple[tuple[str, ...], ...]
    """Genres of each title, as stored with it."""
    embeddings: FloatArray
    """(n, 384) float32, centred, unit rows."""
    centring_mean: FloatArray
    """(384,) float32 mean that was subtracted from the encoder's vectors."""
    genres: tuple[str, ...]
    """Names of the g genre columns, sorted; at most MAX_GENRE_COLUMNS."""
    genre_rows: FloatArray
    """(n, g) float32: idf of each genre a title carries, unit rows (zero without genres)."""
    kinds: NDArray[np.int8]
    """(n,) values of ContentKind."""
    years: NDArray[np.int16]
    """(n,) year of release, 0 = unknown."""
    ordinals: NDArray[np.int64]
    """(n,) position in the fleet's catalogue index, -1 = known to this TV only."""
    row_of: Mapping[str, int]
    """Row of each content id."""
    room: GrowingRows | None = None
    """What `embeddings` is a view of, for a catalogue that extends this one."""

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def build(
        cls,
        contents: Sequence[Content],
        embeddings: FloatArray,
        centring_mean: FloatArray | None = None,
        ordinals: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> Catalogue:
        """A catalogue of `contents` in their order.

        Args:
            contents: distinct ids; may be empty.
            embeddings: (n, 384) unit rows as the encoder gave them (not centred).
            centring_mean: (384,) mean that is subtracted first; absent = the mean of `embeddings`.
            ordinals: position of each title in the fleet's index, -1 = local only; absent = all -1.

        Raises:
            ValueError: lengths differ or an id appears twice.
        """
        n = len(contents)
        _check_embeddings(embeddings, n)
        if centring_mean is None:
            centring_mean = _mean(embeddings)
        genres_of = _shared([c.genres for c in contents])
        names, rows = _genre_matrix(genres_of)
        ids = tuple(c.content_id for c in contents)
        row_of = {content_id: row for row, content_id in enumerate(ids)}
        if len(row_of) != n:
            raise ValueError("a content id appears twice")
        room = growth.centred(np.asarray(embeddings, np.float32), centring_mean)
        return cls(
            ids=ids,
            titles=tuple(c.title for c in contents),
            genres_of=genres_of,
            embeddings=room.first,
            centring_mean=np.asarray(centring_mean, np.float32),
            genres=names,
            genre_rows=rows,
            kinds=np.array([c.kind for c in contents], np.int8),
            years=np.array([c.year for c in contents], np.int16),
            ordinals=_ordinals(ordinals, n),
            row_of=row_of,
            room=room,
        )

    def extended(
        self,
        contents: Sequence[Content],
        embeddings: FloatArray,
        centring_mean: FloatArray | None = None,
        ordinals: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> Catalogue:
        """This catalogue with titles replaced (known ids keep their row) or appended.

        Costs a copy of the arrays, whatever the number of titles; of the embeddings only when one
        of a known title differs or there is no room left. Arguments as in `build`; `centring_mean`
        absent = the mean of this catalogue, or of `embeddings` when it is empty.

        Raises:
            ValueError: lengths differ, an id appears twice, or another mean than this catalogue's
                is given: its rows would have to be built again.
        """
        if not len(self):
            return Catalogue.build(contents, embeddings, centring_mean, ordinals)
        if centring_mean is not None and not np.array_equal(centring_mean, self.centring_mean):
            raise ValueError("another centring mean needs a new catalogue")
        given = Catalogue.build(contents, embeddings, self.centring_mean, ordinals)
        row_of = dict(self.row_of)
        for content_id in given.ids:
            row_of.setdefault(content_id, len(row_of))
        at = np.array([row_of[content_id] for content_id in given.ids], np.int64)
        titles, genres_of = list(self.titles), list(self.genres_of)
        grown = len(row_of) - len(self)
        titles += [""] * grown
        genres_of += [()] * grown
        for row, title, genres in zip(at, given.titles, given.genres_of, strict=True):
            titles[row], genres_of[row] = title, genres
        names, rows = _genre_matrix(genres_of)
        embeddings, room = self._grown(given.embeddings, at, grown)
        return Catalogue(
            ids=tuple(row_of),
            titles=tuple(titles),
            genres_of=_shared(genres_of),
            embeddings=embeddings,
            centring_mean=self.centring_mean,
            genres=names,
            genre_rows=rows,
            kinds=_placed(self.kinds, given.kinds, at, grown),
            years=_placed(self.years, given.years, at, grown),
            ordinals=_placed(self.ordinals, given.ordinals, at, grown),
            row_of=row_of,
            room=room,
        )

    def _grown(
        self, given: FloatArray, at: NDArray[np.int64], grown: int
    ) -> tuple[FloatArray, GrowingRows]:
        """The embeddings with `grown` more rows and `given` at rows `at`; and their room."""
        known = at < len(self)
        if self.room is not None and np.array_equal(self.embeddings[at[known]], given[known]):
            longer = self.room.appended(self.embeddings, given[~known])
            if longer is not None:
                return longer, self.room
        room = GrowingRows(len(self) + grown, self.embeddings.shape[1])
        embeddings = room.first
        embeddings[: len(self)] = self.embeddings
        embeddings[at] = given
        return embeddings, room


def _shared(genres_of: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """The same with one object for equal genres: thousands of titles share a few."""
    kept: dict[tuple[str, ...], tuple[str, ...]] = {}
    return tuple(kept.setdefault(genres, genres) for genres in genres_of)


def _placed(old: NDArray[S], new: NDArray[S], at: NDArray[np.int64], grown: int) -> NDArray[S]:
    """A copy of `old` with `grown` more rows and `new` at rows `at`."""
    result = np.empty((len(old) + grown, *old.shape[1:]), old.dtype)
    result[: len(old)] = old
    result[at] = new
    return result


def _check_embeddings(embeddings: FloatArray, n: int) -> None:
    if embeddings.shape != (n, DIMENSION):
        raise ValueError(f"embeddings of {n} titles have shape ({n}, {DIMENSION})")


def _mean(embeddings: FloatArray) -> FloatArray:
    if not len(embeddings):
        return np.zeros(DIMENSION, np.float32)
    return np.asarray(embeddings.mean(axis=0, dtype=np.float64), np.float32)


def _ordinals(given: Sequence[int] | NDArray[np.int64] | None, n: int) -> NDArray[np.int64]:
    ordinals = np.full(n, -1, np.int64) if given is None else np.array(given, np.int64)
    if ordinals.shape != (n,):
        raise ValueError(f"ordinals of {n} titles have shape ({n},)")
    return ordinals


def _genre_matrix(genres_of: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], FloatArray]:
    """Columns and unit idf rows; idf = ln(1 + n / (1 + titles of the genre)), never below 0."""
    n = len(genres_of)
    counts = Counter(genre for genres in genres_of for genre in set(genres))
    frequent = sorted(counts, key=lambda genre: (-counts[genre], genre))[:MAX_GENRE_COLUMNS]
    names = tuple(sorted(frequent))
    column = {genre: j for j, genre in enumerate(names)}
    rows = np.zeros((n, len(names)), np.float32)
    for i, genres in enumerate(genres_of):
        for genre in genres:
            if genre in column:
                rows[i, column[genre]] = np.log1p(n / (1 + counts[genre]))
    return names, vectors.unit(rows)
