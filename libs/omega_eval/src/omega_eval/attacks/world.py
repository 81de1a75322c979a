"""A data set made ready for the attacks: titles, households, what they liked and what they sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from omega_core.content import Content, embedding_text
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_embed import Encoder, LexicalEncoder
from omega_eval.attacks.evidence import Evidence, IntArray, compact
from omega_eval.attacks.histories import Histories
from omega_eval.attacks.likelihood import evidence, sketch_channel
from omega_eval.attacks.pushes import Arrival, Reports, fleet_pushes
from omega_eval.baselines import Interactions
from omega_eval.household import Household
from omega_eval.split import SplitHousehold, split
from omega_privacy import SketchPolicy, make_sketch
from omega_rank import Catalogue

_BATCH = 256
_DECADE = 10


@dataclass(frozen=True, eq=False)
class World:
    """n titles and u households."""

    contents: tuple[Content, ...]
    """The titles by row."""
    raw: FloatArray
    """(n, 384) unit rows as the encoder gave them."""
    catalogue: Catalogue
    """The same, centred, with ordinals equal to rows."""
    model_version: str
    """Of the encoder."""
    households: tuple[SplitHousehold, ...]
    """Cut as for the quality figures: what is held out is never sent."""
    histories: Histories
    """What each liked before the cut."""

    @classmethod
    def of(
        cls, contents: Sequence[Content], households: Sequence[Household], encoder: Encoder
    ) -> World:
        """Embeds and cuts."""
        raw = embed(contents, encoder)
        catalogue = Catalogue.build(contents, raw, None, np.arange(len(contents)))
        cut = split(households)
        liked = Interactions.of(cut, catalogue.row_of).liked
        groups = {
            "genre": compact(catalogue.genre_rows.argmax(axis=1).astype(np.int64)),
            "decade": compact(catalogue.years.astype(np.int64) // _DECADE),
        }
        histories = Histories(liked, catalogue.embeddings, groups)
        return cls(tuple(contents), raw, catalogue, encoder.model_version, cut, histories)

    def noise(self, household: int, title: int, draw: int = 0) -> FloatArray:
        """(384,) the noise of a title on a household's TV; `draw` above 0 = drawn again.

        Seeded, so that figures can be reproduced; a TV draws from the operating system.
        """
        rng = np.random.default_rng([household, title, draw])
        return rng.standard_normal(DIMENSION, np.float32)

    def sketch(self, household: int, title: int, policy: SketchPolicy) -> bytes:
        """What that TV sends for the title: 48 bytes."""
        noise = self.noise(household, title)
        return make_sketch(self.catalogue.embeddings[title], noise, policy)

    def bits(
        self, embeddings: FloatArray, sigma: float, users: IntArray, titles: IntArray, draw: int
    ) -> FloatArray:
        """(N, 384) of +-1: sketches of titles (N,) under embeddings (n, 384)."""
        pairs = zip(users.tolist(), titles.tolist(), strict=True)
        noise = np.array([self.noise(user, title, draw) for user, title in pairs])
        noisy = embeddings[titles] + np.float32(sigma / np.sqrt(DIMENSION)) * noise
        return np.where(noisy >= 0, np.float32(1), np.float32(-1))

    def pushes(self, policy: SketchPolicy) -> list[Arrival]:
        """All pushes of the fleet."""
        # A title that lies just at the mean has no direction, and no TV reports it.
        told = np.abs(self.catalogue.embeddings).max(axis=1) > 0
        return fleet_pushes(
            self.households,
            {name: row for name, row in self.catalogue.row_of.items() if told[row]},
            self.model_version,
            lambda household, title: self.sketch(household, title, policy),
        )

    def lexical(self) -> FloatArray:
        """(n, 384) centred unit rows of the titles under the lexical encoder."""
        raw = embed(self.contents, LexicalEncoder())
        return Catalogue.build(self.contents, raw, None, None).embeddings


def embed(contents: Sequence[Content], encoder: Encoder) -> FloatArray:
    """(n, 384) unit rows."""
    texts = [embedding_text(content) for content in contents]
    parts = [
        encoder.encode(texts[begin : begin + _BATCH]) for begin in range(0, len(texts), _BATCH)
    ]
    return np.concatenate(parts)


def sketch_evidence(histories: Histories, reports: Reports, sigma: float) -> Evidence:
    """Sketches as evidence, with the fields of their pushes."""
    channel = sketch_channel(histories.embeddings, sigma)
    found = evidence(histories, reports.users, reports.truth, [(channel, reports.bits)])
    return found.with_fields(reports.fields)
