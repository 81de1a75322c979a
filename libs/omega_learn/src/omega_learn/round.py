"""A round: from a shard's sketches to what its TVs pull. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from omega_core import validate
from omega_core.limits import MIN_DEVICES
from omega_core.vectors import FloatArray

from omega_learn.factors import MAX_RANK, Factors
from omega_learn.patterns import GlobalPattern
from omega_learn.statistics import Statistics


@dataclass(frozen=True)
class LearnConfig:
    """How a round learns."""

    sigma: float = 5.0
    """Noise scale of the sketches, 0.5 to 64."""
    lam: float = 60.0
    """Ridge of the collaborative model, 0.001 to 1,000,000."""
    rank: int = 64
    """Columns of the factors, 1 to 256."""
    min_devices: int = MIN_DEVICES
    """Least number of distinct devices for a round, 3 to 1,000,000."""
    min_title_devices: int = MIN_DEVICES
    """Least number of distinct devices behind a title or a pattern, 3 to 1,000,000."""
    max_device_sketches: int = 200
    """Newest sketches of a device that count, 1 to 10,000."""
    max_patterns: int = 48
    """Most global patterns, 1 to 256."""
    top: int = 10
    """Titles kept of each decoded sketch, 1 to 100."""
    prior_steps: int = 8
    """EM steps of the prior, 0 to 100."""
    seed: int = 0
    """Of every random draw, 0 to 2^31 - 1."""

    def __post_init__(self) -> None:
        validate.number("sigma", self.sigma, 0.5, 64)
        validate.number("lam", self.lam, 0.001, 1_000_000)
        validate.integer("rank", self.rank, 1, MAX_RANK)
        validate.integer("min_devices", self.min_devices, MIN_DEVICES, 1_000_000)
        validate.integer("min_title_devices", self.min_title_devices, MIN_DEVICES, 1_000_000)
        validate.integer("max_device_sketches", self.max_device_sketches, 1, 10_000)
        validate.integer("max_patterns", self.max_patterns, 1, 256)
        validate.integer("top", self.top, 1, 100)
        validate.integer("prior_steps", self.prior_steps, 0, 100)
        validate.integer("seed", self.seed, 0, 2**31 - 1)


@dataclass(frozen=True)
class DeviceSketches:
    """What one device pushed."""

    device_key: str
    """Names the device within the round; never part of a result."""
    sketches: bytes
    """48 bytes a sketch, oldest first."""
    classes: bytes
    """A byte a sketch, 0 to 31."""


@dataclass(frozen=True)
class RoundInput:
    """What a round learns from."""

    embeddings: FloatArray
    """Unit rows as the encoder gave them, not centred, (m, 384)."""
    mean: FloatArray
    """The catalogue's centring mean, (384,)."""
    devices: Iterable[DeviceSketches]
    """In any order; a device may come in several pieces, oldest first."""
    previous: tuple[GlobalPattern, ...] = ()
    """Patterns of the last round, whose ids are kept where they go on."""


@dataclass(frozen=True)
class RoundFigures:
    """What a round counted."""

    devices: int
    """Distinct devices that took part."""
    sketches: int
    """Distinct sketches decoded."""
    supported_titles: int
    """Titles supported by enough devices."""
    patterns: int
    """Global patterns given out."""


@dataclass(frozen=True)
class RoundResult:
    """What a round gives out. Nothing in it names a device."""

    factors: Factors
    """Titles are rows of RoundInput.embeddings."""
    patterns: tuple[GlobalPattern, ...]
    """Heaviest first, with ids."""
    figures: RoundFigures
    """Counts."""


def run(inputs: RoundInput, config: LearnConfig) -> RoundResult:
    """Learns from everything that devices pushed.

    Equal input gives an equal result, whatever the order of devices.

    Raises:
        OmegaError: INVALID_FIELD when lengths or shapes do not fit, ROUND_NOT_POSSIBLE with fewer
            than config.min_devices devices, no catalogue, or no supported title.
    """
