"""The sketches that count: a bounded number of each device, in a canonical order."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import attrgetter
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import invalid
from omega_core.limits import SKETCH_BYTES
from omega_core.vectors import FloatArray
from omega_learn.arrays import Arrays, DoubleArray, Int64Array
from omega_privacy import count_value, rate_value, split_class_byte, unpack_sketches
from omega_privacy.classes import COUNT_VALUES, RATE_CLASSES

_CLASSES = RATE_CLASSES * len(COUNT_VALUES)
_SPLIT = [split_class_byte(byte) for byte in range(_CLASSES)]
_RATES = np.array([rate_value(rate) for rate, _ in _SPLIT], np.float32)
_COUNTS = np.array([count_value(count) for _, count in _SPLIT], np.float32)


@dataclass(frozen=True)
class DeviceSketches:
    """What one device pushed."""

    device_key: str
    """Names the device within the round; no result holds it."""
    sketches: bytes
    """48 bytes a sketch."""
    classes: bytes
    """A byte a sketch, 0 to 31."""
    sigma: float | None = None
    """Noise scale of the sketches, above 0; None = that of the round's settings."""
    region: str = ""
    """Where the device stands; empty = not stated."""
    arrivals: tuple[tuple[int, float], ...] = ()
    """Sketches, in order, and the hours since they arrived, for runs of them; what is not spoken of
    arrived long ago."""


@dataclass(frozen=True)
class Fleet:
    """Sketches by device, devices by key: the same whatever the order in which they came."""

    packed: bytes
    """48 bytes a sketch, those of a device beside each other."""
    classes: NDArray[np.uint8]
    """Class byte of each sketch, (n,)."""
    sigmas: FloatArray
    """Noise scale of each sketch, (n,), above 0."""
    starts: Int64Array
    """(devices + 1,): device d has sketches starts[d] to starts[d + 1]."""
    keys: tuple[str, ...] = ()
    """Name of each device, ascending, (devices,)."""
    regions: tuple[str, ...] = ()
    """Region of each device, (devices,)."""
    ages: DoubleArray = field(default_factory=lambda: np.zeros(0))
    """Hours since each sketch first arrived, infinite where that is not known, (n,)."""

    def __len__(self) -> int:
        """Devices with at least one sketch."""
        return len(self.starts) - 1

    @property
    def success_rates(self) -> FloatArray:
        """Success rate of each sketch, (n,), 0 to 1."""
        return _RATES[self.classes]

    @property
    def sample_counts(self) -> FloatArray:
        """Sample count of each sketch, (n,), above 0."""
        return _COUNTS[self.classes]

    def sketches(self, start: int, stop: int) -> FloatArray:
        """Sketches start to stop as float32 of +-1, (stop - start, 384)."""
        return unpack_sketches(self.packed[start * SKETCH_BYTES : stop * SKETCH_BYTES])

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        return {
            "packed": np.frombuffer(self.packed, np.uint8),
            "classes": self.classes,
            "sigmas": self.sigmas,
            "starts": self.starts,
            "keys": np.array(self.keys, np.str_),
            "regions": np.array(self.regions, np.str_),
            "ages": self.ages,
        }

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(
            arrays["packed"].tobytes(),
            arrays["classes"],
            arrays["sigmas"],
            arrays["starts"],
            tuple(arrays["keys"].tolist()),
            tuple(arrays["regions"].tolist()),
            arrays["ages"],
        )


def fleets(
    devices: Iterable[DeviceSketches], most: int, *, sigma: float = 5.0, together: int = 1_000
) -> Iterator[Fleet]:
    """gather() for a bounded number of devices after others.

    Args:
        devices: a device's pieces beside each other.
        most: as gather() has it.
        sigma: likewise.
        together: devices of each fleet, at least 1.

    Raises:
        OmegaError: as gather().
    """
    each = groupby(devices, key=attrgetter("device_key"))
    while pieces := [piece for _, found in islice(each, together) for piece in found]:
        yield gather(pieces, most, sigma=sigma)


def gather(devices: Iterable[DeviceSketches], most: int, *, sigma: float = 5.0) -> Fleet:
    """Takes of each device the last `most` distinct sketches; a repeated one counts once.

    Args:
        devices: in any order; only the order of one device's pieces matters.
        most: at least 1; bounds what one device can do to the collective.
        sigma: noise scale of sketches that state none, above 0.

    Raises:
        OmegaError: INVALID_FIELD when lengths do not fit, a class is above 31 or a noise scale is
            not above 0.
    """
    pieces: dict[str, list[DeviceSketches]] = {}
    for device in devices:
        _check(device)
        if device.sketches:
            pieces.setdefault(device.device_key, []).append(device)
    packed: list[bytes] = []
    classes = bytearray()
    sigmas = array("f")
    ages: list[float] = []
    regions: list[str] = []
    starts = [0]
    for key in sorted(pieces):
        last = _last(pieces[key], most, sigma)
        packed.extend(last)
        classes.extend(kind for kind, _, _ in last.values())
        sigmas.extend(scale for _, scale, _ in last.values())
        ages.extend(age for _, _, age in last.values())
        regions.append(pieces[key][-1].region)
        starts.append(len(packed))
    return Fleet(
        b"".join(packed),
        np.frombuffer(bytes(classes), np.uint8),
        np.frombuffer(sigmas, np.float32),
        np.array(starts),
        tuple(sorted(pieces)),
        tuple(regions),
        np.array(ages),
    )


def _check(device: DeviceSketches) -> None:
    count, rest = divmod(len(device.sketches), SKETCH_BYTES)
    if rest:
        raise invalid("sketches", f"a multiple of {SKETCH_BYTES} bytes")
    if len(device.classes) != count:
        raise invalid("classes", "one byte a sketch")
    if device.classes and max(device.classes) >= _CLASSES:
        raise invalid("classes", f"between 0 and {_CLASSES - 1}")
    if device.sigma is not None and not device.sigma > 0:
        raise invalid("sigma", "greater than 0")


def _last(
    pieces: list[DeviceSketches], most: int, sigma: float
) -> dict[bytes, tuple[int, float, float]]:
    """Class byte, noise scale and age of the last distinct sketches, last first.

    A sketch that came several times has its last class and scale, and its first arrival.
    """
    found: dict[bytes, tuple[int, float, float]] = {}
    for piece in reversed(pieces):
        scale = sigma if piece.sigma is None else piece.sigma
        ages = _ages(piece)
        for i in range(len(piece.classes) - 1, -1, -1):
            if len(found) == most:
                return found
            sketch = piece.sketches[i * SKETCH_BYTES : (i + 1) * SKETCH_BYTES]
            known = found.get(sketch)
            if known is None:
                found[sketch] = (piece.classes[i], scale, ages[i])
            elif ages[i] > known[2]:
                found[sketch] = (*known[:2], ages[i])
    return found


def _ages(piece: DeviceSketches) -> list[float]:
    """Hours since each sketch of a piece arrived, never below 0."""
    ages: list[float] = []
    for count, hours in piece.arrivals:
        ages += [max(hours, 0.0)] * count
    return (ages + [math.inf] * len(piece.classes))[: len(piece.classes)]
