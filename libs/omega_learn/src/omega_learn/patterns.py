"""Global patterns: clusters of what the fleet succeeded with, each with enough devices behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from omega_core.vectors import FloatArray, unit

from omega_learn.arrays import DoubleArray, Int64Array
from omega_learn.rows import UNIT, DeviceRows
from omega_learn.statistics import Statistics

MIN_AGREEMENT = 0.25
"""Least cosine of a member with its centroid."""
MEMBER_MASS = 0.5
"""Least stake of a device in a cluster with which it counts as behind it."""
TITLES_A_PATTERN = 12
"""Supported titles for each pattern, until max_patterns is reached."""
SAME = 0.999
"""Cosine from which a pattern that kept its figures counts as unchanged."""
MATCH = 0.7
"""Least cosine with which a pattern takes over the id of an earlier one."""


@dataclass(frozen=True)
class GlobalPattern:
    """A taste that several devices share."""

    pattern_id: int
    """From 1; 0 before it has one."""
    embedding: FloatArray
    """Centred unit vector, (384,)."""
    success_rate: float
    """Mean success rate of its members, weighted by stake x sample count, 0 to 1."""
    device_count_floor: int
    """Distinct devices behind it, rounded down to a power of two."""
    weight: float
    """Share of the supported titles' quality, 0 to 1."""


def global_patterns(
    statistics: Statistics,
    rows: DeviceRows,
    embeddings: FloatArray,
    *,
    max_patterns: int = 48,
    min_devices: int = 3,
    seed: int = 0,
) -> tuple[GlobalPattern, ...]:
    """Clusters the titles of `statistics` by direction, weighted by quality.

    Spherical k-means (Dhillon & Modha 2001). Members that point elsewhere are dropped, and a
    cluster with fewer than `min_devices` devices behind it is not given out.

    Args:
        statistics: over the titles that may be given out.
        rows: the rows behind `statistics`, to count devices.
        embeddings: (m, 384) centred unit rows; statistics.titles are rows of it.
        max_patterns: most patterns, at least 1.
        min_devices: least number of distinct devices behind a pattern.
        seed: of the first centroids.

    Returns:
        Heaviest first, without ids.
    """


def stable_ids(
    previous: Sequence[GlobalPattern], current: Sequence[GlobalPattern]
) -> tuple[GlobalPattern, ...]:
    """Gives each current pattern the id of the nearest earlier one, or a fresh id.

    Pairs are taken greedily by falling cosine, down to MATCH. A pattern that hardly moved is
    returned as it was, so that a delta leaves it out. Fresh ids follow the largest one given.
    """
