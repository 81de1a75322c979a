"""What decoded sketches say about each device, as sparse rows of fixed-point numbers.

Fixed point makes every later sum exact, so partial sums merge in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_learn.arrays import Int32Array, Int64Array
from omega_learn.decode import Posterior

UNIT = 1 << 10
"""Fixed-point units of 1: a device's stake in a title is 0 to UNIT."""


@dataclass(frozen=True)
class DeviceRows:
    """Rows of several devices, in compressed sparse row form."""

    starts: Int64Array
    """(devices + 1,): row d is entries starts[d] to starts[d + 1]."""
    titles: Int32Array
    """(entries,), ascending within a row."""
    stakes: NDArray[np.uint16]
    """(entries,): min(1, sum of the posterior weights), in units, 1 to UNIT."""
    quality: NDArray[np.uint16]
    """(entries,): stake x mean of success rate x sample count, in units."""
    samples: NDArray[np.uint16]
    """(entries,): stake x mean sample count, in units."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def part(self, start: int, stop: int) -> Self:
        """The rows start to stop - 1."""
        bounds = self.starts[start : stop + 1]
        inside = slice(bounds[0], bounds[-1])
        return type(self)(
            bounds - bounds[0],
            self.titles[inside],
            self.stakes[inside],
            self.quality[inside],
            self.samples[inside],
        )

    def owners(self) -> Int64Array:
        """Row of each entry, (entries,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.starts))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """The rows of all parts, at least one, in their order."""
        return cls(
            joined_starts([part.starts for part in parts]),
            np.concatenate([part.titles for part in parts]),
            np.concatenate([part.stakes for part in parts]),
            np.concatenate([part.quality for part in parts]),
            np.concatenate([part.samples for part in parts]),
        )


def device_rows(
    posterior: Posterior,
    counts: Int64Array,
    success_rates: FloatArray,
    sample_counts: FloatArray,
) -> DeviceRows:
    """Sums the posteriors of each device's sketches.

    Args:
        posterior: of n sketches, those of a device beside each other.
        counts: sketches of each device, (devices,), sums to n.
        success_rates: of each sketch, (n,), 0 to 1.
        sample_counts: of each sketch, (n,), above 0 to 60.
    """
    width = int(posterior.titles.max(initial=0)) + 1
    owner = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    keys = (owner[:, None] * width + posterior.titles).ravel()
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    heads = np.flatnonzero(np.diff(keys, prepend=-1))
    weights = posterior.weights.astype(np.float64)
    tried = weights * sample_counts[:, None]
    mass, tried_sum, won_sum = (
        np.add.reduceat(part.ravel()[order], heads) if len(heads) else np.zeros(0)
        for part in (weights, tried, tried * success_rates[:, None])
    )
    stakes = np.rint(np.minimum(mass, 1.0) * UNIT)
    kept = stakes > 0
    devices, titles = np.divmod(keys[heads[kept]], width)
    share = stakes[kept] / mass[kept]
    return DeviceRows(
        starts=np.searchsorted(devices, np.arange(len(counts) + 1)).astype(np.int64),
        titles=titles.astype(np.int32),
        stakes=stakes[kept].astype(np.uint16),
        quality=np.rint(share * won_sum[kept]).astype(np.uint16),
        samples=np.rint(share * tried_sum[kept]).astype(np.uint16),
    )


def joined_starts(parts: Sequence[Int64Array]) -> Int64Array:
    """Bounds of rows that lie behind each other, from those of each part, (devices + 1,)."""
    offsets = np.cumsum([0, *(part[-1] for part in parts)])
    starts = [part[:-1] + at for part, at in zip(parts, offsets, strict=False)]
    return np.concatenate([*starts, offsets[-1:]]).astype(np.int64)
