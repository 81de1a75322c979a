"""Answers within a time limit, by the best way that works."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from omega_brain.answers import Answer, RecommendQuery
from omega_brain.household import Household
from omega_brain.index import CatalogueIndex
from omega_brain.runtime import Runtime
from omega_brain.texts import TextVectors
from omega_core.clock import SystemClock
from omega_core.vectors import FloatArray
from omega_runtime import Deadline, Ladder, Mode, Part, Way

QUERY_CANDIDATES = 50
"""Titles nearest a query text that are ranked."""


@dataclass(frozen=True)
class Asked:
    """A request whose ids are known, with what was shown on the pages before."""

    query: RecommendQuery
    """The request."""
    shown: frozenset[str]
    """Content ids of earlier pages."""


class Answering:
    """Three ways to a list; the last one needs no part that can fail.

    They are the whole pipeline, exact search over what is cached, and the popular list.

    Args:
        household: what is ranked.
        index: finds titles near a text.
        texts: vectors of texts.
        runtime: guards and hears of the parts.
        timeout_ms: longest time for an answer.
    """

    def __init__(
        self,
        household: Household,
        index: CatalogueIndex,
        texts: TextVectors,
        runtime: Runtime,
        timeout_ms: int,
    ) -> None:
        self._household = household
        self._index = index
        self._texts = texts
        self._runtime = runtime
        self._longest = self._budget = timedelta(milliseconds=timeout_ms)
        self._ladder: Ladder[Asked, Answer] = Ladder(
            [
                Way("pipeline", Mode.HEALTHY, self._pipeline),
                Way("exact", Mode.DEGRADED, self._exact),
                Way("popular", Mode.UNHEALTHY, self._popular),
            ],
            # Not the clock of the household: a time limit is measured in real time.
            SystemClock(),
            publish=runtime.events.publish,
        )

    def answer(self, asked: Asked) -> Answer:
        """A list within the time limit. The request has been checked: nothing in it can fail."""
        answered = self._ladder.answer(asked, self._budget)
        return replace(answered.value, mode=answered.mode)

    def limit(self, milliseconds: float) -> None:
        """Gives answers this much time from now on, at most what was set at first."""
        self._budget = min(timedelta(milliseconds=milliseconds), self._longest)

    def close(self) -> None:
        """Lets the threads end."""
        self._ladder.close()

    def _pipeline(self, asked: Asked, deadline: Deadline) -> Answer:
        nearest = None
        if text := asked.query.query_text:
            vector = self._texts.of(text, deadline.remaining())
            nearest = self._near(vector)
        return self._runtime.part(Part.RANKER).call(
            lambda: self._household.rank(asked.query, asked.shown, nearest)
        )

    def _near(self, vector: FloatArray) -> NDArray[np.int64]:
        if not self._index.in_step:
            raise LookupError("the index lacks titles")
        search = self._index.vectors.search
        return self._runtime.part(Part.INDEX).call(lambda: search(vector, QUERY_CANDIDATES).ids)

    def _exact(self, asked: Asked, _deadline: Deadline) -> Answer:
        text = asked.query.query_text
        vector = self._texts.known(text) if text else None
        return self._household.quick(asked.query, asked.shown, vector, QUERY_CANDIDATES)

    def _popular(self, asked: Asked, _deadline: Deadline) -> Answer:
        return self._household.popular(asked.query, asked.shown)
