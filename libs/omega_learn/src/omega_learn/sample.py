"""A sample of a fleet's sketches that does not depend on how its devices lie in shards.

Each sketch has a rank that follows from its device's name and its place among that device's
sketches alone; the sample is the sketches of the lowest ranks. Samples of two shards merge by
taking the lowest of both, in any order, to the last bit: bottom-k sampling (Cohen & Kaplan,
Summarizing data using bottom-k sketches, 2007). What a sketch says is in no rank, so a device
cannot choose sketches that are read more often than others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega_core.limits import DIMENSION, SKETCH_BYTES
from omega_core.vectors import FloatArray
from omega_learn.arrays import Arrays, Int64Array
from omega_learn.fleet import Fleet
from omega_privacy import unpack_sketches

_STRIDE = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: the places of a device's sketches spread evenly."""


@dataclass(frozen=True)
class Packed:
    """Packed sketches that are unpacked a slice at a time."""

    packed: NDArray[np.uint8]
    """(n, 48)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Of the unpacked sketches."""
        return len(self.packed), DIMENSION

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, rows: slice) -> FloatArray:
        return unpack_sketches(self.packed[rows].tobytes())


@dataclass(frozen=True)
class Sample:
    """The sketches of the lowest ranks, n of them."""

    most: int
    """Sketches that it holds at most, at least 1."""
    ranks: NDArray[np.uint64]
    """Ascending, (n,)."""
    packed: NDArray[np.uint8]
    """(n, 48)."""
    sigmas: FloatArray
    """Noise scale of each, (n,)."""

    @classmethod
    def empty(cls, most: int) -> Self:
        """Without any sketch."""
        return cls(
            most,
            np.zeros(0, np.uint64),
            np.zeros((0, SKETCH_BYTES), np.uint8),
            np.zeros(0, np.float32),
        )

    @classmethod
    def drawn(
        cls, fleet: Fleet, most: int, seed: int, among: NDArray[np.bool_] | None = None
    ) -> Self:
        """Of some devices.

        Args:
            fleet: their sketches, n of them.
            most: sketches that it holds at most, at least 1.
            seed: of the ranks.
            among: which of the sketches, (n,); None = all.
        """
        rank = ranks(fleet, seed)
        places = np.arange(len(rank)) if among is None else np.flatnonzero(among)
        if len(places) > most:
            places = places[np.argpartition(rank[places], most - 1)[:most]]
        packed = np.frombuffer(fleet.packed, np.uint8).reshape(-1, SKETCH_BYTES)
        return cls.lowest(most, rank[places], packed[places], fleet.sigmas[places])

    def merge(self, other: Self) -> Self:
        """The sample of both; associative and commutative to the last bit.

        Raises:
            ValueError: the samples hold different numbers at most.
        """
        if self.most != other.most:
            raise ValueError("samples of different sizes")
        return self.lowest(
            self.most,
            np.concatenate([self.ranks, other.ranks]),
            np.concatenate([self.packed, other.packed]),
            np.concatenate([self.sigmas, other.sigmas]),
        )

    def __len__(self) -> int:
        return len(self.ranks)

    @property
    def sketches(self) -> Packed:
        """The sketches, by rank."""
        return Packed(self.packed)

    @property
    def bound(self) -> int:
        """The highest rank of the sample; that of every sketch where it holds all of them."""
        return int(self.ranks[-1]) if len(self) == self.most else 2**64 - 1

    @classmethod
    def lowest(
        cls,
        most: int,
        ranks: NDArray[np.uint64],
        packed: NDArray[np.uint8],
        sigmas: FloatArray,
    ) -> Self:
        """The `most` sketches of the lowest ranks, of n."""
        order = np.argsort(ranks, kind="stable")
        if (np.diff(ranks[order]) == 0).any():
            # By their bytes, which hardly ever decide: the same in whatever order they came.
            order = np.lexsort((sigmas, *packed.T[::-1], ranks))
        order = order[:most]
        return cls(most, ranks[order], packed[order], sigmas[order])

    def arrays(self) -> Arrays:
        """What it holds."""
        return {
            "most": np.array([self.most]),
            "ranks": self.ranks,
            "packed": self.packed,
            "sigmas": self.sigmas,
        }

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(int(arrays["most"][0]), arrays["ranks"], arrays["packed"], arrays["sigmas"])


def ranks(fleet: Fleet, seed: int) -> NDArray[np.uint64]:
    """Rank of each sketch, (n,): a fixed function of its device's name, its place and `seed`."""
    named = np.fromiter((_name(key, seed) for key in fleet.keys), np.uint64, len(fleet.keys))
    sizes = np.diff(fleet.starts)
    place = np.arange(len(fleet.classes)) - np.repeat(fleet.starts[:-1], sizes)
    return _mixed(np.repeat(named, sizes) + _places(place) * _STRIDE)


def _places(place: Int64Array) -> NDArray[np.uint64]:
    return place.astype(np.uint64)


def _name(key: str, seed: int) -> int:
    digest = hashlib.blake2b(key.encode(), digest_size=8, key=seed.to_bytes(4, "little"))
    return int.from_bytes(digest.digest(), "little")


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
