"""What one household watched, as state the ranker reads: kept up to date event by event."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray, unit
from omega_core.viewing import TitleRecord, ViewingContext, ViewingEvent
from omega_rank import nearest
from omega_rank.catalogue import Catalogue
from omega_rank.circumstances import Habit, Leaning, bits_of, habit
from omega_rank.config import RankConfig
from omega_rank.taste import Recency, TasteQuery, Viewed, Weighed, weigh


class History:
    """Viewings of one household or profile over one catalogue.

    The state depends on the events only, not on the order of calls: a late event gives what a
    replay sorted by (occurred_at, order of arrival) gives. Each event counts once: the caller drops
    repeated event ids. Not safe for concurrent use; the caller holds a lock.
    """

    def __init__(self, catalogue: Catalogue, config: RankConfig | None = None) -> None:
        self._config = config or RankConfig()
        self._catalogue = catalogue
        self._viewed: dict[int, Viewed] = {}
        self._order: list[Recency] = []
        self._events = 0
        self._next_seq = 0
        self._seen = np.zeros(len(catalogue), np.bool_)
        self._liked = np.zeros(len(catalogue), np.bool_)
        self._likes = 0
        self._best = nearest.none(len(catalogue))
        self._nearest: FloatArray | None = None
        self._query: Weighed | None = None
        self._taste: FloatArray | None = None
        self._habits: dict[int, Habit | None] = {}

    @classmethod
    def replay(
        cls,
        catalogue: Catalogue,
        events: Iterable[ViewingEvent],
        config: RankConfig | None = None,
        records: Iterable[TitleRecord] = (),
        seqs: Iterable[int] | None = None,
    ) -> History:
        """The history after `records` and `events`; faster than one observe at a time.

        It is what all the events behind them would give.

        Args:
            catalogue: the titles.
            events: viewings, none of them folded into the records.
            config: settings of the weights.
            records: what was folded of earlier viewings; several of a title add up.
            seqs: order of arrival of each event, as counted by the records; absent = the events
                arrived one after the other, later than whatever was folded.

        Raises:
            OmegaError: UNKNOWN_CONTENT when the catalogue lacks a title.
            ValueError: events and seqs differ in number.
        """
        history = cls(catalogue, config)
        for record in records:
            history._take_record(record)
        if seqs is None:
            for event in events:
                history._take(event, None)
        else:
            for event, seq in zip(events, seqs, strict=True):
                history._take(event, int(seq))
        history._refresh_nearest()
        return history

    def observe(self, event: ViewingEvent, seq: int | None = None) -> None:
        """Takes one event in.

        Args:
            event: a viewing that ended.
            seq: its order of arrival; absent = after all that came before.

        Raises:
            OmegaError: UNKNOWN_CONTENT when the catalogue lacks the title; nothing changes.
        """
        row, liked_before, liked = self._take(event, seq)
        if liked and not liked_before:
            embeddings = self._catalogue.embeddings
            nearest.add(self._best, embeddings @ embeddings[row])
            self._nearest = nearest.mean(self._best, self._likes)
        elif liked_before and not liked:
            self._refresh_nearest()

    def configure(self, config: RankConfig) -> None:
        """Takes other settings; what was seen stays. Costs nothing until the next query."""
        self._config = config
        self._changed()

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
        changed[:n] = _differ(catalogue.embeddings[:n], old.embeddings)
        self._catalogue = catalogue
        self._taste = None
        self._habits = {}
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
        """Events taken in, folded ones among them."""
        return self._events

    @property
    def likes(self) -> int:
        """Titles liked: by the last verdict; without one, half of their viewings succeeded."""
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
        1e-4 are left out, and so are disliked ones. Each stated part of `context` that one of the
        title's viewings shared multiplies its weight by context_boost.
        """
        weighed = self._weighed()
        query = weighed.query
        stated = context.mask if context else 0
        if not stated:
            return query
        shared = np.bitwise_count(weighed.circumstances & stated)
        boost = np.float32(self._config.context_boost) ** shared
        return TasteQuery(query.rows, np.asarray(query.weights * boost, np.float32))

    def nearest(self) -> FloatArray:
        """(n,) mean cosine with the 3 liked titles nearest each title (fewer likes: with those)."""
        if self._nearest is None:
            self._nearest = nearest.mean(self._best, self._likes)
        return self._nearest

    def leaning(self, context: ViewingContext | None) -> Leaning | None:
        """What is watched more, or less, in the circumstances of `context` than else.

        None when none is stated, or nothing was watched in any that is. What each part says is
        kept until the history changes.
        """
        weighed = self._weighed()
        found = []
        for bit in bits_of(context.mask if context else 0):
            if bit not in self._habits:
                self._habits[bit] = habit(
                    self._catalogue,
                    weighed.query.rows,
                    weighed.lasting,
                    weighed.circumstances,
                    bit,
                )
            if (known := self._habits[bit]) is not None:
                found.append(known)
        return Leaning(self._catalogue, found) if found else None

    def taste_vector(self) -> FloatArray:
        """(384,) unit mean of the titles by their weights; zero when none weighs. Kept."""
        if self._taste is None:
            query = self._weighed().query
            mean = query.weights @ self._catalogue.embeddings[query.rows]
            self._taste = unit(np.asarray(mean, np.float32))
        return self._taste

    def _take(self, event: ViewingEvent, seq: int | None) -> tuple[int, bool, bool]:
        """All state but the nearest likes. Gives the row, and whether it was and is liked."""
        row = self._row_of(event.content_id)
        viewed = self._viewing(row, event.occurred_at, self._next_seq if seq is None else seq)
        before = bool(self._liked[row])
        self._events += 1
        viewed.viewings += 1
        viewed.successes += event.success
        viewed.best_reward = max(viewed.best_reward, event.reward)
        viewed.circumstances |= event.context.mask
        viewed.said(event.verdict, event.occurred_at)
        self._judge(row, viewed)
        return row, before, viewed.liked

    def _take_record(self, record: TitleRecord) -> None:
        """As `_take` of each of its events."""
        row = self._row_of(record.content_id)
        viewed = self._viewing(row, record.last_at, record.last_seq)
        self._events += record.viewings
        viewed.viewings += record.viewings
        viewed.successes += record.successes
        viewed.best_reward = max(viewed.best_reward, record.best_reward)
        viewed.circumstances |= record.circumstances
        viewed.remember(record.liked_at, record.disliked_at)
        self._judge(row, viewed)

    def _row_of(self, content_id: str) -> int:
        row = self._catalogue.row_of.get(content_id)
        if row is None:
            raise OmegaError(ErrorCode.UNKNOWN_CONTENT, field="content_id", detail=content_id)
        return row

    def _viewing(self, row: int, at: datetime, seq: int) -> Viewed:
        """The title's state, which now counts as viewed at `at` too."""
        recency = (at, seq, row)
        self._next_seq = max(self._next_seq, seq + 1)
        viewed = self._viewed.get(row)
        if viewed is None:
            viewed = self._viewed[row] = Viewed(recency)
            insort(self._order, recency)
        elif recency > viewed.recency:
            del self._order[bisect_left(self._order, viewed.recency)]
            insort(self._order, recency)
            viewed.recency = recency
        return viewed

    def _judge(self, row: int, viewed: Viewed) -> None:
        self._seen[row] = True
        self._likes += viewed.liked - bool(self._liked[row])
        self._liked[row] = viewed.liked
        self._changed()

    def _changed(self) -> None:
        self._query = self._taste = None
        self._habits = {}

    def _weighed(self) -> Weighed:
        if self._query is None:
            self._query = weigh(self._viewed, reversed(self._order), self._config)
        return self._query

    def _refresh_nearest(self) -> None:
        embeddings = self._catalogue.embeddings
        self._best = nearest.of(embeddings, embeddings[self._liked])
        self._nearest = nearest.mean(self._best, self._likes)


def _differ(new: FloatArray, old: FloatArray) -> NDArray[np.bool_]:
    """(n,) rows in which two arrays of one shape differ."""
    if new.__array_interface__["data"] == old.__array_interface__["data"]:
        return np.zeros(len(old), np.bool_)
    return np.asarray((new != old).any(axis=1))
