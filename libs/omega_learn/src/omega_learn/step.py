"""A round that costs what changed: other devices stay as the last refresh, or a step, left them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from omega_core.errors import invalid
from omega_core.vectors import FloatArray
from omega_learn.arrays import Int32Array
from omega_learn.config import LearnConfig
from omega_learn.counting import Counting
from omega_learn.fleet import DeviceSketches, gather
from omega_learn.kept import Kept
from omega_learn.news import (
    News,
    catalogue_rows,
    regions_of,
    require_devices,
    supported,
    tell,
)
from omega_learn.parts import StepPart
from omega_learn.patterns import GlobalPattern
from omega_learn.phases import CHANGES, LOOK, Begin, Desk, Together
from omega_learn.phases import Told as Counted
from omega_learn.round import RoundFigures
from omega_learn.tastes import Decoder
from omega_learn.unexpected import look, unexpected


@dataclass(frozen=True)
class StepInput:
    """What a step learns from."""

    embeddings: FloatArray
    """Those of the refresh that made `decoder`, (m, 384)."""
    mean: FloatArray
    """Likewise, (384,)."""
    decoder: Decoder
    """Of the last refresh."""
    changed: Iterable[DeviceSketches]
    """Everything that counts of devices of which something came, in any order."""
    kept: tuple[Kept, ...]
    """Of the other devices, with what arrived within the longest window of a trend."""
    previous: tuple[GlobalPattern, ...] = ()
    """Patterns of the last round."""
    hours_since_first: float | None = None
    """As RoundInput has it."""
    beside: bool = False
    """As StepLead has it."""


@dataclass(frozen=True)
class Stepped:
    """What a step found. It publishes no factors."""

    news: News
    """To be given out."""
    figures: RoundFigures
    """Counts, over the whole fleet."""
    changed: Kept
    """What to keep of the devices that changed."""
    unexpected: Int32Array
    """Titles that arrive now and that only a refresh would see, ascending."""


@dataclass(frozen=True)
class Told:
    """What a step of a fleet found."""

    news: News
    """To be given out."""
    figures: RoundFigures
    """Counts, over the whole fleet."""
    unexpected: Int32Array
    """As Stepped has it."""


def step(inputs: StepInput, config: LearnConfig) -> Stepped:
    """Decodes what changed, and learns from it together with what was kept.

    The same, to the bit, as decoding every device with inputs.decoder.

    Raises:
        OmegaError: INVALID_FIELD when lengths or shapes do not fit, a device comes as changed and
            as kept, or config.dp_mu is set: patterns and trends have no noise. ROUND_NOT_POSSIBLE
            as run().
    """
    embeddings = catalogue_rows(inputs.embeddings, inputs.mean)
    if inputs.decoder.prior.shape != (len(embeddings),):
        raise invalid("decoder", f"one of {len(embeddings):,} titles")
    fleet = gather(inputs.changed, config.max_device_sketches, sigma=config.sigma)
    if not set(fleet.keys).isdisjoint(key for part in inputs.kept for key in part.keys):
        raise invalid("kept", "other devices than those that changed")
    part = StepPart([fleet], inputs.kept, inputs.decoder, embeddings, config)
    lead = StepLead(
        embeddings, inputs.decoder.prior, inputs.previous, inputs.hours_since_first, inputs.beside
    )
    found = lead_step(Together([part]), lead, config)
    return Stepped(found.news, found.figures, Kept.join(list(part.decoded)), found.unexpected)


@dataclass(frozen=True)
class StepLead:
    """What a step's leader knows beside the shards' answers."""

    embeddings: FloatArray
    """From catalogue_rows(), (m, 384)."""
    prior: FloatArray
    """The frozen one, (m,)."""
    previous: tuple[GlobalPattern, ...] = ()
    """Patterns of the last round."""
    hours_since_first: float | None = None
    """As RoundInput has it."""
    beside: bool = False
    """Whether there is other evidence than sketches: the factors go on then, though too few devices
    push sketches, and the step finds nothing."""


def lead_step(desk: Desk, lead: StepLead, config: LearnConfig) -> Told:
    """A step over all shards of a desk.

    Raises:
        OmegaError: as step().
    """
    if config.dp_mu:
        raise invalid("dp_mu", "0: a step gives out what carries no noise")
    _, changes = desk.ask(CHANGES, Begin)
    joined = changes()
    census, support = joined.census, joined.sums
    if lead.beside and (
        census.devices < config.min_devices or (support["support"] < config.min_title_devices).all()
    ):
        figures = RoundFigures(
            census.devices, census.sketches, 0, 0, decoded=support.figure("decoded")
        )
        return Told(News(0, (), {}), figures, np.zeros(0, np.int32))
    require_devices(census.devices, config)
    titles = supported(support["support"], config)

    def plan() -> Counted:
        counting = Counting(
            titles,
            matrix=False,
            regions=regions_of(census, config),
            longest=lead.hours_since_first,
        )
        return Counted(counting, look=look(census.sample, lead.embeddings, config))

    told, merged = desk.ask(LOOK, plan)
    sums = merged()
    found = tell(
        desk, sums, told.counting, told.counting.titles, lead.embeddings, lead.previous, config
    )
    figures = RoundFigures(
        devices=sums.figure("devices"),
        sketches=sums.figure("sketches"),
        supported_titles=found.supported_titles,
        patterns=len(found.patterns),
        decoded=support.figure("decoded"),
    )
    missed = np.zeros(0, np.int32)
    if told.look:
        late = support.figure("late")
        missed = unexpected(told.look, sums["unseen"], late, lead.prior, config)
    return Told(found, figures, missed)
