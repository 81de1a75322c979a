"""What one household watched, as state the ranker reads: kept up to date event by event."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_rank import nearest
from omega_rank.catalogue import Catalogue
from omega_rank.config import RankConfig

_LEAST_DECAY = 1e-4
_LIKED_SHARE = 0.5
_Recency = tuple[datetime, int, int]


@dataclass(frozen=True, eq=False)
class TasteQuery:
    """The household's titles that weigh in a ranking, newest first."""

    rows: NDArray[np.int64]
    """(h,) catalogue rows."""
    weights: FloatArray
    """(h,) greater than 0."""


@dataclass(slots=True)
class _Viewed:
    recency: _Recency
    viewings: int = 0
    successes: int = 0
    best_reward: float = 0.0
    circumstances: int = 0

    @property
    def liked(self) -> bool:
        return self.successes >= _LIKED_SHARE * self.viewings


class History:
    """Events of one household over one catalogue.

    The state depends on the events only, not on the order of calls: a late event gives what a
    replay sorted by (occurred_at, order of arrival) gives. Each event counts once: the caller drops
    repeated event ids. Not safe for concurrent use; the caller holds a lock.
    """

    def __init__(self, catalogue: Catalogue, config: RankConfig | None = None) -> None:
        self._config = config or RankConfig()
        self._catalogue = catalogue
        self._viewed: dict[int, _Viewed] = {}
        self._order: list[_Recency] = []
        self._events = 0
        self._seen = np.zeros(len(catalogue), np.bool_)
        self._liked = np.zeros(len(catalogue), np.bool_)
        self._likes = 0
        self._best = nearest.none(len(catalogue))
        self._nearest: FloatArray | None = None
        self._query: tuple[TasteQuery, NDArray[np.int64]] | None = None

    @classmethod
    def replay(
        cls,
        catalogue: Catalogue,
        events: Iterable[ViewingEvent],
        config: RankConfig | None = None,
    ) -> History:
        """The history after `events`, in order of arrival; faster than one observe at a time.

        Raises:
            OmegaError: UNKNOWN_CONTENT when the catalogue lacks a title.
        """
        history = cls(catalogue, config)
        for event in events:
            history._take(event)
        history._refresh_nearest()
        return history

    def observe(self, event: ViewingEvent) -> None:
        """Takes one event in.

        Raises:
            OmegaError: UNKNOWN_CONTENT when the catalogue lacks the title; nothing changes.
        """
        row, liked_before, liked = self._take(event)
        if liked and not liked_before:
            embeddings = self._catalogue.embeddings
            nearest.add(self._best, embeddings @ embeddings[row])
            self._nearest = nearest.mean(self._best, self._likes)
        elif liked_before and not liked:
            self._refresh_nearest()

    def follow(self, catalogue: Catalogue) -> None:
        """Moves to a catalogue that `extended` the present one.

        Raises:
            ValueError: rows of the present catalogue moved.
        """
        old = self._catalogue
        n = len(old)
        if catalogue.ids[:n] != old.ids:
            raise ValueError("rows moved: replay the events over the new catalogue")
        changed = np.ones(len(catalogue), np.bool_)
        changed[:n] = (catalogue.embeddings[:n] != old.embeddings).any(axis=1)
        self._catalogue = catalogue
        grown = len(catalogue) - n
        self._seen = np.pad(self._seen, (0, grown))
        self._liked = np.pad(self._liked, (0, grown))
        if (changed & self._liked).any():
            self._refresh_nearest()
            return
        best = nearest.none(len(catalogue))
        best[:, :n] = self._best
        best[:, changed] = nearest.of(
            catalogue.embeddings[changed], catalogue.embeddings[self._liked]
        )
        self._best = best
        self._nearest = nearest.mean(best, self._likes)

    @property
    def catalogue(self) -> Catalogue:
        """The titles its rows mean."""
        return self._catalogue

    @property
    def events(self) -> int:
        """Events taken in."""
        return self._events

    @property
    def likes(self) -> int:
        """Titles liked: at least half of their viewings succeeded."""
        return self._likes

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(n,) titles viewed at all."""
        return self._seen

    @property
    def liked(self) -> NDArray[np.bool_]:
        """(n,) titles liked."""
        return self._liked

    def success_rate(self, row: int) -> float:
        """Share of a title's viewings that succeeded; 0 when never viewed."""
        viewed = self._viewed.get(row)
        return viewed.successes / viewed.viewings if viewed else 0.0

    def viewings(self, row: int) -> int:
        """Times a title was viewed."""
        viewed = self._viewed.get(row)
        return viewed.viewings if viewed else 0

    def query(self, context: ViewingContext | None = None) -> TasteQuery:
        """Titles and weights: 0.5^(rank/half_life) x (1 liked, seen_weight no strong opinion).

        rank counts titles newest first from 0, by their last viewing; titles whose decay is below
        1e-4 are left out. Each stated part of `context` that one of the title's viewings shared
        multiplies its weight by context_boost.
        """
        if self._query is None:
            self._query = self._weigh()
        query, circumstances = self._query
        stated = [part for part in _parts(context) if part] if context else []
        if not stated:
            return query
        shared = sum((circumstances & part) != 0 for part in stated)
        boost = np.float32(self._config.context_boost) ** shared
        return TasteQuery(query.rows, np.asarray(query.weights * boost, np.float32))

    def nearest(self) -> FloatArray:
        """(n,) mean cosine with the 3 liked titles nearest each title (fewer likes: with those)."""
        if self._nearest is None:
            self._nearest = nearest.mean(self._best, self._likes)
        return self._nearest

    def _take(self, event: ViewingEvent) -> tuple[int, bool, bool]:
        """All state but the nearest likes. Gives the row, and whether it was and is liked."""
        row = self._catalogue.row_of.get(event.content_id)
        if row is None:
            raise OmegaError(ErrorCode.UNKNOWN_CONTENT, field="content_id", detail=event.content_id)
        recency = (event.occurred_at, self._events, row)
        self._events += 1
        viewed = self._viewed.get(row)
        if viewed is None:
            viewed = self._viewed[row] = _Viewed(recency)
            insort(self._order, recency)
        elif recency > viewed.recency:
            del self._order[bisect_left(self._order, viewed.recency)]
            insort(self._order, recency)
            viewed.recency = recency
        before = bool(self._liked[row])
        viewed.viewings += 1
        viewed.successes += event.success
        viewed.best_reward = max(viewed.best_reward, event.reward)
        for part in _parts(event.context):
            viewed.circumstances |= part
        self._seen[row] = True
        self._liked[row] = viewed.liked
        self._likes += viewed.liked - before
        self._query = None
        return row, before, viewed.liked

    def _weigh(self) -> tuple[TasteQuery, NDArray[np.int64]]:
        config = self._config
        rows: list[int] = []
        weights: list[float] = []
        circumstances: list[int] = []
        for rank, (_, _, row) in enumerate(reversed(self._order)):
            decay = 0.5 ** (rank / config.half_life)
            if decay < _LEAST_DECAY:
                break
            viewed = self._viewed[row]
            weight = decay * self._opinion(viewed)
            if weight > 0:
                rows.append(row)
                weights.append(weight)
                circumstances.append(viewed.circumstances)
        query = TasteQuery(np.array(rows, np.int64), np.array(weights, np.float32))
        return query, np.array(circumstances, np.int64)

    def _opinion(self, viewed: _Viewed) -> float:
        if viewed.liked:
            return 1.0
        return (
            self._config.seen_weight if viewed.best_reward >= self._config.opinion_reward else 0.0
        )

    def _refresh_nearest(self) -> None:
        embeddings = self._catalogue.embeddings
        self._best = nearest.of(embeddings, embeddings[self._liked])
        self._nearest = nearest.mean(self._best, self._likes)


def _parts(context: ViewingContext) -> tuple[int, int, int]:
    """One bit for each stated part, in ranges that do not meet; 0 = not stated."""
    return (
        1 << context.time_of_day if context.time_of_day else 0,
        1 << (8 + context.day_type) if context.day_type else 0,
        1 << (16 + context.audience) if context.audience else 0,
    )
