"""How a brain comes up from what its storage directory holds."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from omega_brain import state
from omega_brain.config import BrainConfig
from omega_brain.embedding import embed_stale
from omega_brain.household import Household
from omega_brain.index import CatalogueIndex
from omega_brain.state import Versions
from omega_brain.stores import Stores
from omega_brain.tuned import Tuned
from omega_brain.upkeep import load_viewers
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_embed import AbsentEncoder, Encoder, LexicalEncoder, open_encoder, open_for
from omega_memory.shipped import defaults
from omega_rank.popular import PopularTitle
from omega_rpc.memory import release_unused

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """What answers are made of."""

    encoder: Encoder
    """What texts are embedded with."""
    index: CatalogueIndex
    """Vectors of titles."""
    household: Household
    """The ranking state."""
    held: Versions
    """How far the database had come when they were read."""


def open_parts(
    config: BrainConfig, clock: Clock, stores: Stores, encoder: Encoder | None
) -> Opened:
    """Reads everything that answers need.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE, STORAGE_FULL, MODEL_UNAVAILABLE.
    """
    encoder = encoder or _encoder(config, stores)
    embed_stale(stores, encoder)
    index = CatalogueIndex(stores, config, encoder.model_version)
    held = Versions.held(stores)
    titles = state.load_titles(stores, encoder.model_version)
    popular = defaults().popular
    household = Household(
        titles,
        state.load_collective(stores, titles.catalogue, encoder.model_version),
        load_viewers(stores, titles, Tuned.shipped().rank),
        clock,
        [PopularTitle(content, 1 - n / len(popular)) for n, content in enumerate(popular)],
    )
    release_unused()
    return Opened(encoder, index, household, held)


def _encoder(config: BrainConfig, stores: Stores) -> Encoder:
    """The encoder for the vectors that are stored; absent when its model is lost."""
    held = stores.contents.model_versions()
    stored = max(held, key=held.__getitem__, default="")
    try:
        encoder = open_for(stored, config.cache_dir, kind=config.encoder)
    except OmegaError as error:
        lexical = held.keys() == {LexicalEncoder.model_version} and config.encoder == "auto"
        if error.code is not ErrorCode.MODEL_UNAVAILABLE or not lexical:
            raise
        _log.error("vectors stay lexical: %s", error)
        return open_encoder(kind="lexical")
    if isinstance(encoder, AbsentEncoder) and len(held) > 1:
        # Died between two encoders, and the one that half of the vectors want is gone.
        _log.error("embedding by spelling: the vectors are of %s", sorted(held))
        return open_encoder(kind="lexical")
    return encoder
