"""A round over a whole fleet: from a shard's sketches to what its TVs pull. Deterministic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from omega_core.errors import invalid
from omega_core.vectors import FloatArray
from omega_learn import dp
from omega_learn.config import LearnConfig
from omega_learn.evidence import SketchEvidence, Weighted, combine, support
from omega_learn.factors import Factors, fit_factors
from omega_learn.fleet import DeviceSketches, gather
from omega_learn.kept import Kept
from omega_learn.news import catalogue_rows, news, require_devices, supported
from omega_learn.patterns import GlobalPattern
from omega_learn.prior import estimate_prior
from omega_learn.rotation import Held
from omega_learn.rows import DeviceRows
from omega_learn.tastes import Decoder, Expectations, decode_fleet
from omega_learn.trends import Trend
from omega_privacy import secure_normal


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
    evidence: tuple[Weighted, ...] = ()
    """Beside sketches, which weigh 1: of other devices, on the same titles. It teaches the model;
    patterns and trends rest on sketches alone."""
    held: Held | None = None
    """The factors that TVs hold, by rows of `embeddings`; the new ones are turned onto them."""


@dataclass(frozen=True)
class RoundFigures:
    """What a round counted."""

    devices: int
    """Distinct devices that took part."""
    sketches: int
    """Distinct sketches behind it."""
    supported_titles: int
    """Titles supported by enough devices."""
    patterns: int
    """Global patterns given out."""
    dp_mu: float = 0.0
    """Gaussian differential privacy that it cost; 0 = it came without noise."""
    decoded: int = 0
    """Of the sketches, those that it decoded itself; the others were kept."""


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


@dataclass(frozen=True)
class Refreshed:
    """A round's result, and what the rounds after it go on from."""

    result: RoundResult
    """To be given out."""
    decoder: Decoder
    """What every sketch was decoded with."""
    kept: Kept
    """What came of each device. It names devices: it stays in the shard."""


def run(inputs: RoundInput, config: LearnConfig, *, noise: dp.Draw = secure_normal) -> RoundResult:
    """Learns from everything that devices pushed.

    Equal input gives an equal result, whatever the order of devices, unless config.dp_mu asks for
    noise. With it the factors come from noisy sums, and no patterns and trends are given out.

    Raises:
        OmegaError: INVALID_FIELD when lengths or shapes do not fit; ROUND_NOT_POSSIBLE without a
            catalogue, with fewer than config.min_devices devices, or without a supported title.
    """
    return refresh(inputs, config, noise=noise).result


def refresh(
    inputs: RoundInput, config: LearnConfig, *, noise: dp.Draw = secure_normal
) -> Refreshed:
    """The same, with what the steps after it need.

    Raises:
        OmegaError: as run().
    """
    embeddings = catalogue_rows(inputs.embeddings, inputs.mean)
    if config.dp_mu and inputs.evidence:
        raise invalid("evidence", "none beside sketches where dp_mu is set")
    fleet = gather(inputs.devices, config.max_device_sketches, sigma=config.sigma)
    require_devices(len(fleet), config)
    sample, sigmas = fleet.sample(config.prior_sample, config.seed)
    prior = estimate_prior(sample, embeddings, sigmas, steps=config.prior_steps)
    del sample
    within = config.trends.windows[-1]
    decoder = Decoder(prior, None)
    kept = decode_fleet(fleet, embeddings, prior, top=config.top, within=within)
    if config.taste_share > 0:
        first = _fit(inputs, kept.rows, prior, config)
        decoder = Decoder(prior, first)
        kept = decode_fleet(
            fleet,
            embeddings,
            prior,
            top=config.top,
            expectations=Expectations(first, kept.rows, config.taste_share),
            within=within,
        )
    if config.dp_mu:
        result = _private(inputs, kept, config, noise)
    else:
        model = _fit(inputs, kept.rows, prior, config, inputs.held)
        told = news(kept, embeddings, inputs.previous, inputs.hours_since_first, config)
        figures = RoundFigures(
            devices=len(kept),
            sketches=int(kept.sketches.sum()),
            supported_titles=len(model.titles),
            patterns=len(told.patterns),
            decoded=int(kept.sketches.sum()),
        )
        result = RoundResult(model, told.patterns, figures, told.trends)
    return Refreshed(result, decoder, kept)


def _fit(
    inputs: RoundInput,
    rows: DeviceRows,
    prior: FloatArray,
    config: LearnConfig,
    held: Held | None = None,
) -> Factors:
    """The model of all evidence, over the titles that enough devices support."""
    parts = (Weighted(SketchEvidence(rows, config.device_clip, config.max_stake)), *inputs.evidence)
    titles = supported(support(parts, len(prior)), config)
    statistics = combine(parts, titles)
    return fit_factors(statistics, prior[titles], lam=config.lam, rank=config.rank, held=held)


def _private(inputs: RoundInput, kept: Kept, config: LearnConfig, noise: dp.Draw) -> RoundResult:
    """Factors from sums under noise, and nothing else."""
    private = dp.release(
        kept.rows,
        len(inputs.embeddings),
        mu=config.dp_mu,
        clip=config.device_clip,
        min_devices=config.min_title_devices,
        draw=noise,
    )
    model = fit_factors(
        private.statistics, private.prior, lam=config.lam, rank=config.rank, held=inputs.held
    )
    sketches = int(kept.sketches.sum())
    figures = RoundFigures(
        len(kept), sketches, len(model.titles), patterns=0, dp_mu=private.mu, decoded=sketches
    )
    return RoundResult(model, (), figures)
