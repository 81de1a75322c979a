"""Additive sufficient statistics of a fleet: a shard reduces its own, and partial sums merge.

The model needs nothing of a device but its part in sums (X'X: Steck 2019), which is what lets
shards, and one day secure aggregation (Bonawitz et al. 2017), work without its row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from omega_core.errors import invalid

from omega_learn.arrays import DoubleArray, Int32Array, Int64Array
from omega_learn.rows import UNIT, DeviceRows

SUPPORTS = round(0.2 * UNIT)
"""Least stake, in units, with which a device supports a title."""
_BLOCK = 512


@dataclass(frozen=True)
class Statistics:
    """Sums over devices for t titles. Every sum is of integers, so merging is exact."""

    titles: Int32Array
    """The titles counted, ascending, (t,)."""
    gram: DoubleArray
    """Sum of x x' over device rows x: whole numbers of UNIT^-2, exact below 2^53, (t, t)."""
    support: Int64Array
    """Distinct devices with a stake of at least .2, (t,)."""
    quality: Int64Array
    """Sum of stake x success rate x sample count, in units, (t,)."""
    samples: Int64Array
    """Sum of stake x sample count, in units, (t,)."""
    devices: int
    """Distinct devices."""


def count_support(rows: DeviceRows, titles: int) -> Int64Array:
    """Distinct devices with a stake of at least .2 in each of the `titles` titles."""
    return np.bincount(rows.titles[rows.stakes >= SUPPORTS], minlength=titles).astype(np.int64)


def summarise(rows: DeviceRows, titles: Int32Array) -> Statistics:
    """The statistics of some devices.

    Args:
        rows: one row a device, no device twice.
        titles: those to count, ascending and distinct, (t,); entries for others are left out.

    Raises:
        OmegaError: INVALID_FIELD titles.
    """
    if titles.ndim != 1 or (np.diff(titles) <= 0).any():
        raise invalid("titles", "ascending and distinct")
    t = len(titles)
    place = np.searchsorted(titles, rows.titles)
    known = place < t
    known[known] = titles[place[known]] == rows.titles[known]
    gram = np.zeros((t, t))
    for start in range(0, len(rows), _BLOCK):
        stop = min(start + _BLOCK, len(rows))
        part = slice(rows.starts[start], rows.starts[stop])
        owner = np.repeat(np.arange(stop - start), np.diff(rows.starts[start : stop + 1]))
        dense = np.zeros((stop - start, t))
        keep = known[part]
        dense[owner[keep], place[part][keep]] = rows.stakes[part][keep]
        gram += dense.T @ dense
    return Statistics(
        titles=titles,
        gram=gram,
        support=_sums(place[known], rows.stakes[known] >= SUPPORTS, t),
        quality=_sums(place[known], rows.quality[known], t),
        samples=_sums(place[known], rows.samples[known], t),
        devices=len(rows),
    )


def merge(a: Statistics, b: Statistics) -> Statistics:
    """The statistics of both; associative and commutative to the last bit.

    The devices of `a` and `b` must be distinct. The titles are the union.
    """
    titles = np.union1d(a.titles, b.titles)
    total = [np.zeros(len(titles), np.int64) for _ in range(3)]
    gram = np.zeros((len(titles), len(titles)))
    for part in (a, b):
        at = np.searchsorted(titles, part.titles)
        gram[np.ix_(at, at)] += part.gram
        for into, values in zip(total, (part.support, part.quality, part.samples), strict=True):
            into[at] += values
    return Statistics(titles, gram, *total, devices=a.devices + b.devices)


def _sums(place: Int64Array, values: Int64Array, length: int) -> Int64Array:
    """Sums of `values` by place, without rounding."""
    total = np.zeros(length, np.int64)
    np.add.at(total, place, values)
    return total
