"""Evidence of several kinds behind one interface: what each adds to the fleet's sums.

Sketches are one kind. Another gives counts of titles and of pairs of titles directly, as threshold
reports do, where no household's row is ever seen. Both come down to the same sums, which merge in
any order; how much a kind counts is stated when they are put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol

import numpy as np

from omega_core import validate
from omega_core.errors import invalid
from omega_learn.arrays import DoubleArray, Int32Array, Int64Array
from omega_learn.rows import UNIT, DeviceRows
from omega_learn.statistics import Statistics, count_support, merge, summarise

MAX_WEIGHT = 1_000.0
"""Greatest weight of a kind of evidence."""
_MOST = 1 << 31
"""Counts are below: devices fit, and sums of them stay exact in double precision."""


class Evidence(Protocol):
    """What some devices say of titles, as sums. Devices of two pieces of evidence are distinct."""

    def support(self, titles: int) -> Int64Array:
        """Distinct devices behind each title of a catalogue of so many, (titles,)."""
        ...

    def statistics(self, titles: Int32Array) -> Statistics:
        """The sums over these titles, ascending and distinct."""
        ...


@dataclass(frozen=True)
class SketchEvidence:
    """Decoded sketches."""

    rows: DeviceRows
    """One row a device."""
    clip: float = 50.0
    """As in summarise()."""
    max_stake: float = 1.0
    """As in summarise()."""

    def support(self, titles: int) -> Int64Array:
        """Devices with a stake of at least .2 in each title."""
        return count_support(self.rows, titles)

    def statistics(self, titles: Int32Array) -> Statistics:
        """Of the clipped rows."""
        return summarise(self.rows, titles, clip=self.clip, max_stake=self.max_stake)


@dataclass(frozen=True)
class PairCounts:
    """Counts of devices that like a title, and that like two titles. Quality is not spoken of.

    Raises:
        OmegaError: INVALID_FIELD liked, pairs, counts or devices.
    """

    liked: Int64Array
    """Devices that like each title of the catalogue, (m,), 0 to 2^31 - 1."""
    pairs: Int32Array
    """Two titles i < j each, in ascending order and distinct, (p, 2)."""
    counts: Int64Array
    """Devices that like both, at least 1, at most those that like either, (p,)."""
    devices: int
    """Distinct devices that were counted, at least those that like any one title."""
    sealed: bool = False
    """Whether pairs that are not here may have been counted and kept back, for they were few. Then
    one counts as what chance makes of its titles, and below the least count that is here."""

    def __post_init__(self) -> None:
        m, p = len(self.liked), len(self.pairs)
        if self.liked.shape != (m,) or (self.liked < 0).any() or (self.liked >= _MOST).any():
            raise invalid("liked", f"one row of numbers from 0 to {_MOST - 1:,}")
        validate.integer("devices", self.devices, int(self.liked.max(initial=0)), _MOST - 1)
        if self.pairs.shape != (p, 2) or (self.pairs < 0).any() or (self.pairs >= m).any():
            raise invalid("pairs", f"two titles of {m:,} each")
        first, second = self.pairs.astype(np.int64).T
        if (first >= second).any() or (np.diff(first * m + second) <= 0).any():
            raise invalid("pairs", "i < j, ascending and distinct")
        most = np.minimum(self.liked[first], self.liked[second])
        if self.counts.shape != (p,) or (self.counts < 1).any() or (self.counts > most).any():
            raise invalid("counts", "from 1 to the devices that like either title of the pair")

    def support(self, titles: int) -> Int64Array:
        """Devices that like each title.

        Raises:
            OmegaError: INVALID_FIELD liked, when the catalogue has not as many titles.
        """
        if titles != len(self.liked):
            raise invalid("liked", f"a count for each of {titles:,} titles")
        return self.liked

    def statistics(self, titles: Int32Array) -> Statistics:
        """Gram matrix and support; quality and samples are 0.

        Raises:
            OmegaError: INVALID_FIELD titles.
        """
        if titles.ndim != 1 or (np.diff(titles) <= 0).any() or (titles >= len(self.liked)).any():
            raise invalid("titles", "ascending, distinct and of the catalogue")
        t = len(titles)
        place = np.full(len(self.liked), -1, np.int64)
        place[titles] = np.arange(t)
        support = self.liked[titles]
        gram = self._by_chance(support)
        gram[np.diag_indices_from(gram)] = support * float(UNIT**2)
        first, second = place[self.pairs].T
        known = (first >= 0) & (second >= 0)
        both = self.counts[known] * float(UNIT**2)
        gram[first[known], second[known]] = both
        gram[second[known], first[known]] = both
        nothing = np.zeros(t, np.int64)
        return Statistics(titles, support, nothing, nothing, self.devices, gram)

    def _by_chance(self, support: Int64Array) -> DoubleArray:
        """What pairs that are kept back count, (t, t).

        The product of their titles' likes, times the share of that product that pairs which are
        here have on average. No count below the threshold is told, so this is all there is.
        """
        t = len(support)
        if not self.sealed or not len(self.counts):
            return np.zeros((t, t))
        first, second = self.pairs.T
        expected = float(self.liked[first].astype(np.float64) @ self.liked[second])
        rate = float(self.counts.sum()) / expected
        likes = support.astype(np.float64)
        chance = np.outer(likes, rate * likes)
        np.minimum(chance, float(self.counts.min() - 1), out=chance)
        chance *= float(UNIT**2)
        np.rint(chance, out=chance)
        return chance


@dataclass(frozen=True)
class Weighted:
    """A piece of evidence and how much it counts.

    Raises:
        OmegaError: INVALID_FIELD weight.
    """

    evidence: Evidence
    """What it says."""
    weight: float = 1.0
    """Of what its devices add to the model, beside 1 for that of sketches: above 0, at most 1,000.
    Who supports a title is counted, never weighted."""

    def __post_init__(self) -> None:
        validate.number("weight", self.weight, 1 / MAX_WEIGHT, MAX_WEIGHT)


def scaled(statistics: Statistics, weight: float) -> Statistics:
    """Gram matrix, quality and samples times a weight, rounded to whole units; the rest as it is.

    With a whole weight, scaling and merging may be swapped to the last bit; with another, sums
    differ by half a unit for each part.
    """
    if weight == 1:
        return statistics
    return replace(
        statistics,
        gram=np.rint(statistics.gram * weight),
        quality=np.rint(statistics.quality * weight).astype(np.int64),
        samples=np.rint(statistics.samples * weight).astype(np.int64),
    )


def support(parts: Sequence[Weighted], titles: int) -> Int64Array:
    """Distinct devices behind each title of a catalogue, over all parts, (titles,)."""
    found = np.zeros(titles, np.int64)
    for part in parts:
        found += part.evidence.support(titles)
    return found


def likes(parts: Sequence[Weighted], titles: int) -> DoubleArray:
    """How often each title is liked by all parts: supporters at their weights, (titles,)."""
    found = np.zeros(titles)
    for part in parts:
        found += part.weight * part.evidence.support(titles)
    return found


def combine(parts: Sequence[Weighted], titles: Int32Array) -> Statistics:
    """The statistics of all parts, at least one, in any order to the last bit."""
    return reduce(merge, (scaled(p.evidence.statistics(titles), p.weight) for p in parts))
