"""What one household watched, as state the ranker reads: kept up to date event by event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from omega_core.content import ViewingContext, ViewingEvent
from omega_core.vectors import FloatArray
from omega_rank.catalogue import Catalogue
from omega_rank.config import RankConfig


@dataclass(frozen=True, eq=False)
class TasteQuery:
    """The household's titles that weigh in a ranking, newest first."""

    rows: NDArray[np.int64]
    """(h,) catalogue rows."""
    weights: FloatArray
    """(h,) greater than 0."""


class History:
    """Events of one household over one catalogue.

    The state depends on the events only, not on the order of calls: a late event gives what a
    replay sorted by (occurred_at, order of arrival) gives. Each event counts once: the caller drops
    repeated event ids. Not safe for concurrent use; the caller holds a lock.
    """

    def __init__(self, catalogue: Catalogue, config: RankConfig | None = None) -> None:
        raise NotImplementedError

    @classmethod
    def replay(
        cls,
        catalogue: Catalogue,
        events: Iterable[ViewingEvent],
        config: RankConfig | None = None,
    ) -> History:
        """The history after `events`, in order of arrival; faster than one observe at a time."""
        raise NotImplementedError

    def observe(self, event: ViewingEvent) -> None:
        """Takes one event in.

        Raises:
            OmegaError: UNKNOWN_CONTENT when the catalogue lacks the title; nothing changes.
        """
        raise NotImplementedError

    def follow(self, catalogue: Catalogue) -> None:
        """Moves to a catalogue that `extended` the present one."""
        raise NotImplementedError

    @property
    def events(self) -> int:
        """Events taken in."""
        raise NotImplementedError

    @property
    def likes(self) -> int:
        """Titles liked: at least half of their viewings succeeded."""
        raise NotImplementedError

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(n,) titles viewed at all."""
        raise NotImplementedError

    @property
    def liked(self) -> NDArray[np.bool_]:
        """(n,) titles liked."""
        raise NotImplementedError

    def success_rate(self, row: int) -> float:
        """Share of a title's viewings that succeeded; 0 when never viewed."""
        raise NotImplementedError

    def viewings(self, row: int) -> int:
        """Times a title was viewed."""
        raise NotImplementedError

    def query(self, context: ViewingContext | None = None) -> TasteQuery:
        """Titles and weights: 0.5^(rank/half_life) x (1 liked, seen_weight no strong opinion).

        rank counts titles newest first from 0, by their last viewing. Each stated part of `context`
        that one of the title's viewings shared multiplies its weight by context_boost.
        """
        raise NotImplementedError

    def nearest(self) -> FloatArray:
        """(n,) mean cosine with the 3 liked titles nearest each title (fewer likes: with those)."""
        raise NotImplementedError
