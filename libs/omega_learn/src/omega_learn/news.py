"""What a fleet's kept rows say: patterns and trends, and whether there is enough behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray, centre
from omega_learn.arrays import Int32Array, Int64Array
from omega_learn.config import LearnConfig
from omega_learn.counting import Counting, rises_of, tally_of
from omega_learn.decode import on_grid
from omega_learn.partials import Census, Sums
from omega_learn.patterns import GlobalPattern, clustered, patterns_of, stable_ids
from omega_learn.phases import BEHIND, Desk
from omega_learn.rises import large_regions
from omega_learn.trends import Trend, rising


@dataclass(frozen=True)
class News:
    """What changes from hour to hour."""

    supported_titles: int
    """Titles that enough devices support."""
    patterns: tuple[GlobalPattern, ...]
    """Heaviest first, with ids."""
    trends: Mapping[str, tuple[Trend, ...]]
    """Of each region that has any, "" = everywhere."""


def tell(
    desk: Desk,
    sums: Sums,
    counted: Counting,
    titles: Int32Array,
    embeddings: FloatArray,
    previous: Sequence[GlobalPattern],
    config: LearnConfig,
) -> News:
    """Patterns and trends of a fleet; asks for the devices behind the patterns.

    Args:
        desk: before the shards.
        sums: merged, by `counted`.
        counted: what was counted.
        titles: that may be given out, some of counted.titles.
        embeddings: (m, 384) centred unit rows.
        previous: patterns of the last round.
        config: how it learns.
    """
    over = tally_of(sums, counted.titles).over(titles)
    clusters, merged = desk.ask(
        BEHIND,
        lambda: clustered(
            over,
            embeddings,
            max_patterns=config.max_patterns,
            previous=previous,
            seed=config.seed,
        ),
    )
    found = patterns_of(over, clusters, merged()["behind"], min_devices=config.min_title_devices)
    rises = rises_of(sums, counted)
    return News(
        len(titles), stable_ids(previous, found), rising(rises, config.trends) if rises else {}
    )


def regions_of(census: Census, config: LearnConfig) -> tuple[str, ...]:
    """Regions whose trends are told apart, ascending."""
    how = config.trends
    return large_regions(census.regions, min_devices=how.min_devices, max_regions=how.max_regions)


def catalogue_rows(embeddings: FloatArray, mean: FloatArray) -> FloatArray:
    """Centred unit rows of a catalogue as sketches are decoded with, (m, 384).

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE without a title.
    """
    if not len(embeddings):
        raise not_possible("the catalogue", "at least one title")
    return on_grid(centre(embeddings, mean))


def supported(support: Int64Array, config: LearnConfig) -> Int32Array:
    """The titles that enough devices support, ascending.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE without any.
    """
    titles = np.flatnonzero(support >= config.min_title_devices)
    if not len(titles):
        bound = f"a title that {config.min_title_devices:,} devices support"
        raise not_possible("the shard", bound)
    return titles.astype(np.int32)


def require_devices(devices: int, config: LearnConfig) -> None:
    """Refuses a fleet that is too small.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE.
    """
    if devices < config.min_devices:
        raise not_possible("the shard", f"{config.min_devices:,} devices with sketches")


def not_possible(field: str, bound: str) -> OmegaError:
    """ROUND_NOT_POSSIBLE, and what is missing."""
    return OmegaError(ErrorCode.ROUND_NOT_POSSIBLE, field=field, bound=bound)
