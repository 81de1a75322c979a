"""What decoded sketches say about each device, as sparse rows of fixed-point numbers.

Fixed point makes every later sum exact, so partial sums merge in any order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omega_learn.arrays import Int32Array, Int64Array
from omega_core.vectors import FloatArray
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
    stakes: Int64Array
    """(entries,): min(1, sum of the posterior weights), 1 to UNIT."""
    quality: Int64Array
    """(entries,): stake x mean of success rate x sample count, in units."""
    samples: Int64Array
    """(entries,): stake x mean sample count, in units."""

    def __len__(self) -> int:
        return len(self.starts) - 1


def device_rows(
    posterior: Posterior,
    counts: Int64Array,
    success_rates: FloatArray,
    sample_counts: FloatArray,
    titles: int,
) -> DeviceRows:
    """Sums the posteriors of each device's sketches.

    Args:
        posterior: of n sketches, those of a device beside each other.
        counts: sketches of each device, (devices,), sums to n.
        success_rates: of each sketch, (n,), 0 to 1.
        sample_counts: of each sketch, (n,), above 0.
        titles: number of titles, m.
    """
    owner = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    keys = (owner[:, None] * titles + posterior.titles).ravel()
    weights = posterior.weights.astype(np.float64)
    seen = weights * sample_counts[:, None]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    heads = np.flatnonzero(np.diff(keys, prepend=-1))
    if len(heads):
        mass, tried, won = (
            np.add.reduceat(part.ravel()[order], heads)
            for part in (weights, seen, seen * success_rates[:, None])
        )
    else:
        mass = tried = won = np.zeros(0)
    stakes = np.rint(np.minimum(mass, 1.0) * UNIT).astype(np.int64)
    kept = stakes > 0
    heads, stakes, mass = heads[kept], stakes[kept], mass[kept]
    devices, found = np.divmod(keys[heads], titles)
    return DeviceRows(
        starts=np.searchsorted(devices, np.arange(len(counts) + 1)).astype(np.int64),
        titles=found.astype(np.int32),
        stakes=stakes,
        quality=np.rint(stakes * won[kept] / mass).astype(np.int64),
        samples=np.rint(stakes * tried[kept] / mass).astype(np.int64),
    )
