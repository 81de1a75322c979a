"""Additive sufficient statistics of a fleet: a shard reduces its own, and partial sums merge.

The model needs nothing of a device but its part in sums (X'X: Steck 2019), which is what lets
shards, and one day secure aggregation (Bonawitz et al. 2017), work without its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    """Sum of x x' over clipped device rows x, whole numbers of UNIT^-2 below 2^53, (t, t)."""
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


def summarise(rows: DeviceRows, titles: Int32Array, *, clip: float = 50.0) -> Statistics:
    """The statistics of some devices.

    Args:
        rows: one row a device, no device twice.
        titles: those to count, ascending and distinct, (t,); entries for others are left out.
        clip: a row x with |x|_1 above it is scaled by sqrt(clip / |x|_1), so that no device adds
            more than this to the trace of the Gram matrix; above 0.

    Raises:
        OmegaError: INVALID_FIELD titles or clip.
    """
    if not clip > 0:
        raise invalid("clip", "above 0")
    if titles.ndim != 1 or (np.diff(titles) <= 0).any():
        raise invalid("titles", "ascending and distinct")
    t = len(titles)
    place = np.searchsorted(titles, rows.titles)
    known = place < t
    known[known] = titles[place[known]] == rows.titles[known]
    scale = _scales(rows, clip)
    gram = np.zeros((t, t))
    for start in range(0, len(rows), _BLOCK):
        stop = min(start + _BLOCK, len(rows))
        inside = slice(rows.starts[start], rows.starts[stop])
        keep = known[inside]
        dense = np.zeros((stop - start, t))
        owners = rows.part(start, stop).owners()
        clipped = np.rint(rows.stakes[inside] * scale[start + owners])
        dense[owners[keep], place[inside][keep]] = clipped[keep]
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
    gram = np.zeros((len(titles), len(titles)))
    support, quality, samples = (np.zeros(len(titles), np.int64) for _ in range(3))
    for part in (a, b):
        at = np.searchsorted(titles, part.titles)
        gram[np.ix_(at, at)] += part.gram
        support[at] += part.support
        quality[at] += part.quality
        samples[at] += part.samples
    return Statistics(titles, gram, support, quality, samples, a.devices + b.devices)


def _scales(rows: DeviceRows, clip: float) -> DoubleArray:
    """Factor of each row, above 0 to 1, (devices,)."""
    mass = np.bincount(rows.owners(), rows.stakes, minlength=len(rows)) / UNIT
    return np.sqrt(np.minimum(1.0, clip / np.maximum(mass, clip)))


def _sums(place: Int64Array, values: NDArray[Any], length: int) -> Int64Array:
    """Sums of `values` by place, without rounding."""
    total = np.zeros(length, np.int64)
    np.add.at(total, place, values)
    return total
