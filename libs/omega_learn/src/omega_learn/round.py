"""A round over a whole fleet: from a shard's sketches to what its TVs pull. Deterministic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from omega_core.errors import invalid
from omega_core.vectors import FloatArray
from omega_learn import dp
from omega_learn.arrays import Int32Array
from omega_learn.config import LearnConfig
from omega_learn.counting import Counting, statistics_of
from omega_learn.evidence import Weighted, combine, likes
from omega_learn.evidence import support as supporters
from omega_learn.factors import Factors, fit_factors
from omega_learn.fleet import DeviceSketches, gather
from omega_learn.kept import Kept
from omega_learn.news import News, catalogue_rows, regions_of, require_devices, supported, tell
from omega_learn.partials import Census, Sums
from omega_learn.parts import RefreshPart
from omega_learn.patterns import GlobalPattern
from omega_learn.phases import (
    CENSUS,
    DECODE,
    EXPECT,
    MATRIX,
    STATISTICS,
    Begin,
    Desk,
    Expected,
    Prior,
    Together,
    Told,
)
from omega_learn.prior import FLOOR, estimate_prior
from omega_learn.rotation import Held
from omega_learn.statistics import Statistics, merge
from omega_learn.tastes import Decoder
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
    patterns and trends rest on sketches alone. With too few devices that push sketches, theirs are
    left out, and the model is of this evidence alone."""
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
            catalogue, without a supported title, or with fewer than config.min_devices devices and
            no other evidence of any title.
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
    fleet = gather(inputs.devices, config.max_device_sketches, sigma=config.sigma)
    part = RefreshPart([fleet], embeddings, config)
    lead = RefreshLead(
        embeddings, inputs.previous, inputs.hours_since_first, inputs.evidence, inputs.held
    )
    led = lead_refresh(Together([part]), lead, config, noise=noise)
    blocks = list(part.blocks())
    kept = Kept.join(blocks) if blocks else Kept.empty(config.top)
    return Refreshed(led.result, led.decoder, kept)


@dataclass(frozen=True)
class RefreshLead:
    """What a refresh's leader knows beside the shards' answers."""

    embeddings: FloatArray
    """From catalogue_rows(), (m, 384)."""
    previous: tuple[GlobalPattern, ...] = ()
    """Patterns of the last round."""
    hours_since_first: float | None = None
    """As RoundInput has it."""
    evidence: tuple[Weighted, ...] = ()
    """Likewise."""
    held: Held | None = None
    """Likewise."""


@dataclass(frozen=True)
class Led:
    """What came of a refresh over all shards."""

    result: RoundResult
    """To be given out."""
    decoder: Decoder
    """What every sketch was decoded with."""


def lead_refresh(
    desk: Desk, lead: RefreshLead, config: LearnConfig, *, noise: dp.Draw = secure_normal
) -> Led:
    """A refresh over all shards of a desk: one shard or a thousand, the result is the same.

    Raises:
        OmegaError: as run().
    """
    if config.dp_mu and lead.evidence:
        raise invalid("evidence", "none beside sketches where dp_mu is set")
    _, who = desk.ask(CENSUS, Begin)
    census = who()
    if census.devices < config.min_devices and (counted := _counted(lead, config)) is not None:
        return counted
    require_devices(census.devices, config)

    def prior() -> Prior:
        sample = census.sample
        found = estimate_prior(
            sample.sketches, lead.embeddings, sample.sigmas, steps=config.prior_steps
        )
        return Prior(found)

    told, merged = desk.ask(DECODE, prior)
    decoder, support = Decoder(told.prior, None), merged()
    if config.taste_share > 0:
        decoder, support = _expecting(desk, lead, decoder.prior, support, config)
    find = _private if config.dp_mu else _open
    return Led(find(desk, lead, census, support, decoder.prior, config, noise), decoder)


def _expecting(
    desk: Desk, lead: RefreshLead, prior: FloatArray, support: Sums, config: LearnConfig
) -> tuple[Decoder, Sums]:
    """The second decoding: what it decodes with, and who stands behind each title by it."""
    over, matrix = desk.ask(MATRIX, lambda: Counting(_titles(support, lead, config), matrix=True))
    told, merged = desk.ask(
        EXPECT,
        lambda: Expected(prior, _fit(_combined(matrix(), over.titles, lead), prior, lead, config)),
    )
    return Decoder(prior, told.model), merged()


def _open(
    desk: Desk,
    lead: RefreshLead,
    census: Census,
    support: Sums,
    prior: FloatArray,
    config: LearnConfig,
    noise: dp.Draw,
) -> RoundResult:
    """Factors, patterns and trends, without noise."""
    del noise

    def count() -> Told:
        return Told(
            Counting(
                _titles(support, lead, config),
                matrix=True,
                regions=regions_of(census, config),
                longest=lead.hours_since_first,
            )
        )

    told, merged = desk.ask(STATISTICS, count)
    sums, counted = merged(), told.counting
    shown = _shown(prior, sums.figure("sketches"), lead)
    model = _fit(_combined(sums, counted.titles, lead), shown, lead, config, held=lead.held)
    titles = counted.titles
    if lead.evidence:
        enough = support["support"][titles] >= config.min_title_devices
        titles = titles[enough]
    found = News(0, (), {})
    if len(titles):
        found = tell(desk, sums, counted, titles, lead.embeddings, lead.previous, config)
    figures = RoundFigures(
        devices=sums.figure("devices"),
        sketches=sums.figure("sketches"),
        supported_titles=len(model.titles),
        patterns=len(found.patterns),
        decoded=sums.figure("sketches"),
    )
    return RoundResult(model, found.patterns, figures, found.trends)


def _private(
    desk: Desk,
    lead: RefreshLead,
    census: Census,
    support: Sums,
    prior: FloatArray,
    config: LearnConfig,
    noise: dp.Draw,
) -> RoundResult:
    """Factors from sums under noise, and nothing else. The noise is drawn once, for all shards."""
    del census, prior
    mu, clip = config.dp_mu, config.device_clip

    def count() -> Told:
        told = dp.noisy_support(support["bounded"], mu=mu, clip=clip, draw=noise)
        titles = dp.told_titles(told, mu=mu, clip=clip, min_devices=config.min_title_devices)
        return Told(Counting(titles, matrix=True), told[titles])

    plan, merged = desk.ask(STATISTICS, count)
    if plan.told is None:
        raise invalid("plan", "one with noise")
    sums = merged()
    exact = statistics_of(sums, plan.counting.titles)
    private = dp.noisy_matrix(exact, plan.told, mu=mu, clip=clip, draw=noise)
    model = fit_factors(
        private.statistics,
        private.prior,
        lam=config.lam,
        rank=config.rank,
        held=lead.held,
        noisy=True,
    )
    sketches = sums.figure("sketches")
    figures = RoundFigures(
        sums.figure("devices"),
        sketches,
        len(model.titles),
        patterns=0,
        dp_mu=private.mu,
        decoded=sketches,
    )
    return RoundResult(model, (), figures)


def _counted(lead: RefreshLead, config: LearnConfig) -> Led | None:
    """A fleet of which too few push sketches: factors of what else is known, and nothing else.

    None where that says nothing, or where noise is asked for.
    """
    if not lead.evidence or config.dp_mu:
        return None
    m = len(lead.embeddings)
    titles = np.flatnonzero(supporters(lead.evidence, m) >= config.min_title_devices)
    if not len(titles):
        return None
    prior = _shown(np.full(m, 1 / m, np.float32), 0, lead)
    statistics = combine(lead.evidence, titles.astype(np.int32))
    model = _fit(statistics, prior, lead, config, held=lead.held)
    figures = RoundFigures(devices=0, sketches=0, supported_titles=len(titles), patterns=0)
    return Led(RoundResult(model, (), figures), Decoder(prior, None))


def _shown(prior: FloatArray, sketches: int, lead: RefreshLead) -> FloatArray:
    """The prior that is given out: titles behind sketches, and those that others like, (m,).

    A sketch stands for one title that a household likes, as a report of a title does.
    """
    if not lead.evidence:
        return prior
    total = sketches * prior.astype(np.float64) + likes(lead.evidence, len(prior))
    share = total / total.sum() + FLOOR
    return np.asarray(share / share.sum(), np.float32)


def _titles(support: Sums, lead: RefreshLead, config: LearnConfig) -> Int32Array:
    """Titles that enough devices support, those of other evidence among them."""
    found = support["support"]
    return supported(found + supporters(lead.evidence, len(found)), config)


def _combined(sums: Sums, titles: Int32Array, lead: RefreshLead) -> Statistics:
    """The statistics of sketches and of all other evidence."""
    exact = statistics_of(sums, titles)
    if not lead.evidence:
        return exact
    return merge(exact, combine(lead.evidence, titles))


def _fit(
    statistics: Statistics,
    prior: FloatArray,
    lead: RefreshLead,
    config: LearnConfig,
    held: Held | None = None,
) -> Factors:
    """The model of all evidence, over the titles that enough devices support."""
    return fit_factors(
        statistics,
        prior[statistics.titles],
        lam=config.lam,
        rank=config.rank,
        held=held,
        # Counts of pairs leave out those that few devices like: what is left need not be X'X.
        gaps=bool(lead.evidence),
    )
