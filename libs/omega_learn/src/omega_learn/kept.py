"""What a round keeps of each device, so that the next need not decode it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from omega_core.vectors import FloatArray
from omega_learn.arrays import Arrays, DoubleArray, Int32Array, Int64Array
from omega_learn.rows import DeviceRows, joined_starts


@dataclass(frozen=True)
class Recent:
    """The decoded sketches that arrived lately, of several devices, r of them."""

    starts: Int64Array
    """(devices + 1,): device d has those from starts[d] to starts[d + 1]."""
    ages: DoubleArray
    """Hours since each arrived, at least 0, (r,)."""
    titles: Int32Array
    """The likeliest titles of each, (r, top)."""
    weights: FloatArray
    """Their posterior probabilities, (r, top)."""

    @property
    def owners(self) -> Int64Array:
        """Device of each sketch, (r,)."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int64), np.diff(self.starts))

    def picked(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Self:
        """Those sketches of the same devices that are chosen, (r,)."""
        counts = np.concatenate([[0], np.cumsum(chosen)])
        return type(self)(
            counts[self.starts].astype(np.int64),
            self.ages[chosen],
            self.titles[chosen],
            self.weights[chosen],
        )

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """The sketches of all parts, at least one of equal width, in their order."""
        return cls(
            joined_starts([part.starts for part in parts]),
            np.concatenate([part.ages for part in parts]),
            np.concatenate([part.titles for part in parts]),
            np.concatenate([part.weights for part in parts]),
        )


@dataclass(frozen=True)
class Kept:
    """What is kept of several devices, d of them."""

    keys: tuple[str, ...]
    """Name of each, (d,)."""
    regions: tuple[str, ...]
    """Where each stands; empty = not stated, (d,)."""
    sketches: Int64Array
    """Distinct sketches of each that count, (d,)."""
    rows: DeviceRows
    """What they say."""
    recent: Recent
    """Those that arrived lately."""

    def __len__(self) -> int:
        """Devices."""
        return len(self.keys)

    def nothing(self) -> Self:
        """No device at all, of rows as wide."""
        none = np.zeros(1, np.int64)
        recent = self.recent
        return type(self)(
            (),
            (),
            self.sketches[:0],
            self.rows.part(0, 0),
            Recent(none, recent.ages[:0], recent.titles[:0], recent.weights[:0]),
        )

    @classmethod
    def empty(cls, top: int) -> Self:
        """No device at all; of a decoded sketch, `top` titles are kept."""
        none = np.zeros(1, np.int64)
        rows = DeviceRows(none, np.zeros(0, np.int32), *(np.zeros(0, np.uint16) for _ in range(3)))
        titles, weights = np.zeros((0, top), np.int32), np.zeros((0, top), np.float32)
        return cls((), (), none[:0], rows, Recent(none, np.zeros(0), titles, weights))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """The devices of all parts, at least one, in their order."""
        return cls(
            tuple(key for part in parts for key in part.keys),
            tuple(region for part in parts for region in part.regions),
            np.concatenate([part.sketches for part in parts]),
            DeviceRows.join([part.rows for part in parts]),
            Recent.join([part.recent for part in parts]),
        )

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        return {
            "keys": np.array(self.keys, np.str_),
            "regions": np.array(self.regions, np.str_),
            "sketches": self.sketches,
            **{f"rows.{name}": getattr(self.rows, name) for name in _ROWS},
            **{f"recent.{name}": getattr(self.recent, name) for name in _RECENT},
        }

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(
            tuple(arrays["keys"].tolist()),
            tuple(arrays["regions"].tolist()),
            arrays["sketches"],
            DeviceRows(*(arrays[f"rows.{name}"] for name in _ROWS)),
            Recent(*(arrays[f"recent.{name}"] for name in _RECENT)),
        )


_ROWS = ("starts", "titles", "stakes", "quality", "samples")
_RECENT = ("starts", "ages", "titles", "weights")
