"""Trends between what a round finds and what the shard gives out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from omega_learn import Trend
from omega_store.trends import NO_TRENDS, TrendList

TOLERANCE = 0.02
"""Change of a score that is no news."""


def listed(
    found: Mapping[str, tuple[Trend, ...]],
    ordinals: NDArray[np.uint32],
    catalogue_version: int,
    at: datetime,
) -> TrendList:
    """Trends as they are stored.

    Args:
        found: by region; titles are rows of the catalogue.
        ordinals: of the catalogue's rows.
        catalogue_version: of that catalogue, from 1.
        at: when they were found.
    """
    if not found:
        return NO_TRENDS
    by_region = {
        region: {int(ordinals[trend.title]): trend.score for trend in trends}
        for region, trends in found.items()
    }
    return TrendList(catalogue_version, at, by_region)


def news(
    held: TrendList, found: TrendList, decay: float, least: float, *, whole: bool = False
) -> TrendList | None:
    """The trends to publish; None where those in force go on as they are.

    TVs let scores fade by themselves, so a score that only faded is no news, nor is a title whose
    score has fallen below what is given out.

    Args:
        held: in force.
        found: by this round.
        decay: what an hour leaves of a score.
        least: scores below are not given out.
        whole: that a title is gone is news however weak it was: somebody behind it may have been
            erased.
    """
    if held.at is None or found.at is None:
        return None if held == found else found
    left = decay ** (max(found.at - held.at, timedelta(0)) / timedelta(hours=1))
    faded = {
        region: {ordinal: score * left for ordinal, score in titles.items()}
        for region, titles in held.by_region.items()
    }
    for region in {*faded, *found.by_region}:
        before, now = faded.get(region, {}), found.by_region.get(region, {})
        for ordinal in {*before, *now}:
            was, has = before.get(ordinal, 0.0), now.get(ordinal)
            if has is None and was < least and not whole:
                continue
            if has is None or ordinal not in before or abs(was - has) > TOLERANCE:
                return found
    return None
