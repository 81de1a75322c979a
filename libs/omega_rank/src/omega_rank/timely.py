"""What holds of a few titles just now: they are on the rise, or new in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray

DECAY = 0.95
"""What an hour leaves of a trend."""
GONE = 0.02
"""Trends below are over."""
FRESH_HALF_LIFE = timedelta(days=7)
"""After which a title that came into the catalogue is half as new."""
FRESH_FOR = timedelta(days=28)
"""After which it is new no more."""
MOST_FRESH = 0.25
"""Share of the catalogue above which titles that came are no news: a catalogue came."""

_NO_ROWS: NDArray[np.int64] = np.empty(0, np.int64)
_NO_SCORES: FloatArray = np.empty(0, np.float32)


@dataclass(frozen=True, eq=False)
class Timely:
    """Bonuses of one instant over the rows of a catalogue."""

    trend_rows: NDArray[np.int64] = field(default_factory=lambda: _NO_ROWS)
    """(t,) titles on the rise, each once."""
    trend_scores: FloatArray = field(default_factory=lambda: _NO_SCORES)
    """(t,) how strongly, above 0 to 1."""
    regional: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """(t,) whether in the TV's region; else over all regions."""
    fresh_rows: NDArray[np.int64] = field(default_factory=lambda: _NO_ROWS)
    """(f,) titles that came not long ago, each once."""
    fresh_scores: FloatArray = field(default_factory=lambda: _NO_SCORES)
    """(f,) how new, above 0 to 1."""

    def __post_init__(self) -> None:
        t, f = len(self.trend_rows), len(self.fresh_rows)
        if not (len(self.trend_scores) == len(self.regional) == t and len(self.fresh_scores) == f):
            raise ValueError("as many scores as rows")
        for scores in (self.trend_scores, self.fresh_scores):
            if not ((scores > 0) & (scores <= 1)).all():
                raise ValueError("scores lie above 0 and reach 1 at most")

    def trend_reason(self, row: int) -> str:
        """Words for a title on the rise."""
        [place] = np.flatnonzero(self.trend_rows == row)
        return "Trending in your region" if self.regional[place] else "Trending on many TVs"


FRESH_REASON = "New in the catalogue"
"""Words for a title that came not long ago."""


def faded(scores: FloatArray, at: datetime, now: datetime) -> FloatArray:
    """What is left of the scores of trends: each falls to DECAY of itself an hour, exactly.

    Args:
        scores: (t,) above 0 to 1.
        at: when they held, aware; in the future = now.
        now: the present instant, aware.
    """
    hours = max(now - at, timedelta(0)) / timedelta(hours=1)
    return np.asarray(scores * np.float32(DECAY**hours), np.float32)


def freshness(ages: NDArray[np.float64], titles: int) -> FloatArray:
    """(f,) 0.5^(age / 7 days) of titles that came so long ago, 0 from 28 days on.

    All 0 when more than a quarter of the catalogue's `titles` are that new.

    Args:
        ages: days since each title came, (f,); below 0 = just now.
        titles: of the catalogue.
    """
    ages = np.maximum(ages, 0)
    recent = ages < FRESH_FOR.days
    if np.count_nonzero(recent) > MOST_FRESH * titles:
        return np.zeros(len(ages), np.float32)
    return np.asarray(np.where(recent, 0.5 ** (ages / FRESH_HALF_LIFE.days), 0), np.float32)
