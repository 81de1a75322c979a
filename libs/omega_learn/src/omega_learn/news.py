"""What a fleet's kept rows say: patterns and trends, and whether there is enough behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray, centre
from omega_learn.arrays import Int32Array, Int64Array
from omega_learn.config import LearnConfig
from omega_learn.decode import on_grid
from omega_learn.kept import Kept
from omega_learn.patterns import GlobalPattern, global_patterns, stable_ids
from omega_learn.rises import RiseCounter
from omega_learn.statistics import count_support, tally
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


def news(
    kept: Kept,
    embeddings: FloatArray,
    previous: Sequence[GlobalPattern],
    hours_since_first: float | None,
    config: LearnConfig,
) -> News:
    """Patterns and trends of a fleet.

    Args:
        kept: every device, in any order: only sums of whole numbers come of them.
        embeddings: (m, 384) centred unit rows.
        previous: patterns of the last round.
        hours_since_first: as RoundInput has it.
        config: how it learns.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE without a supported title.
    """
    titles = supported(count_support(kept.rows, len(embeddings)), config)
    found = global_patterns(
        tally(kept.rows, titles, clip=config.device_clip),
        kept.rows,
        embeddings,
        max_patterns=config.max_patterns,
        min_devices=config.min_title_devices,
        previous=previous,
        seed=config.seed,
    )
    return News(
        len(titles),
        stable_ids(previous, found),
        _trends(kept, len(embeddings), hours_since_first, config),
    )


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


def _trends(
    kept: Kept, titles: int, hours_since_first: float | None, config: LearnConfig
) -> Mapping[str, tuple[Trend, ...]]:
    """None where nothing arrived, or where there is no long run to hold it against."""
    if hours_since_first is None or not (kept.recent.ages < hours_since_first).any():
        return {}
    how = config.trends
    counter = RiseCounter(
        kept.regions,
        titles,
        windows=how.windows,
        longest=hours_since_first,
        decay=how.decay,
        clip=how.device_clip,
        min_devices=how.min_devices,
        max_regions=how.max_regions,
    )
    counter.add(kept)
    return rising(counter.sums, how)
