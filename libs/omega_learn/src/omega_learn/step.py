"""A round that costs what changed: other devices stay as the last refresh, or a step, left them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from omega_core.errors import invalid
from omega_core.vectors import FloatArray
from omega_learn.arrays import Int32Array
from omega_learn.config import LearnConfig
from omega_learn.fleet import DeviceSketches, gather
from omega_learn.kept import Kept
from omega_learn.news import News, catalogue_rows, news, require_devices
from omega_learn.patterns import GlobalPattern
from omega_learn.round import RoundFigures
from omega_learn.tastes import Decoder
from omega_learn.unexpected import unexpected


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


def step(inputs: StepInput, config: LearnConfig) -> Stepped:
    """Decodes what changed, and learns from it together with what was kept.

    The same, to the bit, as decoding every device with inputs.decoder.

    Raises:
        OmegaError: INVALID_FIELD when lengths or shapes do not fit, a device comes as changed and
            as kept, or config.dp_mu is set: patterns and trends have no noise. ROUND_NOT_POSSIBLE
            as run().
    """
    if config.dp_mu:
        raise invalid("dp_mu", "0: a step gives out what carries no noise")
    embeddings = catalogue_rows(inputs.embeddings, inputs.mean)
    if inputs.decoder.prior.shape != (len(embeddings),):
        raise invalid("decoder", f"one of {len(embeddings):,} titles")
    fleet = gather(inputs.changed, config.max_device_sketches, sigma=config.sigma)
    if not set(fleet.keys).isdisjoint(key for part in inputs.kept for key in part.keys):
        raise invalid("kept", "other devices than those that changed")
    changed = inputs.decoder.decode(
        fleet,
        embeddings,
        top=config.top,
        share=config.taste_share,
        within=config.trends.windows[-1],
    )
    every = Kept.join([*inputs.kept, changed])
    require_devices(len(every), config)
    found = news(every, embeddings, inputs.previous, inputs.hours_since_first, config)
    figures = RoundFigures(
        devices=len(every),
        sketches=int(every.sketches.sum()),
        supported_titles=found.supported_titles,
        patterns=len(found.patterns),
        decoded=int(changed.sketches.sum()),
    )
    missed = unexpected(fleet, embeddings, inputs.decoder.prior, config)
    return Stepped(found, figures, changed, missed)
