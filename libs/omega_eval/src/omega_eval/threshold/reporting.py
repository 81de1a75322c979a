"""Which TV reports which pair on which day, under a daily budget."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from omega_eval.metrics import RowArray
from omega_eval.reports import Television
from omega_eval.threshold.orders import Order
from omega_eval.world import World
from omega_threshold import Pair, title_key
from omega_threshold.dleq import PROOF_BYTES
from omega_threshold.intake import ANSWERED_BYTES, SENT_BYTES
from omega_threshold.ristretto import ELEMENT_BYTES
from omega_threshold.sampling import MOST_LIKES

BATCH = 32
"""Pairs or tokens that a TV asks for at a time."""
REPORT_COST = SENT_BYTES + ANSWERED_BYTES + 2 * (2 * ELEMENT_BYTES + PROOF_BYTES // BATCH)
"""Bytes that a report moves in all: sealed, its answer, its coins and its token."""
_SEED = 7
IntArray = NDArray[np.int64]
"""An int64 array."""


@dataclass(frozen=True)
class Budget:
    """How much a TV reports, and for how long reports add up."""

    bytes_a_day: int = 4_000
    """Of a TV; at least REPORT_COST. What is not used on a day is lost."""
    epoch_days: int = 28
    """Length of an epoch, at least 1. The first one begins with day 0."""

    def reports(self, day: int) -> int:
        """Most reports of a TV on that day, from 0: whole ones, so that they come out over days."""
        return self.until(day + 1) - self.until(day)

    def until(self, days: int) -> int:
        """Most reports of a TV in the first so many days."""
        return days * self.bytes_a_day // REPORT_COST


@dataclass(frozen=True, eq=False)
class Likes:
    """What households would report: u of them, n titles."""

    rows: tuple[RowArray, ...]
    """Rows of titles of each household, newest first, at most MOST_LIKES."""
    keys: tuple[bytes, ...]
    """Key of each title of the catalogue, (n,)."""

    @classmethod
    def of(cls, world: World, fleet: Sequence[Television]) -> Likes:
        """The titles that would be sketched, the newest ones of each."""
        found = []
        for tv in fleet:
            events = world.households[tv.number].train
            last = {world.catalogue.row_of[e.content_id]: n for n, e in enumerate(events)}
            newest = sorted(tv.rows.tolist(), key=lambda row: -last.get(row, -1))
            found.append(np.array(newest[:MOST_LIKES], np.int64))
        return cls(tuple(found), tuple(title_key(c.content_id) for c in world.pack.contents))

    def of_households(self, chosen: Sequence[int]) -> Likes:
        """Those of some households."""
        return Likes(tuple(self.rows[i] for i in chosen), self.keys)

    def codes(self, household: int) -> dict[Pair, int]:
        """The household's titles alone and pairs, each with its number: row x n + row."""
        rows, n = sorted(self.rows[household].tolist()), len(self.keys)
        found = {}
        for one, other in [*((r, r) for r in rows), *combinations(rows, 2)]:
            found[self.pair(one * n + other)] = one * n + other
        return found

    def pair(self, code: int) -> Pair:
        """The pair of a number."""
        one, other = divmod(code, len(self.keys))
        return Pair(*sorted((self.keys[one], self.keys[other])))


@dataclass(frozen=True, eq=False)
class Told:
    """Reports, N of them."""

    households: IntArray
    """(N,) whose, by position in Likes: for the study only."""
    codes: IntArray
    """(N,) pair of each."""
    days: IntArray
    """(N,) when each was sent."""
    epoch_days: int
    """Length of an epoch."""

    @property
    def epochs(self) -> IntArray:
        """(N,) epoch of each, from 0."""
        return self.days // self.epoch_days

    def until(self, days: int) -> Told:
        """Those of the first so many days."""
        kept = self.days < days
        return Told(self.households[kept], self.codes[kept], self.days[kept], self.epoch_days)


def at_once(likes: Likes) -> Told:
    """Everything on the first day: what no budget would give."""
    codes = [np.array(list(likes.codes(i).values()), np.int64) for i in range(len(likes.rows))]
    households = np.repeat(np.arange(len(codes)), [len(each) for each in codes])
    joined = np.concatenate(codes) if codes else np.empty(0, np.int64)
    return Told(households.astype(np.int64), joined, np.zeros(len(joined), np.int64), 1)


def told(
    likes: Likes,
    threshold: int,
    days: int,
    order_of: Callable[[int], Order],
    budget: Budget | None = None,
    joining: int = 0,
) -> Told:
    """A fleet's reports from the day on which its first TV begins.

    Each evening the fleet opens titles that are reported often enough in the epoch and gives
    their shares out; the next day's order rests on them.

    Args:
        likes: of the fleet.
        threshold: reports that open a title.
        days: for so long, at least 1.
        order_of: household -> in which order it reports.
        budget: as shipped where absent.
        joining: days over which TVs begin, evenly, in an order by chance; 0 = all at once.
    """
    budget = budget or Budget()
    tvs = [_Tv(number, likes, order_of(number)) for number in range(len(likes.rows))]
    begins = np.random.default_rng(_SEED).permutation(len(tvs)) * joining // max(len(tvs), 1)
    alone: dict[tuple[int, int], int] = defaultdict(int)
    found: list[tuple[int, int, int]] = []
    news: tuple[int, Mapping[bytes, float]] = (0, {})
    for day in range(days):
        epoch = day // budget.epoch_days
        fresh = False
        for tv, begin in zip(tvs, begins.tolist(), strict=True):
            if begin > day:
                continue
            for code in tv.report(epoch, news, budget.reports(day)):
                found.append((tv.number, code, day))
                one, other = divmod(code, len(likes.keys))
                if one == other:
                    alone[one, epoch] += 1
                    fresh = True
        if fresh:
            news = (day + 1, _support(alone, threshold, likes.keys))
    columns = np.array(found, np.int64).reshape(-1, 3).T
    return Told(columns[0], columns[1], columns[2], budget.epoch_days)


def _support(
    alone: Mapping[tuple[int, int], int], threshold: int, keys: Sequence[bytes]
) -> dict[bytes, float]:
    liked: Counter[int] = Counter()
    for (row, _epoch), count in alone.items():
        if count >= threshold:
            liked[row] += count
    total = liked.total()
    return {keys[row]: count / total for row, count in liked.items()}


class _Tv:
    """What a TV has not reported yet."""

    def __init__(self, number: int, likes: Likes, order: Order) -> None:
        self.number = number
        self._codes = likes.codes(number)
        self._order = order
        self._alone = order([pair for pair in self._codes if pair.alone], epoch=0, support={})
        self._left = {pair for pair in self._codes if not pair.alone}
        self._queue: list[Pair] = []
        self._ordered_by: tuple[int, int] | None = None

    def report(self, epoch: int, news: tuple[int, Mapping[bytes, float]], most: int) -> list[int]:
        """Numbers of the pairs that go today; `news` is what the fleet gave out, with a version."""
        version, support = news
        sent, self._alone = self._alone[:most], self._alone[most:]
        room = most - len(sent)
        if room and self._left:
            if self._ordered_by != (epoch, version):
                self._queue = self._order(self._left, epoch=epoch, support=support)
                self._ordered_by = (epoch, version)
            more, self._queue = self._queue[:room], self._queue[room:]
            self._left.difference_update(more)
            sent += more
        return [self._codes[pair] for pair in sent]
