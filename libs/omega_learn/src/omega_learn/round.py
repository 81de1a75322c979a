"""A round: from a shard's sketches to what its TVs pull. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import MIN_DEVICES
from omega_core.vectors import FloatArray, centre
from omega_learn import dp
from omega_learn.factors import MAX_RANK, Factors, fit_factors
from omega_learn.fleet import DeviceSketches, Fleet, gather
from omega_learn.patterns import GlobalPattern, global_patterns, stable_ids
from omega_learn.prior import estimate_prior
from omega_learn.rises import RiseCounter
from omega_learn.rows import DeviceRows
from omega_learn.statistics import Statistics, count_support, summarise
from omega_learn.tastes import Expectations, decode_fleet
from omega_learn.trends import Trend, TrendConfig, rising
from omega_privacy import secure_normal


@dataclass(frozen=True)
class LearnConfig:
    """How a round learns."""

    sigma: float = 5.0
    """Noise scale of sketches that state none, 0.5 to 64."""
    lam: float = 150.0
    """Ridge of the collaborative model, 0.001 to 1,000,000."""
    rank: int = 64
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
        validate.integer("max_patterns", self.max_patterns, 1, 256)
        validate.integer("top", self.top, 1, 100)
        validate.number("taste_share", self.taste_share, 0, 0.99)
        validate.integer("prior_steps", self.prior_steps, 0, 100)
        validate.integer("prior_sample", self.prior_sample, 1_000, 1_000_000)
        validate.number("dp_mu", self.dp_mu, 0, dp.MAX_MU)
        validate.integer("seed", self.seed, 0, 2**31 - 1)


@dataclass(frozen=True)
class RoundInput:
    """What a round learns from."""

    embeddings: FloatArray
    """Unit rows as the encoder gave them, not centred, (m, 384)."""
    mean: FloatArray
    """The catalogue's centring mean, (384,)."""
    devices: Iterable[DeviceSketches]
    """In any order; a device may come in several pieces."""
    previous: tuple[GlobalPattern, ...] = ()
    """Patterns of the last round, whose ids are kept where they go on."""
    hours_since_first: float | None = None
    """Since the shard's first round: what arrived before it is the long run that trends are held
    against, at least 0. None = there was none, and there are no trends yet."""


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
    dp_mu: float = 0.0
    """Gaussian differential privacy that it cost; 0 = it came without noise."""


@dataclass(frozen=True)
class RoundResult:
    """What a round gives out. Nothing in it names a device."""

    factors: Factors
    """Titles are rows of RoundInput.embeddings."""
    patterns: tuple[GlobalPattern, ...]
    """Heaviest first, with ids."""
    figures: RoundFigures
    """Counts."""
    trends: Mapping[str, tuple[Trend, ...]] = field(default_factory=dict)
    """Trends of each region that has any, "" = everywhere; titles are rows of the embeddings."""


def run(inputs: RoundInput, config: LearnConfig, *, noise: dp.Draw = secure_normal) -> RoundResult:
    """Learns from everything that devices pushed.

    Equal input gives an equal result, whatever the order of devices, unless config.dp_mu asks for
    noise. With it the factors come from noisy sums, and no patterns and trends are given out.

    Raises:
        OmegaError: INVALID_FIELD when lengths or shapes do not fit; ROUND_NOT_POSSIBLE without a
            catalogue, with fewer than config.min_devices devices, or without a supported title.
    """
    if not len(inputs.embeddings):
        raise _not_possible("the catalogue", "at least one title")
    embeddings = centre(inputs.embeddings, inputs.mean)
    fleet = gather(inputs.devices, config.max_device_sketches, sigma=config.sigma)
    if len(fleet) < config.min_devices:
        raise _not_possible("the shard", f"{config.min_devices:,} devices with sketches")
    sample, sigmas = fleet.sample(config.prior_sample, config.seed)
    prior = estimate_prior(sample, embeddings, sigmas, steps=config.prior_steps)
    counter = _counter(fleet, len(embeddings), inputs.hours_since_first, config.trends)
    twice = config.taste_share > 0
    rows = decode_fleet(
        fleet, embeddings, prior, top=config.top, counter=None if twice else counter
    )
    statistics = _reduce(rows, len(embeddings), config)
    model = _fit(statistics, prior, config)
    if twice:
        expected = Expectations(model, rows, config.taste_share)
        rows = decode_fleet(
            fleet, embeddings, prior, top=config.top, expectations=expected, counter=counter
        )
        statistics = _reduce(rows, len(embeddings), config)
        model = _fit(statistics, prior, config)
    if config.dp_mu:
        private = dp.release(
            rows,
            len(embeddings),
            mu=config.dp_mu,
            clip=config.device_clip,
            min_devices=config.min_title_devices,
            draw=noise,
        )
        model = fit_factors(private.statistics, private.prior, lam=config.lam, rank=config.rank)
        figures = RoundFigures(
            len(fleet), len(fleet.classes), len(model.titles), patterns=0, dp_mu=private.mu
        )
        return RoundResult(model, (), figures)
    found = global_patterns(
        statistics,
        rows,
        embeddings,
        max_patterns=config.max_patterns,
        min_devices=config.min_title_devices,
        previous=inputs.previous,
        seed=config.seed,
    )
    figures = RoundFigures(
        devices=len(fleet),
        sketches=len(fleet.classes),
        supported_titles=len(statistics.titles),
        patterns=len(found),
    )
    trends = rising(counter.total(rows), config.trends) if counter else {}
    return RoundResult(model, stable_ids(inputs.previous, found), figures, trends)


def _counter(
    fleet: Fleet, titles: int, hours_since_first: float | None, config: TrendConfig
) -> RiseCounter | None:
    """Counts what arrived lately; None where there is no long run to hold it against."""
    if hours_since_first is None or not (fleet.ages < hours_since_first).any():
        return None
    return RiseCounter(
        fleet.regions,
        fleet.ages,
        titles,
        windows=config.windows,
        longest=hours_since_first,
        decay=config.decay,
        clip=config.device_clip,
        min_devices=config.min_devices,
        max_regions=config.max_regions,
    )


def _reduce(rows: DeviceRows, titles: int, config: LearnConfig) -> Statistics:
    """Statistics over the titles that enough devices support."""
    supported = np.flatnonzero(count_support(rows, titles) >= config.min_title_devices)
    if not len(supported):
        bound = f"a title that {config.min_title_devices:,} devices support"
        raise _not_possible("the shard", bound)
    return summarise(rows, supported.astype(np.int32), clip=config.device_clip)


def _fit(statistics: Statistics, prior: FloatArray, config: LearnConfig) -> Factors:
    return fit_factors(statistics, prior[statistics.titles], lam=config.lam, rank=config.rank)


def _not_possible(field: str, bound: str) -> OmegaError:
    return OmegaError(ErrorCode.ROUND_NOT_POSSIBLE, field=field, bound=bound)
