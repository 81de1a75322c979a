"""Global patterns: clusters of what the fleet succeeded with, enough devices behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from omega_core.vectors import FloatArray
from omega_learn.arrays import Arrays, Int32Array, Int64Array
from omega_learn.clusters import means, spherical_kmeans
from omega_learn.rows import UNIT, DeviceRows
from omega_learn.statistics import Statistics, Tally

TITLES_A_PATTERN = 12
"""Supported titles for each pattern, until the most patterns are reached."""
MIN_AGREEMENT = 0.2
"""Least cosine of a member with its centroid."""
BEHIND = UNIT // 2
"""Least stake of a device in a cluster, in units, with which it stands behind it."""
MATCH = 0.7
"""Least cosine with which a pattern takes over the id of an earlier one."""
SAME = 0.999
"""Cosine from which a pattern whose figures stayed counts as unchanged."""
RATE_TOLERANCE = 0.01
"""Change of a success rate that is no news."""
WEIGHT_TOLERANCE = 0.05
"""Relative change of a weight that is no news."""


@dataclass(frozen=True)
class GlobalPattern:
    """A taste that several devices share."""

    pattern_id: int
    """From 1, chosen by the shard; 0 = new."""
    embedding: FloatArray
    """Centred unit vector, (384,)."""
    success_rate: float
    """Mean success rate of its members, weighted by stake x sample count, 0 to 1."""
    device_count_floor: int
    """Distinct devices behind it, rounded down to a power of two."""
    weight: float
    """Its share of the quality of all supported titles, 0 to 1."""


@dataclass(frozen=True)
class Clusters:
    """Titles by direction, c clusters of them."""

    titles: Int32Array
    """Those that are counted, ascending, (t,)."""
    labels: Int64Array
    """Cluster of each, (t,); c = of none."""
    centroids: FloatArray
    """Centred unit vectors, (c, 384)."""

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        return {"titles": self.titles, "labels": self.labels, "centroids": self.centroids}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(arrays["titles"], arrays["labels"], arrays["centroids"])


def global_patterns(
    statistics: Statistics | Tally,
    rows: DeviceRows,
    embeddings: FloatArray,
    *,
    max_patterns: int = 48,
    min_devices: int = 3,
    previous: Sequence[GlobalPattern] = (),
    seed: int = 0,
) -> tuple[GlobalPattern, ...]:
    """Clusters the titles of `statistics` by direction, weighted by quality.

    Quality is stake x success rate x sample count. Titles that point elsewhere than their cluster
    are dropped from it, and a cluster with fewer than `min_devices` devices behind it is not given
    out.

    Args:
        statistics: over the titles that may be given out, t of them.
        rows: the rows behind `statistics`.
        embeddings: (m, 384) centred unit rows; statistics.titles are rows of it.
        max_patterns: most patterns, at least 1; t / 12 of them at most.
        min_devices: least number of distinct devices behind a pattern.
        previous: patterns of the last round, from which the clusters start.
        seed: of the clusters that start afresh.

    Returns:
        Heaviest first, all new.
    """
    clusters = clustered(
        statistics, embeddings, max_patterns=max_patterns, previous=previous, seed=seed
    )
    behind = devices_behind(rows, clusters)
    return patterns_of(statistics, clusters, behind, min_devices=min_devices)


def clustered(
    statistics: Statistics | Tally,
    embeddings: FloatArray,
    *,
    max_patterns: int,
    previous: Sequence[GlobalPattern],
    seed: int,
) -> Clusters:
    """The clusters of global_patterns(), before anybody was counted behind them.

    Without any quality there is none.
    """
    quality = statistics.quality.astype(np.float64)
    titles = statistics.titles
    points = embeddings[titles]
    if not quality.sum() > 0:
        return Clusters(titles, np.zeros(len(titles), np.int64), points[:0])
    most = max(1, min(max_patterns, len(points) // TITLES_A_PATTERN))
    start = np.array([p.embedding for p in previous], np.float32) if previous else None
    centroids, labels = spherical_kmeans(points, quality, most, start=start, seed=seed)
    astray = np.einsum("td,td->t", points, centroids[labels]) < MIN_AGREEMENT
    labels[astray] = len(centroids)
    return Clusters(titles, labels, means(points, quality, labels, len(centroids) + 1)[:-1])


def patterns_of(
    statistics: Statistics | Tally, clusters: Clusters, behind: Int64Array, *, min_devices: int
) -> tuple[GlobalPattern, ...]:
    """The clusters that may be given out.

    Args:
        statistics: over the titles of the clusters.
        clusters: clustered().
        behind: distinct devices behind each, (c,).
        min_devices: least number of them.

    Returns:
        Heaviest first, all new.
    """
    c = len(clusters.centroids)
    quality = statistics.quality.astype(np.float64)
    won, tried = (
        np.bincount(clusters.labels, figure, minlength=c + 1)
        for figure in (quality, statistics.samples)
    )
    found = [
        GlobalPattern(
            pattern_id=0,
            embedding=clusters.centroids[place],
            success_rate=float(min(won[place] / tried[place], 1.0)),
            device_count_floor=1 << (int(behind[place]).bit_length() - 1),
            weight=float(won[place] / quality.sum()),
        )
        for place in range(c)
        if behind[place] >= min_devices and won[place] > 0
    ]
    return tuple(sorted(found, key=lambda p: -p.weight))


def stable_ids(
    previous: Sequence[GlobalPattern], current: Sequence[GlobalPattern]
) -> tuple[GlobalPattern, ...]:
    """Gives each current pattern the id of the earlier one that it continues; 0 = it is new.

    Pairs are taken greedily by falling cosine, down to MATCH. A pattern that brings no news is
    returned as the earlier one, so that it stays out of the delta.
    """
    if not previous or not current:
        return tuple(current)
    named = list(current)
    cosines = np.array([p.embedding for p in current]) @ np.array([p.embedding for p in previous]).T
    for _ in range(min(cosines.shape)):
        new, old = divmod(int(cosines.argmax()), len(previous))
        cosine = float(cosines[new, old])
        if cosine < MATCH:
            break
        named[new] = _continue(previous[old], current[new], cosine)
        cosines[new, :] = cosines[:, old] = -np.inf
    return tuple(named)


def _continue(old: GlobalPattern, new: GlobalPattern, cosine: float) -> GlobalPattern:
    """The earlier pattern when `new` brings no news, else `new` under its id."""
    same = (
        cosine > SAME
        and old.device_count_floor == new.device_count_floor
        and abs(old.success_rate - new.success_rate) <= RATE_TOLERANCE
        and abs(old.weight - new.weight) <= WEIGHT_TOLERANCE * old.weight
    )
    return old if same else replace(new, pattern_id=old.pattern_id)


def devices_behind(rows: DeviceRows, clusters: Clusters) -> Int64Array:
    """Distinct devices with enough stake in each cluster, (c,). Of disjoint devices, it adds up."""
    count = len(clusters.centroids)
    label_of = np.full(int(rows.titles.max(initial=0)) + 1, count, np.int64)
    inside = clusters.titles < len(label_of)
    label_of[clusters.titles[inside]] = clusters.labels[inside]
    cells = rows.owners() * (count + 1) + label_of[rows.titles]
    order = np.argsort(cells, kind="stable")
    heads = np.flatnonzero(np.diff(cells[order], prepend=-1))
    if not len(heads):
        return np.zeros(count, np.int64)
    stakes = np.add.reduceat(rows.stakes[order].astype(np.int64), heads)
    behind = cells[order][heads][stakes >= BEHIND] % (count + 1)
    return np.bincount(behind, minlength=count + 1)[:count].astype(np.int64)
