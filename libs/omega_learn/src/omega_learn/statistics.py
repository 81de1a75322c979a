"""Additive sufficient statistics of a fleet: a shard reduces its own, and partial sums merge.

The model needs nothing of a device but its part in sums (X'X: Steck 2019), which is what lets
shards, and one day secure aggregation (Bonawitz et al. 2017), work without its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omega_core import validate
from omega_core.errors import invalid
from omega_learn.arrays import DoubleArray, Int32Array, Int64Array
from omega_learn.cores import spread
from omega_learn.rows import UNIT, DeviceRows

SUPPORTS = round(0.2 * UNIT)
"""Least stake, in units, with which a device supports a title."""
_BLOCK = 1024
"""Devices whose rows are written out at once."""
_STRIP = 512
_EXACT = 1 << 24
"""Whole numbers up to here are exact in float32."""


@dataclass(frozen=True)
class Tally:
    """Sums over devices for t titles, without what pairs of titles have in common."""

    titles: Int32Array
    """The titles counted, ascending, (t,)."""
    support: Int64Array
    """Distinct devices with a stake of at least .2, (t,)."""
    quality: Int64Array
    """Clipped sum of stake x success rate x sample count, in units, (t,)."""
    samples: Int64Array
    """Clipped sum of stake x sample count, in units, (t,)."""
    devices: int
    """Distinct devices."""

    def over(self, titles: Int32Array) -> Tally:
        """Of some of the titles only, ascending and distinct: what a device adds stays the same."""
        at = np.searchsorted(self.titles, titles)
        return Tally(titles, self.support[at], self.quality[at], self.samples[at], self.devices)


@dataclass(frozen=True)
class Statistics(Tally):
    """The same with what pairs have in common. Every sum is of integers, so merging is exact."""

    gram: DoubleArray
    """Sum of x x' over clipped device rows x, whole numbers of UNIT^-2 below 2^53, (t, t)."""


def count_support(rows: DeviceRows, titles: int) -> Int64Array:
    """Distinct devices with a stake of at least .2 in each of the `titles` titles."""
    return np.bincount(rows.titles[rows.stakes >= SUPPORTS], minlength=titles).astype(np.int64)


def tally(rows: DeviceRows, titles: Int32Array, *, clip: float = 50.0) -> Tally:
    """The sums of some devices that patterns rest on: those of summarise() without its matrix.

    Args:
        rows: one row a device.
        titles: titles to count, ascending and distinct.
        clip: as in summarise().

    Raises:
        OmegaError: INVALID_FIELD titles or clip.
    """
    _check(titles, clip)
    t = len(titles)
    support, quality, samples = (np.zeros(t, np.int64) for _ in range(3))
    for part in _blocks(rows):
        place, known = _places(part, titles)
        share = _shares(part.samples, part.owners(), len(part), clip)
        support += _sums(place, part.stakes[known] >= SUPPORTS, t)
        quality += _sums(place, np.rint(part.quality * share)[known], t)
        samples += _sums(place, np.rint(part.samples * share)[known], t)
    return Tally(titles, support, quality, samples, len(rows))


def summarise(
    rows: DeviceRows, titles: Int32Array, *, clip: float = 50.0, max_stake: float = 1.0
) -> Statistics:
    """The statistics of some devices.

    Args:
        rows: one row a device.
        titles: titles to count, ascending and distinct.
        max_stake: what a stake counts at most in the Gram matrix, 0.2 to 1.
        clip: most that a device adds to the trace of the Gram matrix, and to the sum of samples;
            above 0. A row x with |x|_1 above it is scaled by sqrt(clip / |x|_1), a row of samples
            and the quality that goes with them by clip / their sum.

    Raises:
        OmegaError: INVALID_FIELD titles, clip or max_stake.
    """
    sums = tally(rows, titles, clip=clip)
    gram = np.zeros((len(titles), len(titles)))
    add_gram(gram, rows, titles, clip=clip, max_stake=max_stake)
    complete(gram)
    return Statistics(titles, sums.support, sums.quality, sums.samples, sums.devices, gram)


def add_gram(
    gram: DoubleArray,
    rows: DeviceRows,
    titles: Int32Array,
    *,
    clip: float = 50.0,
    max_stake: float = 1.0,
) -> None:
    """Adds the matrix of summarise() to `gram` (t, t) in place, but for what complete() fills in.

    Raises:
        OmegaError: INVALID_FIELD titles, clip or max_stake.
    """
    validate.number("max_stake", max_stake, 0.2, 1)
    _check(titles, clip)
    most = round(max_stake * UNIT)
    for part in _blocks(rows):
        place, known = _places(part, titles)
        owners = part.owners()
        held = np.minimum(part.stakes, most).astype(np.uint16)
        stakes = np.rint(held * np.sqrt(_shares(held, owners, len(part), clip)))
        _add_products(gram, owners[known], place, stakes[known], len(part))


def complete(gram: DoubleArray) -> None:
    """Fills in what add_gram() left out of a matrix: what lies below its strips."""
    for first in range(0, len(gram), _STRIP):
        last = first + _STRIP
        gram[last:, first:last] = gram[first:last, last:].T


def merge(a: Statistics, b: Statistics) -> Statistics:
    """The statistics of both; associative and commutative to the last bit.

    The devices of `a` and `b` must be distinct. The titles are the union.
    """
    if np.array_equal(a.titles, b.titles):
        return Statistics(
            a.titles,
            a.support + b.support,
            a.quality + b.quality,
            a.samples + b.samples,
            a.devices + b.devices,
            a.gram + b.gram,
        )
    titles = np.union1d(a.titles, b.titles)
    gram = np.zeros((len(titles), len(titles)))
    support, quality, samples = (np.zeros(len(titles), np.int64) for _ in range(3))
    for part in (a, b):
        at = np.searchsorted(titles, part.titles)
        gram[np.ix_(at, at)] += part.gram
        support[at] += part.support
        quality[at] += part.quality
        samples[at] += part.samples
    return Statistics(titles, support, quality, samples, a.devices + b.devices, gram)


def _add_products(
    gram: DoubleArray,
    owners: Int64Array,
    titles: Int64Array,
    stakes: DoubleArray,
    devices: int,
) -> None:
    """Adds x x' of some devices' rows, in strips of the part above the diagonal.

    Cauchy & Schwarz: a sum of products of two titles' stakes is at most the larger of their sums of
    squares. Up to 2^24 float32 holds it exactly, and takes half the time; the few titles beyond are
    summed apart.
    """
    t = len(gram)
    heavy = np.flatnonzero(np.bincount(titles, np.square(stakes), minlength=t) > _EXACT)
    dense = np.zeros((devices, t), np.float32)
    dense[owners, titles] = stakes
    if len(heavy):
        products = np.asarray(dense[:, heavy], np.float64).T @ np.asarray(dense, np.float64)
        gram[heavy] += products
        products[:, heavy] = 0
        gram[:, heavy] += products.T
        dense[:, heavy] = 0

    def add(first: int) -> None:
        # In strips: the whole product would take as much memory as the matrix itself.
        strip = slice(first, first + _STRIP)
        gram[strip, first:] += dense[:, strip].T @ dense[:, first:]

    for _ in spread(add, range(0, t, _STRIP)):
        pass


def _check(titles: Int32Array, clip: float) -> None:
    if not clip > 0:
        raise invalid("clip", "above 0")
    if titles.ndim != 1 or (np.diff(titles) <= 0).any():
        raise invalid("titles", "ascending and distinct")


def _blocks(rows: DeviceRows) -> Iterator[DeviceRows]:
    for start in range(0, len(rows), _BLOCK):
        yield rows.part(start, min(start + _BLOCK, len(rows)))


def _places(part: DeviceRows, titles: Int32Array) -> tuple[Int64Array, NDArray[np.bool_]]:
    """Where the known entries of some rows stand among `titles`, and which entries are known."""
    place = np.minimum(np.searchsorted(titles, part.titles), len(titles) - 1)
    known = titles[place] == part.titles if len(titles) else np.zeros(len(place), bool)
    return place[known], known


def _shares(
    figures: NDArray[np.uint16], owners: Int64Array, devices: int, clip: float
) -> DoubleArray:
    """Of each entry: by how much its row exceeds `clip`, above 0 to 1, (entries,)."""
    totals = np.bincount(owners, figures, minlength=devices) / UNIT
    return (clip / np.maximum(totals, clip))[owners]


def _sums(place: Int64Array, values: NDArray[Any], length: int) -> Int64Array:
    """Sums of whole `values` by place."""
    # Whole numbers in double precision: exact below 2^53.
    return np.bincount(place, values, minlength=length).astype(np.int64)
