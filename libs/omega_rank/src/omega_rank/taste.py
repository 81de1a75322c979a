"""What is held of each viewed title, and how much each weighs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from omega_core.records import latest
from omega_core.vectors import FloatArray
from omega_core.viewing import Verdict
from omega_rank.circumstances import LASTING
from omega_rank.config import RankConfig

_LEAST_DECAY = 1e-4
_LIKED_SHARE = 0.5
Recency = tuple[datetime, int, int]
"""When a title was last viewed, order of arrival of that viewing, row."""


@dataclass(frozen=True, eq=False)
class TasteQuery:
    """The household's titles that weigh in a ranking, newest first."""

    rows: NDArray[np.int64]
    """(h,) catalogue rows."""
    weights: FloatArray
    """(h,) greater than 0."""


@dataclass(frozen=True, eq=False)
class Weighed:
    """The titles that weigh, with what else is asked of them."""

    query: TasteQuery
    """What ranks."""
    circumstances: NDArray[np.int64]
    """(h,) in what each was watched, as masks."""
    lasting: FloatArray
    """(h,) how much each counts for habits: opinion x 0.5^(rank / (LASTING x half_life))."""


@dataclass(slots=True)
class Viewed:
    """All viewings of one title."""

    recency: Recency
    """The last one."""
    viewings: int = 0
    """How many."""
    successes: int = 0
    """Those that succeeded."""
    best_reward: float = 0.0
    """Greatest reward, 0 to 1."""
    circumstances: int = 0
    """`|` of their context masks."""
    liked_at: datetime | None = None
    """When somebody last said that they like it."""
    disliked_at: datetime | None = None
    """When somebody last said that they do not."""

    @property
    def disliked(self) -> bool:
        """Whether the last verdict is a dislike; of two at one instant the dislike counts."""
        if self.disliked_at is None:
            return False
        return self.liked_at is None or self.disliked_at >= self.liked_at

    @property
    def liked(self) -> bool:
        """Whether the last verdict is a like, or there is none and half of the viewings succeeded.

        A person's word counts more than how much was watched.
        """
        if self.liked_at is not None or self.disliked_at is not None:
            return not self.disliked
        return self.successes >= _LIKED_SHARE * self.viewings

    def said(self, verdict: Verdict, at: datetime) -> None:
        """Takes in what a person said."""
        if verdict is Verdict.LIKED:
            self.remember(at, None)
        elif verdict is Verdict.DISLIKED:
            self.remember(None, at)

    def remember(self, liked_at: datetime | None, disliked_at: datetime | None) -> None:
        """Takes in when somebody last said each."""
        self.liked_at = latest(self.liked_at, liked_at)
        self.disliked_at = latest(self.disliked_at, disliked_at)

    def opinion(self, config: RankConfig) -> float:
        """Its weight before decay: 1 liked, seen_weight without strong opinion, else 0."""
        if self.liked:
            return 1.0
        if self.disliked or self.best_reward < config.opinion_reward:
            return 0.0
        return config.seen_weight


def weigh(
    viewed: Mapping[int, Viewed], newest_first: Iterable[Recency], config: RankConfig
) -> Weighed:
    """The titles that weigh; see History.query."""
    rows: list[int] = []
    weights: list[float] = []
    lasting: list[float] = []
    circumstances: list[int] = []
    for rank, (_, _, row) in enumerate(newest_first):
        decay = 0.5 ** (rank / config.half_life)
        if decay < _LEAST_DECAY:
            break
        opinion = viewed[row].opinion(config)
        if decay * opinion > 0:
            rows.append(row)
            weights.append(decay * opinion)
            lasting.append(decay ** (1 / LASTING) * opinion)
            circumstances.append(viewed[row].circumstances)
    return Weighed(
        TasteQuery(np.array(rows, np.int64), np.array(weights, np.float32)),
        np.array(circumstances, np.int64),
        np.array(lasting, np.float32),
    )
