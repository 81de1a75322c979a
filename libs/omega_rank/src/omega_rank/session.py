"""What is going on tonight, as a bounded bonus over the catalogue that fades by itself."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_core.viewing import SUCCESS_ABOVE, PlaybackAction, Verdict, ViewingEvent
from omega_rank.catalogue import Catalogue

HALF_LIFE = timedelta(minutes=30)
"""After which a moment counts half."""
FORGOTTEN = timedelta(hours=4)
"""After which a moment counts nothing."""
TONIGHT = timedelta(hours=8)
"""For how long a title that was skipped is put off."""
MOST_TIRED = 0.5
"""Most that a title loses by being shown in vain, of a bonus that goes from -1 to 1."""
MAX_TITLES = 16
"""Titles that bend the lists of a session: those with the newest moments."""
MAX_MOMENTS = 64
"""Moments that are kept, the newest ones."""
MAX_PUT_OFF = 256
"""Titles that are put off, those skipped last."""
_STRENGTH = {
    PlaybackAction.PLAY: 0.5,
    PlaybackAction.RESUME: 0.2,
    PlaybackAction.REWIND: 0.3,
    PlaybackAction.PAUSE: -0.2,
    PlaybackAction.FAST_FORWARD: -0.3,
    PlaybackAction.COMPLETE: 1.0,
}
_VERDICTS = {Verdict.LIKED: 1.0, Verdict.DISLIKED: -1.0}
_NOTHING = np.empty((0, 0), np.float32)


@dataclass(frozen=True, eq=False)
class SessionBias:
    """How a session bends lists at one instant, over n titles."""

    bonus: FloatArray
    """(n,) -1 to 1: above 0 for titles like those enjoyed now, below for titles like skipped ones.
    """
    hidden: NDArray[np.int64]
    """Rows that are not shown tonight: skipped titles and the one that is on."""
    rows: NDArray[np.int64]
    """(m,) titles that were enjoyed in this session."""
    strengths: FloatArray
    """(m,) how much, above 0 to 1."""
    watching: int
    """Row of the title that is on, -1 = none."""


def weary(
    bias: SessionBias | None, rows: NDArray[np.int64], fatigue: FloatArray, n: int
) -> SessionBias:
    """The bias with titles that were shown in vain a little lower.

    Args:
        bias: what the session says; None = nothing.
        rows: (m,) titles that people are tired of seeing, each once.
        fatigue: (m,) how much, 0 to 1; MOST_TIRED of it is taken off a title's bonus.
        n: titles of the catalogue.
    """
    if bias is None:
        nothing = np.empty(0, np.int64)
        bias = SessionBias(np.zeros(n, np.float32), nothing, nothing, np.empty(0, np.float32), -1)
    bonus = bias.bonus.copy()
    bonus[rows] = np.maximum(bonus[rows] - np.float32(MOST_TIRED) * fatigue, -1)
    return replace(bias, bonus=bonus)


@dataclass(frozen=True, order=True, slots=True)
class _Moment:
    at: datetime
    arrival: int
    row: int = field(compare=False)
    strength: float = field(compare=False)
    opens: bool = field(compare=False)
    """Whether it begins or ends a viewing: what the title's earlier moments said is void."""
    ends: bool = field(compare=False)


class SessionState:
    """Moments of the running session of one viewer.

    A pure function of the moments and the instant asked for: no clock, no order of calls. Only
    what is beyond the bounds above is forgotten for good. Not safe for concurrent use.

    Each moment has a strength s, -1 to 1: play 0.5, resume 0.2, rewind 0.3, pause -0.2,
    fast_forward -0.3, complete 1, a skip -1, a stop 2 x share watched - 1; a skip after more than
    70 % is a stop. A verdict is 1 or -1. It decays as s x 0.5^(age / 30 min) and is gone after
    4 h. A title's strength is the sum of its moments since its viewing last began or ended, held
    to -1..1; a title's bonus is the sum over the session's titles of strength x the positive part
    of their cosine, held to -1..1. The strengths rest on no measurement: there are no public data
    with moments.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._arrivals = 0
        self._moments: list[_Moment] = []
        self._slots: dict[int, int] = {}
        self._similar = _NOTHING
        self._put_off: dict[int, datetime] = {}

    def observe(self, event: ViewingEvent) -> None:
        """Takes a moment or an ended viewing in; one of an unknown title is passed over."""
        row = self._catalogue.row_of.get(event.content_id)
        if row is not None:
            self.take(row, event.action, event.occurred_at, event.watch_percentage, event.verdict)

    def take(
        self,
        row: int,
        action: PlaybackAction,
        at: datetime,
        share: float = 0.0,
        verdict: Verdict = Verdict.UNSPECIFIED,
    ) -> None:
        """Takes one moment in.

        Costs a product of the catalogue with one vector, once for each title of a session.

        Args:
            row: the title.
            action: what happened.
            at: when, aware.
            share: share watched, 0 to 1; counts where a viewing ended.
            verdict: what a person said.
        """
        skipped = action is PlaybackAction.SKIP and share <= SUCCESS_ABOVE
        if skipped or verdict is Verdict.DISLIKED:
            self._put_off[row] = max(at, self._put_off.get(row, at))
            while len(self._put_off) > MAX_PUT_OFF:
                del self._put_off[min(self._put_off, key=lambda r: (self._put_off[r], r))]
        strength = _VERDICTS.get(verdict)
        if strength is None:
            ended = -1.0 if skipped else 2 * share - 1
            strength = _STRENGTH.get(action, ended)
        ends = action.ends_viewing
        opens = ends or action is PlaybackAction.PLAY
        insort(self._moments, _Moment(at, self._arrivals, row, strength, opens, ends))
        self._arrivals += 1
        self._forget()
        self._compare()

    def bias(self, now: datetime) -> SessionBias | None:
        """What the session says at `now`; None when it says nothing. At most 0.2 ms."""
        strengths = self._strengths(now)
        hidden = self._hidden(now)
        if not strengths and not hidden:
            return None
        enjoyed = [row for row, strength in strengths.items() if strength > 0]
        return SessionBias(
            bonus=self._bonus(strengths),
            hidden=np.array(hidden, np.int64),
            rows=np.array(enjoyed, np.int64),
            strengths=np.array([strengths[row] for row in enjoyed], np.float32),
            watching=self._watching(now),
        )

    def put_off(self, now: datetime) -> NDArray[np.bool_]:
        """(n,) titles that are not shown at `now`: skipped or disliked in the last 8 h, or on."""
        mask = np.zeros(len(self._catalogue), np.bool_)
        mask[self._hidden(now)] = True
        return mask

    def follow(self, catalogue: Catalogue) -> None:
        """Moves to another catalogue; titles that it lacks are forgotten."""
        ids, row_of = self._catalogue.ids, catalogue.row_of
        self._moments = [
            replace(moment, row=row_of[ids[moment.row]])
            for moment in self._moments
            if ids[moment.row] in row_of
        ]
        self._put_off = {
            row_of[ids[row]]: at for row, at in self._put_off.items() if ids[row] in row_of
        }
        self._catalogue = catalogue
        self._slots = {}
        self._similar = _NOTHING
        self._compare()

    def _strengths(self, now: datetime) -> dict[int, float]:
        """Strength of each title that is not forgotten, -1 to 1."""
        strengths: dict[int, float] = {}
        for moment in self._moments:
            age = max(now - moment.at, timedelta(0))
            if age >= FORGOTTEN:
                continue
            strength = moment.strength * 0.5 ** (age / HALF_LIFE)
            if not moment.opens:
                strength = min(max(strengths.get(moment.row, 0.0) + strength, -1.0), 1.0)
            strengths[moment.row] = strength
        return strengths

    def _bonus(self, strengths: Mapping[int, float]) -> FloatArray:
        if not strengths:
            return np.zeros(len(self._catalogue), np.float32)
        weights = np.zeros(MAX_TITLES, np.float32)
        for row, strength in strengths.items():
            weights[self._slots[row]] = strength
        return np.asarray(np.clip(weights @ self._similar, -1, 1), np.float32)

    def _watching(self, now: datetime) -> int:
        """Row of the title whose moment is the last one, unless its viewing ended; -1 = none."""
        if not self._moments:
            return -1
        last = self._moments[-1]
        return -1 if last.ends or now - last.at >= FORGOTTEN else last.row

    def _hidden(self, now: datetime) -> list[int]:
        hidden = {row for row, at in self._put_off.items() if now - at < TONIGHT}
        if (watching := self._watching(now)) >= 0:
            hidden.add(watching)
        return sorted(hidden)

    def _forget(self) -> None:
        """Drops moments beyond the bounds."""
        newest = self._moments[-1].at
        kept = [m for m in self._moments[-MAX_MOMENTS:] if newest - m.at < FORGOTTEN]
        titles = list(dict.fromkeys(m.row for m in reversed(kept)))[:MAX_TITLES]
        self._moments = [m for m in kept if m.row in titles]

    def _compare(self) -> None:
        """Holds the similarities of the titles that have moments, and of no others."""
        rows = {moment.row for moment in self._moments}
        self._slots = {row: slot for row, slot in self._slots.items() if row in rows}
        missing = sorted(rows - self._slots.keys())
        if not missing:
            return
        if not len(self._similar):
            self._similar = np.zeros((MAX_TITLES, len(self._catalogue)), np.float32)
        free = sorted(set(range(MAX_TITLES)) - set(self._slots.values()))[: len(missing)]
        embeddings = self._catalogue.embeddings
        self._similar[free] = np.maximum(embeddings[missing] @ embeddings.T, 0)
        self._slots.update(zip(missing, free, strict=True))
