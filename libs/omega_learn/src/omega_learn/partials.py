"""What shards bring to a round: sums that merge in any order, to the last bit.

A shard, a region of shards and a whole fleet are summed by the same merge. The devices behind two
partials are distinct, so distinct devices are counted by adding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from omega_learn.arrays import Arrays
from omega_learn.sample import Sample


class Partial(Protocol):
    """What some devices come to."""

    def merge(self, other: Self) -> Self:
        """What the devices of both come to; associative and commutative to the last bit."""
        ...

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        ...

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        ...


@dataclass(frozen=True)
class Census:
    """Who takes part, and a sample of what they say."""

    devices: int
    """Distinct devices."""
    sketches: int
    """Distinct sketches that count."""
    regions: Mapping[str, int]
    """Distinct devices of each region that devices state."""
    sample: Sample
    """Of the sketches."""

    def merge(self, other: Self) -> Self:
        """The census of both."""
        regions = Counter(self.regions)
        regions.update(other.regions)
        return type(self)(
            self.devices + other.devices,
            self.sketches + other.sketches,
            dict(sorted(regions.items())),
            self.sample.merge(other.sample),
        )

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        return {
            "figures": np.array([self.devices, self.sketches]),
            "region_names": np.array(list(self.regions), np.str_),
            "region_devices": np.array(list(self.regions.values()), np.int64),
            **self.sample.arrays(),
        }

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        devices, sketches = arrays["figures"].tolist()
        names = arrays["region_names"].tolist()
        regions = dict(zip(names, arrays["region_devices"].tolist(), strict=True))
        return cls(devices, sketches, regions, Sample.of(arrays))


@dataclass(frozen=True)
class Sums:
    """Sums over devices, by name."""

    sums: Mapping[str, NDArray[Any]]
    """Whole numbers, int64, or float64 below 2^53: they add up exactly in any order."""

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.sums[name]

    def __contains__(self, name: str) -> bool:
        return name in self.sums

    def figure(self, name: str) -> int:
        """A sum that is one number."""
        return int(self.sums[name].sum())

    def merge(self, other: Self) -> Self:
        """The sums of both.

        Raises:
            ValueError: they are sums of different things.
        """
        if self.shapes() != other.shapes():
            raise ValueError("sums of other titles, regions or windows")
        return type(self)({name: part + other[name] for name, part in self.sums.items()})

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each sum."""
        return {name: part.shape for name, part in self.sums.items()}

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        return self.sums

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(arrays)


@dataclass(frozen=True)
class Joined:
    """A census and sums of the same devices."""

    census: Census
    """Who they are."""
    sums: Sums
    """What they come to."""

    def merge(self, other: Self) -> Self:
        """Those of both."""
        return type(self)(self.census.merge(other.census), self.sums.merge(other.sums))

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        sums = {f"sums.{name}": part for name, part in self.sums.sums.items()}
        return {**self.census.arrays(), **sums}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        sums = {
            name.removeprefix("sums."): part
            for name, part in arrays.items()
            if name.startswith("sums.")
        }
        return cls(Census.of(arrays), Sums(sums))
