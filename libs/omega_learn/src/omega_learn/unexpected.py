"""What a frozen prior cannot see: titles that arrive now and were all but impossible before.

Between two refreshes a sketch of a title that nobody had reads as its nearest known title. Read
with a prior of what arrived lately alone, it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_learn.arrays import Arrays, Int32Array, Int64Array
from omega_learn.config import LearnConfig
from omega_learn.decode import decode
from omega_learn.fleet import Fleet
from omega_learn.prior import estimate_prior
from omega_learn.rows import device_rows
from omega_learn.sample import Packed, Sample, ranks
from omega_learn.statistics import count_support

RARE = 0.1
"""Part of an even share below which the prior takes a title for impossible."""
RATIO = 10.0
"""Times by which its share among late sketches exceeds what the prior expects."""
SHARE = 0.01
"""Least share of the devices that pushed of late behind such a title: fewer are found by chance."""


@dataclass(frozen=True)
class Look:
    """How late sketches are read without the frozen prior."""

    prior: FloatArray
    """Of late sketches alone, (m,)."""
    bound: int
    """Highest rank of the sketches that are read."""

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        return {"own": self.prior, "bound": np.array([self.bound], np.uint64)}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(arrays["own"], int(arrays["bound"][0]))


def late(fleet: Fleet, config: LearnConfig) -> NDArray[np.bool_]:
    """Which sketches arrived within the longest window of a trend, (n,)."""
    return np.asarray(fleet.ages < config.trends.windows[-1], np.bool_)


def look(sample: Sample, embeddings: FloatArray, config: LearnConfig) -> Look | None:
    """How to read late sketches, of which `sample` holds config.prior_sample at most.

    None where nothing arrived.
    """
    if not len(sample):
        return None
    prior = estimate_prior(sample.sketches, embeddings, sample.sigmas, steps=config.prior_steps)
    return Look(prior, sample.bound)


def seen(fleet: Fleet, embeddings: FloatArray, look: Look, config: LearnConfig) -> Int64Array:
    """Devices behind each title, (m,), as their late sketches up to the bound alone have it."""
    read = late(fleet, config) & (ranks(fleet, config.seed) <= np.uint64(look.bound))
    chosen = np.flatnonzero(read)
    if not len(chosen):
        return np.zeros(len(embeddings), np.int64)
    sizes = np.diff(np.searchsorted(chosen, fleet.starts))
    packed = np.frombuffer(fleet.packed, np.uint8).reshape(len(fleet.classes), -1)[chosen]
    posterior = decode(Packed(packed), embeddings, look.prior, fleet.sigmas[chosen], top=config.top)
    rows = device_rows(posterior, sizes, fleet.success_rates[chosen], fleet.sample_counts[chosen])
    return count_support(rows, len(embeddings))


def unexpected(
    look: Look, unseen: Int64Array, devices: int, prior: FloatArray, config: LearnConfig
) -> Int32Array:
    """Titles of late sketches that a refresh would see and this prior does not, ascending.

    Args:
        look: how they were read.
        unseen: devices behind each title by that, (m,).
        devices: those of which anything arrived.
        prior: the frozen one, (m,).
        config: how the round learns.
    """
    least = max(config.min_title_devices, SHARE * devices)
    rare = (prior < RARE / len(prior)) & (look.prior >= RATIO * prior)
    return np.flatnonzero(rare & (unseen >= least)).astype(np.int32)
