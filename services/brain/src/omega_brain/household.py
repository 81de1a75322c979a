"""One household's ranking state: read, taught and replaced under one lock, never for long."""

from __future__ import annotations

import threading
import uuid

import numpy as np
from numpy.typing import NDArray

from omega_brain import filters
from omega_brain.answers import Answer, LikedTitle, RecommendQuery
from omega_brain.state import Collective, Titles
from omega_core.viewing import ViewingEvent
from omega_rank.history import History
from omega_rank.ranker import Ranker

_LEAST_NORM = 0.5


class Household:
    """Titles, the fleet's knowledge and the household's history, always of one catalogue.

    Safe for threads. Nothing here touches the disk.
    """

    def __init__(self, titles: Titles, collective: Collective, history: History) -> None:
        self._lock = threading.Lock()
        self._ranker = Ranker()
        self._titles = titles
        self._collective = collective
        self._history = history

    @property
    def titles(self) -> Titles:
        """The titles that are ranked now."""
        return self._titles

    @property
    def factors_version(self) -> int:
        """Version of the factors that rank; 0 = none."""
        return self._collective.factors_version

    @property
    def likes(self) -> int:
        """Titles that the household succeeded with."""
        with self._lock:
            return self._history.likes

    def rank(self, query: RecommendQuery, nearest: NDArray[np.int64] | None) -> Answer:
        """The household's list.

        Args:
            query: what is asked for.
            nearest: rowids near the query's text; None = it has none.

        Raises:
            OmegaError: UNKNOWN_CONTENT (field content_ids[i]).
        """
        with self._lock:
            titles, collective = self._titles, self._collective
            ranking = self._ranker.rank(
                titles.catalogue,
                collective.model,
                self._history,
                limit=query.limit,
                offset=query.offset,
                context=query.context,
                candidates=filters.candidates(titles, query, nearest),
            )
        return Answer(str(uuid.uuid4()), ranking, titles, collective.factors_version)

    def observe(self, event: ViewingEvent) -> None:
        """Learns from a viewing of one of the titles."""
        with self._lock:
            self._history.observe(event)

    def extend(self, titles: Titles, collective: Collective) -> None:
        """Takes titles that extend the present ones; the history stays."""
        with self._lock:
            self._history.follow(titles.catalogue)
            self._titles, self._collective = titles, collective

    def replace(self, titles: Titles, collective: Collective, history: History) -> None:
        """Takes everything anew."""
        with self._lock:
            self._titles, self._collective, self._history = titles, collective, history

    def learn(self, collective: Collective) -> None:
        """Takes what the fleet knows now, over the present titles."""
        with self._lock:
            self._collective = collective

    def liked_titles(self) -> list[LikedTitle]:
        """Titles of the fleet's catalogue that the household succeeded with.

        Empty without the fleet's catalogue and mean of the encoder in use, and without those
        titles that lie at the mean: they have no direction that could be reported.
        """
        with self._lock:
            titles, history = self._titles, self._history
            if not titles.fleet_centred:
                return []
            catalogue = titles.catalogue
            rows = np.flatnonzero(history.liked & (catalogue.ordinals >= 0))
            rows = rows[np.linalg.norm(catalogue.embeddings[rows], axis=1) > _LEAST_NORM]
            return [
                LikedTitle(
                    rowid=int(titles.rowids[row]),
                    centred=catalogue.embeddings[row],
                    success_rate=history.success_rate(row),
                    viewings=history.viewings(row),
                )
                for row in rows.tolist()
            ]
