"""How a round learns."""

from __future__ import annotations

from dataclasses import dataclass, field

from omega_core import validate
from omega_core.limits import MIN_DEVICES
from omega_learn import dp
from omega_learn.evidence import MAX_WEIGHT
from omega_learn.factors import MAX_RANK
from omega_learn.trends import TrendConfig


@dataclass(frozen=True)
class LearnConfig:
    """How a round learns."""

    sigma: float = 5.0
    """Noise scale of sketches that state none, 0.5 to 64: 5 in every release that stated none."""
    lam: float = 75.0
    """Ridge of the collaborative model, 0.001 to 1,000,000 (docs/adr/0028)."""
    rank: int = 128
    """Columns of the factors, 1 to 256."""
    min_devices: int = MIN_DEVICES
    """Least number of distinct devices for a round, 3 to 1,000,000."""
    min_title_devices: int = MIN_DEVICES
    """Least number of distinct devices behind a title or a pattern, 3 to 1,000,000."""
    max_device_sketches: int = 200
    """Most distinct sketches of a device that count, 1 to 10,000."""
    device_clip: float = 50.0
    """Most that one device adds to the trace of the Gram matrix, and to the samples behind the
    patterns, 1 to 10,000."""
    max_stake: float = 0.5
    """What a stake counts at most in the Gram matrix, 0.2 to 1: sketches without noise would else
    count for several of honest ones (docs/adr/0027)."""
    max_patterns: int = 48
    """Most global patterns, 1 to 256."""
    top: int = 10
    """Titles kept of each decoded sketch, 1 to 100."""
    taste_share: float = 0.8
    """Share of the fleet's model in a device's prior at the second decoding, 0 to 0.99; 0 = the
    sketches of a device are decoded apart, once."""
    prior_steps: int = 8
    """EM steps of the prior, 0 to 100."""
    prior_sample: int = 200_000
    """Most sketches from which the prior is estimated, 1,000 to 1,000,000."""
    pair_weight: float = 0.25
    """What a report of a pair counts in the Gram matrix and the prior, 0.001 to 1,000: by default
    what two sketches of a device do at most (docs/adr/0077, 0078). Not used with dp_mu."""
    dp_mu: float = 0.0
    """Gaussian differential privacy of what a round gives out, 0 to 64; 0 = no noise (omega_learn.
    dp)."""
    seed: int = 0
    """Of every random draw but the noise of dp_mu, 0 to 2^31 - 1."""
    trends: TrendConfig = field(default_factory=TrendConfig)
    """What counts as a trend."""

    def __post_init__(self) -> None:
        validate.number("sigma", self.sigma, 0.5, 64)
        validate.number("lam", self.lam, 0.001, 1_000_000)
        validate.integer("rank", self.rank, 1, MAX_RANK)
        validate.integer("min_devices", self.min_devices, MIN_DEVICES, 1_000_000)
        validate.integer("min_title_devices", self.min_title_devices, MIN_DEVICES, 1_000_000)
        validate.integer("max_device_sketches", self.max_device_sketches, 1, 10_000)
        validate.number("device_clip", self.device_clip, 1, 10_000)
        validate.number("max_stake", self.max_stake, 0.2, 1)
        validate.integer("max_patterns", self.max_patterns, 1, 256)
        validate.integer("top", self.top, 1, 100)
        validate.number("taste_share", self.taste_share, 0, 0.99)
        validate.integer("prior_steps", self.prior_steps, 0, 100)
        validate.integer("prior_sample", self.prior_sample, 1_000, 1_000_000)
        validate.number("pair_weight", self.pair_weight, 1 / MAX_WEIGHT, MAX_WEIGHT)
        validate.number("dp_mu", self.dp_mu, 0, dp.MAX_MU)
        validate.integer("seed", self.seed, 0, 2**31 - 1)
