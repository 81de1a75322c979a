"""What a shard counts of its devices' rows, a block of devices after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from omega_learn.arrays import Arrays, Int32Array
from omega_learn.config import LearnConfig
from omega_learn.dp import bounded_support, most_titles
from omega_learn.kept import Kept
from omega_learn.partials import Census, Sums
from omega_learn.patterns import Clusters, devices_behind
from omega_learn.rises import RiseCounter, Rises
from omega_learn.sample import Sample
from omega_learn.statistics import Statistics, Tally, add_gram, complete, count_support, tally


@dataclass(frozen=True)
class Counting:
    """What is to be counted."""

    titles: Int32Array
    """Titles, ascending and distinct, (t,)."""
    matrix: bool
    """Whether with what pairs of them have in common."""
    regions: tuple[str, ...] = ()
    """Regions whose rises are counted apart, ascending."""
    longest: float | None = None
    """Hours since the fleet's first round; None = rises are not counted."""

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        longest = [] if self.longest is None else [self.longest]
        return {
            "titles": self.titles,
            "matrix": np.array([self.matrix]),
            "regions": np.array(self.regions, np.str_),
            "longest": np.array(longest, np.float64),
        }

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(
            arrays["titles"],
            bool(arrays["matrix"][0]),
            tuple(arrays["regions"].tolist()),
            next(iter(arrays["longest"].tolist()), None),
        )


def supporters(blocks: Iterable[Kept], titles: int, config: LearnConfig) -> Sums:
    """Devices behind each of the `titles` titles: `support`, and under noise `bounded` as well."""
    support = np.zeros(titles, np.int64)
    bounded = np.zeros(titles if config.dp_mu else 0, np.int64)
    figures = np.zeros(2, np.int64)
    for block in blocks:
        support += count_support(block.rows, titles)
        if config.dp_mu:
            bounded += bounded_support(block.rows, titles, most_titles(config.device_clip))
        figures += (len(block), block.sketches.sum())
    return Sums(
        {"support": support, "bounded": bounded, "devices": figures[:1], "sketches": figures[1:]}
    )


def statistics(blocks: Iterable[Kept], plan: Counting, titles: int, config: LearnConfig) -> Sums:
    """The sums that a model, patterns and trends rest on.

    Args:
        blocks: devices, no one twice.
        plan: what to count.
        titles: of the catalogue.
        config: how the round learns.
    """
    t = len(plan.titles)
    sums: dict[str, NDArray[Any]] = {
        name: np.zeros(t, np.int64) for name in ("support", "quality", "samples")
    }
    if plan.matrix:
        sums["gram"] = np.zeros((t, t))
    figures = np.zeros(2, np.int64)
    counter = _counter(plan, titles, config)
    # Under noise a stake counts in full: the noise bounds what a device does.
    most = 1.0 if config.dp_mu else config.max_stake
    for block in blocks:
        found = tally(block.rows, plan.titles, clip=config.device_clip)
        for name in ("support", "quality", "samples"):
            sums[name] += getattr(found, name)
        if plan.matrix:
            add_gram(sums["gram"], block.rows, plan.titles, clip=config.device_clip, max_stake=most)
        if counter:
            counter.add(block)
        figures += (len(block), block.sketches.sum())
    if plan.matrix:
        complete(sums["gram"])
    rises = counter.sums.sums() if counter else {}
    return Sums({**sums, **rises, "devices": figures[:1], "sketches": figures[1:]})


def behind(blocks: Iterable[Kept], clusters: Clusters) -> Sums:
    """Distinct devices behind each cluster: `behind`."""
    found = np.zeros(len(clusters.centroids), np.int64)
    for block in blocks:
        found += devices_behind(block.rows, clusters)
    return Sums({"behind": found})


def census(blocks: Iterable[Kept], sample: Sample) -> Census:
    """Who stands behind some rows, with a sample that was drawn apart."""
    devices = sketches = 0
    regions = Counter[str]()
    for block in blocks:
        devices += len(block)
        sketches += int(block.sketches.sum())
        regions.update(block.regions)
    return Census(devices, sketches, dict(sorted(regions.items())), sample)


def tally_of(sums: Sums, titles: Int32Array) -> Tally:
    """The tally in sums over these titles."""
    return Tally(titles, sums["support"], sums["quality"], sums["samples"], sums.figure("devices"))


def statistics_of(sums: Sums, titles: Int32Array) -> Statistics:
    """The statistics in sums over these titles; the matrix is not copied."""
    found = tally_of(sums, titles)
    return Statistics(
        found.titles, found.support, found.quality, found.samples, found.devices, sums["gram"]
    )


def rises_of(sums: Sums, plan: Counting) -> Rises | None:
    """The rises in sums; None where they were not counted."""
    if plan.longest is None:
        return None
    return Rises.of(("", *plan.regions), sums.sums)


def _counter(plan: Counting, titles: int, config: LearnConfig) -> RiseCounter | None:
    if plan.longest is None:
        return None
    how = config.trends
    return RiseCounter(
        plan.regions,
        titles,
        windows=how.windows,
        longest=plan.longest,
        decay=how.decay,
        clip=how.device_clip,
    )
