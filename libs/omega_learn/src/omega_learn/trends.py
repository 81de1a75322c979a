"""Trends: titles that more devices succeeded with of late than their usual share lets expect.

Nothing is remembered between rounds. What a round needs of the past stands in the sketches with
the instants of their arrival: what arrived long ago is the long run, what arrived lately is held
against it, and a sketch counts 0.95 to the power of its age in hours. So a repeated round finds the
same, a missed one loses nothing, and a device that is erased is in no sum any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from omega_core import validate
from omega_core.errors import invalid
from omega_core.limits import MAX_TRENDS, MIN_DEVICES
from omega_learn.arrays import DoubleArray, Int64Array
from omega_learn.rises import FINE, Rises

EVERYWHERE = ""
"""Region that all devices are in."""


@dataclass(frozen=True)
class TrendConfig:
    """What counts as a trend."""

    decay: float = 0.95
    """What an hour leaves of a rise, 0.5 to 0.999."""
    windows: tuple[float, ...] = (2.0, 12.0, 72.0)
    """Hours that "lately" means, rising, each 0.1 to 1,000; a title has to rise in one of them."""
    false_alarms: float = 0.05
    """Most titles of a region that a round may take for rising although none is, 1e-9 to 1."""
    min_devices: int = MIN_DEVICES
    """Least number of distinct devices behind a trend, in its region, 3 to 1,000,000."""
    device_clip: float = 50.0
    """Most stakes that one device has; a row with more is scaled down, 1 to 10,000."""
    liar_share: float = 0.01
    """Share of a region's devices that may lie, 0 to 0.5: so many devices behind a trend count for
    nothing (docs/adr/0027)."""
    half_share: float = 0.05
    """Share of a region's active devices whose rise is a score of a half, 0.0001 to 1."""
    least_score: float = 0.02
    """Scores below are not given out, 0 to 1."""
    max_regions: int = 32
    """Most regions with trends of their own, those with most devices, 0 to 1,000."""

    def __post_init__(self) -> None:
        validate.number("decay", self.decay, 0.5, 0.999)
        validate.count("windows", self.windows, 8, 1)
        for i, hours in enumerate(self.windows):
            validate.number(f"windows[{i}]", hours, 0.1, 1_000)
        if list(self.windows) != sorted(set(self.windows)):
            raise invalid("windows", "rising")
        validate.number("false_alarms", self.false_alarms, 1e-9, 1)
        validate.integer("min_devices", self.min_devices, MIN_DEVICES, 1_000_000)
        validate.number("device_clip", self.device_clip, 1, 10_000)
        validate.number("liar_share", self.liar_share, 0, 0.5)
        validate.number("half_share", self.half_share, 0.0001, 1)
        validate.number("least_score", self.least_score, 0, 1)
        validate.integer("max_regions", self.max_regions, 0, 1_000)


@dataclass(frozen=True)
class Trend:
    """A title on the rise."""

    title: int
    """Row of the catalogue."""
    score: float
    """How strong it is now, above 0, below 1."""


def rising(rises: Rises, config: TrendConfig) -> Mapping[str, tuple[Trend, ...]]:
    """The trends of each region that has any, strongest first, at most 32.

    A title rises in a window when its share there is greater than in the long run, by a test that
    is conditional on both counts (Przyborowski & Wilenski 1940): under equal shares, of the n
    stakes that a title has in the window and before, those in the window are binomial with
    theta = W / (W + B), where W and B are all stakes of the region in the window and before. Its
    tail is held below false_alarms / (titles x windows) by Chernoff's bound,
    exp(-n KL(f / n, theta)), which also holds for stakes between 0 and 1. The noise of decoding
    is in both counts alike.

    The rise is what exceeds W b / B, every sketch decayed by its age; with U the same without
    decay and A the devices that were active in the window, the score is rise / (U + half_share A).
    Of the D devices behind it, liar_share of all N devices of the region may lie: the score counts
    1 - liar_share N / D of itself. It falls to `decay` of itself with each hour in which nothing
    new arrives. What is said to rise everywhere does so, by the same test, outside the region that
    has most of it as well.
    """
    found = {}
    for place, region in enumerate(rises.regions):
        score = _scores(rises, place, config)
        best = np.argsort(-score, kind="stable")[:MAX_TRENDS]
        best = best[(score[best] > 0) & (score[best] >= config.least_score)]
        if len(best):
            found[region] = tuple(Trend(int(t), float(score[t])) for t in best)
    return found


def _scores(rises: Rises, place: int, config: TrendConfig) -> DoubleArray:
    """(m,) score of each title in the region at `place`."""
    titles, windows = rises.every.shape[1], len(rises.stakes)
    score, clearest = np.zeros(titles), np.zeros(titles)
    threshold = np.log(titles * windows / config.false_alarms)
    for w in range(windows):
        seen = _region(rises, w, place) if place else _beyond_one_region(rises, w)
        with np.errstate(divide="ignore", invalid="ignore"):
            usual = np.nan_to_num(seen.before / seen.long_run, posinf=0.0)
        evidence = surprise(seen.stakes, seen.before, seen.total, seen.long_run)
        now = seen.decayed - seen.fading * usual
        clear = (
            (evidence >= threshold)
            & (evidence > clearest)
            & (seen.devices >= config.min_devices)
            & (now > 0)
        )
        risen = seen.stakes - seen.total * usual
        honest = 1 - config.liar_share * seen.members / np.maximum(seen.devices, 1)
        rise = now * np.maximum(honest, 0)
        score[clear] = rise[clear] / (risen + config.half_share * seen.active)[clear]
        clearest[clear] = evidence[clear]
    return score


@dataclass(frozen=True)
class _Seen:
    """One window of one region; everything by title, (m,)."""

    stakes: DoubleArray
    """In the window."""
    decayed: DoubleArray
    """The same, decayed."""
    before: DoubleArray
    """In the long run."""
    devices: Int64Array
    """Distinct devices in the window."""
    total: DoubleArray
    """Stakes of all titles in the window."""
    fading: DoubleArray
    """The same, decayed."""
    long_run: DoubleArray
    """Stakes of all titles in the long run."""
    active: DoubleArray
    """Distinct devices of the window."""
    members: DoubleArray
    """Distinct devices of all times."""


def _region(rises: Rises, w: int, place: int) -> _Seen:
    stakes, decayed, before = (
        part.astype(np.float64) / FINE
        for part in (rises.stakes[w, place], rises.decayed[w, place], rises.before[place])
    )
    every = np.ones(len(before))
    return _Seen(
        stakes,
        decayed,
        before,
        rises.devices[w, place],
        stakes.sum() * every,
        decayed.sum() * every,
        before.sum() * every,
        rises.active[w, place] * every,
        rises.members[place] * every,
    )


def _beyond_one_region(rises: Rises, w: int) -> _Seen:
    """Everywhere but in the region that has most of a title: what rises in one only is its own."""
    whole = _region(rises, w, 0)
    if len(rises.regions) == 1:
        return whole
    before = rises.before
    most = 1 + rises.stakes[w, 1:].argmax(axis=0)
    titles = np.arange(rises.every.shape[1])

    def sums(part: Int64Array) -> DoubleArray:
        return np.asarray((part.sum(axis=1) / FINE)[most], np.float64)

    return _Seen(
        whole.stakes - rises.stakes[w, most, titles] / FINE,
        whole.decayed - rises.decayed[w, most, titles] / FINE,
        whole.before - before[most, titles] / FINE,
        whole.devices - rises.devices[w, most, titles],
        whole.total - sums(rises.stakes[w]),
        whole.fading - sums(rises.decayed[w]),
        whole.long_run - sums(before),
        whole.active - rises.active[w, most],
        whole.members - rises.members[most],
    )


def surprise(
    stakes: DoubleArray, before: DoubleArray, total: DoubleArray, long_run: DoubleArray
) -> DoubleArray:
    """-log of Chernoff's bound on the chance of at least `stakes` beside `before`; 0 where fewer.

    Args:
        stakes: of a title of late, at least 0, (m,).
        before: of a title in the long run, at least 0, (m,).
        total: of all titles of late, (m,).
        long_run: of all titles in the long run, (m,); 0 = nothing to compare with.
    """
    both = stakes + before
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = total / (total + long_run)
        late = stakes * np.log(stakes / (both * theta))
        early = before * np.log(before / (both * (1 - theta)))
    found = np.nan_to_num(late) + np.nan_to_num(early)
    return np.where((long_run > 0) & (stakes > both * theta), found, 0.0)
