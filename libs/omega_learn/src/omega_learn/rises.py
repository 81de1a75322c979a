"""What a shard counts of late arrivals, by region and title: sums that merge in any order.

Two things are counted apart: everything that devices like, from their rows, and of the devices of
which something arrived lately what that was, from their decoded sketches. What arrived before is
the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import invalid
from omega_learn.arrays import Arrays, DoubleArray, Int64Array
from omega_learn.kept import Kept, Recent
from omega_learn.rows import UNIT

FINE = 1 << 20
"""Fixed-point units of 1: whole numbers of them add up exactly."""
_BEHIND = round(0.2 * UNIT)
"""Least stake, in units of a row, with which a device stands behind a title."""


@dataclass(frozen=True)
class Rises:
    """Sums over devices for R regions, m titles and w windows. All of them are whole numbers."""

    regions: tuple[str, ...]
    """(R,) ascending and distinct; "" = everywhere."""
    every: Int64Array
    """(R, m) stakes of all that arrived, whenever, in FINE."""
    stakes: Int64Array
    """(w, R, m) stakes of what arrived in each window, in FINE; a window holds those before it."""
    decayed: Int64Array
    """(w, R, m) the same, each sketch decayed by its age."""
    devices: Int64Array
    """(w, R, m) distinct devices with a stake of at least .2 in the window."""
    active: Int64Array
    """(w, R) distinct devices of which anything arrived in the window."""
    members: Int64Array
    """(R,) distinct devices of each region, whenever anything of them arrived."""

    def sums(self) -> Arrays:
        """The sums by name; those of the same regions, titles and windows add up."""
        return {f"rises.{name}": getattr(self, name) for name in _NAMES}

    @classmethod
    def of(cls, regions: tuple[str, ...], sums: Arrays) -> Self:
        """From sums()."""
        return cls(regions, *(sums[f"rises.{name}"] for name in _NAMES))

    @property
    def before(self) -> Int64Array:
        """(R, m) stakes of what arrived before every window: the long run."""
        return np.asarray(np.maximum(self.every - self.stakes[-1], 0), np.int64)


def merge_rises(a: Rises, b: Rises) -> Rises:
    """The sums of both; associative and commutative to the last bit.

    The devices of `a` and `b` must be distinct, their titles and windows the same.

    Raises:
        ValueError: titles or windows differ.
    """
    if a.stakes.shape[::2] != b.stakes.shape[::2]:
        raise ValueError("sums of other titles or windows")
    regions = tuple(sorted({*a.regions, *b.regions}))
    windows, _, titles = a.stakes.shape
    summed = _zeros(regions, windows, titles)
    for part in (a, b):
        at = np.searchsorted(np.array(regions), np.array(part.regions))
        summed.every[at] += part.every
        summed.members[at] += part.members
        for name in ("stakes", "decayed", "devices", "active"):
            getattr(summed, name)[:, at] += getattr(part, name)
    return summed


_NAMES = ("every", "stakes", "decayed", "devices", "active", "members")


def _zeros(regions: tuple[str, ...], windows: int, titles: int) -> Rises:
    r = len(regions)
    stakes, decayed, devices = (np.zeros((windows, r, titles), np.int64) for _ in range(3))
    return Rises(
        regions,
        np.zeros((r, titles), np.int64),
        stakes,
        decayed,
        devices,
        np.zeros((windows, r), np.int64),
        np.zeros(r, np.int64),
    )


def large_regions(
    counted: Mapping[str, int], *, min_devices: int, max_regions: int
) -> tuple[str, ...]:
    """Regions to count apart, ascending.

    Args:
        counted: distinct devices of each region; "" = not stated.
        min_devices: regions with fewer devices than that are counted everywhere only.
        max_regions: most regions, those with most devices.
    """
    large = [name for name in counted if name and counted[name] >= min_devices]
    return tuple(sorted(sorted(large, key=lambda name: (-counted[name], name))[:max_regions]))


class RiseCounter:
    """Counts what is kept of a fleet, some devices after others in any order.

    Args:
        regions: that are counted apart, ascending; of the others, "" among them, everywhere only.
        titles: of the catalogue.
        windows: hours, rising; all of them are cut at `longest`.
        longest: hours since the shard's first round: what came before is the long run.
        decay: what an hour leaves.
        clip: most stakes of one device, of late and in the long run.
    """

    def __init__(
        self,
        regions: Sequence[str],
        titles: int,
        *,
        windows: Sequence[float],
        longest: float,
        decay: float,
        clip: float,
    ) -> None:
        names = ("", *regions)
        self._places = {name: i for i, name in enumerate(names)}
        self._windows = [min(hours, longest) for hours in windows]
        self._decay = decay
        self._clip = clip
        self.sums = _zeros(names, len(windows), titles)
        """What has been counted."""

    def add(self, kept: Kept) -> None:
        """Counts devices: all that they like, and what arrived lately.

        Raises:
            OmegaError: INVALID_FIELD ages.
        """
        if not (kept.recent.ages >= 0).all():
            raise invalid("ages", "at least 0")
        places = np.array([self._places.get(region, 0) for region in kept.regions], np.int64)
        self.sums.members[0] += len(kept)
        np.add.at(self.sums.members, places[places > 0], 1)
        owners = kept.rows.owners()
        totals = np.bincount(owners, kept.rows.stakes, minlength=len(kept)) / UNIT
        shares = self._clip / np.maximum(totals, self._clip)
        stakes = np.rint(kept.rows.stakes * (FINE / UNIT) * shares[owners]).astype(np.int64)
        self._spread(self.sums.every, places[owners], kept.rows.titles, stakes)
        recent = kept.recent.picked(kept.recent.ages < self._windows[-1])
        if len(recent.ages):
            self._add_recent(recent, places, shares)

    def _add_recent(self, recent: Recent, places: Int64Array, shares: DoubleArray) -> None:
        """Counts what arrived within the windows.

        Args:
            recent: sketches of some devices.
            places: region of each device, (devices,).
            shares: what the clip leaves of each device's stakes, above 0 to 1, (devices,).
        """
        cells = _Cells.of(recent, self.sums.every.shape[1])
        weights = recent.weights.astype(np.float64)
        fade = np.power(self._decay, recent.ages)
        for w, hours in enumerate(self._windows):
            late = recent.ages < hours
            picked = weights * late[:, None]
            stakes = cells.stakes(picked)
            mass, left = cells.mass(picked), cells.mass(picked * fade[:, None])
            fading = np.divide(left, mass, out=np.zeros(len(mass)), where=mass > 0)
            fine = stakes * (FINE / UNIT) * shares[cells.owners]
            for into, values in (
                (self.sums.stakes, np.rint(fine)),
                (self.sums.decayed, np.rint(fine * fading)),
                (self.sums.devices, stakes >= _BEHIND),
            ):
                whole = values.astype(np.int64)
                self._spread(into[w], places[cells.owners], cells.titles, whole)
            came = np.bincount(recent.owners[late], minlength=len(places)) > 0
            self.sums.active[w, 0] += came.sum()
            np.add.at(self.sums.active[w], places[came & (places > 0)], 1)

    def _spread(
        self, into: Int64Array, places: Int64Array, titles: NDArray[np.integer], values: Int64Array
    ) -> None:
        """Adds values (c,) of titles (c,) to the regions at `places` (c,) and to everywhere."""
        np.add.at(into[0], titles, values)
        inside = places > 0
        np.add.at(into, (places[inside], titles[inside]), values[inside])


@dataclass(frozen=True)
class _Cells:
    """Device and title of every pair that some sketch speaks of, c of them."""

    owners: Int64Array
    """(c,) device."""
    titles: Int64Array
    """(c,)"""
    order: Int64Array
    """Entries of the posterior, those of a cell beside each other."""
    heads: Int64Array
    """(c,) first entry of each cell in that order."""

    @classmethod
    def of(cls, recent: Recent, titles: int) -> _Cells:
        keys = (recent.owners[:, None] * titles + recent.titles).ravel()
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        heads = np.flatnonzero(np.diff(keys, prepend=-1))
        return cls(*np.divmod(keys[heads], titles), order, heads)

    def mass(self, weights: DoubleArray) -> DoubleArray:
        """(c,) sums of entries' weights (n, width) by cell."""
        return np.add.reduceat(weights.ravel()[self.order], self.heads)

    def stakes(self, weights: DoubleArray) -> DoubleArray:
        """(c,) min(1, sum of weights), in whole units of a row."""
        return np.asarray(np.rint(np.minimum(self.mass(weights), 1.0) * UNIT), np.float64)
