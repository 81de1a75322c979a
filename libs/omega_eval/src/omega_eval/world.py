"""What every study starts from: a catalogue as TVs hold it, split households, their histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from omega_core.content import Content
from omega_core.vectors import FloatArray
from omega_delta import CataloguePack, decode_catalogue, encode_catalogue
from omega_eval.baselines import Interactions
from omega_eval.evaluate import held_out_rows, replay_all
from omega_eval.metrics import RowArray
from omega_eval.split import SplitHousehold
from omega_rank import Catalogue, History

VERSION = 1
"""Version of the catalogue in every study."""


@dataclass(frozen=True, eq=False)
class World:
    """A catalogue and split households."""

    pack: CataloguePack
    """The catalogue as it crossed the wire."""
    catalogue: Catalogue
    """The same as a TV builds it."""
    households: tuple[SplitHousehold, ...]
    """u of them."""
    histories: tuple[History, ...]
    """Of the training events of each, replayed once; rankings may set their configuration."""

    @cached_property
    def data(self) -> Interactions:
        """The training events as matrices, for the centralised baselines."""
        return Interactions.of(self.households, self.catalogue.row_of)

    @cached_property
    def wanted(self) -> list[RowArray]:
        """Rows that each household's list is to find; empty = not scored."""
        return held_out_rows(self.households, self.catalogue.row_of)

    @cached_property
    def scored(self) -> list[History | None]:
        """Histories of the households that are scored, None for the others."""
        return [
            history if len(rows) else None
            for history, rows in zip(self.histories, self.wanted, strict=True)
        ]

    def __len__(self) -> int:
        """Titles."""
        return len(self.catalogue)


def served(
    contents: Sequence[Content], embeddings: FloatArray, model_version: str
) -> tuple[CataloguePack, Catalogue]:
    """The catalogue after it went through the resource that TVs fetch: vectors are float16 there.

    Args:
        contents: n titles.
        embeddings: (n, 384) unit rows as the encoder gave them.
        model_version: the encoder.
    """
    pack = decode_catalogue(
        encode_catalogue(
            CataloguePack(
                version=VERSION,
                model_version=model_version,
                centring_mean=np.asarray(embeddings.mean(axis=0, dtype=np.float64), np.float32),
                ordinals=np.arange(len(contents), dtype=np.uint32),
                contents=tuple(contents),
                embeddings=embeddings,
            )
        )
    )
    catalogue = Catalogue.build(
        pack.contents, pack.embeddings, pack.centring_mean, pack.ordinals.astype(np.int64)
    )
    return pack, catalogue


def build_world(
    pack: CataloguePack,
    catalogue: Catalogue,
    households: Sequence[SplitHousehold],
    advance: Callable[[], None] = lambda: None,
) -> World:
    """Replays every household; `advance` is called after each."""
    return World(
        pack, catalogue, tuple(households), tuple(replay_all(catalogue, households, advance))
    )
