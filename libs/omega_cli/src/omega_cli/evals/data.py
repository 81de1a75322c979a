"""What every study of `omega eval` reads, and how it says what it is doing."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omega_cli.bench.embeddings import embedded
from omega_core.content import embedding_text
from omega_core.errors import invalid
from omega_core.vectors import FloatArray
from omega_embed import Encoder, default_cache_dir, open_encoder
from omega_eval.datasets import DataSet, load_dataset
from omega_eval.policies import Shard
from omega_eval.world import served

_BATCH = 512


class Teller:
    """Prints what is being done on standard error, with the seconds since the start."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, text: str) -> None:
        """Says one thing."""
        print(f"{time.monotonic() - self._begun:7.1f} s  {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set and its catalogue."""

    data: DataSet
    """As read."""
    shard: Shard
    """The catalogue as published and as TVs build it."""
    say: Teller
    """Tells what is being done."""

    @property
    def title(self) -> str:
        """Its name for the heading of a table; says when households are made up."""
        made_up = ", made-up households" if self.data.synthetic else ""
        return (
            f"{self.data.name}: {len(self.data.contents):,} titles, "
            f"{len(self.data.households):,} TVs{made_up}; {self.shard.pack.model_version}"
        )


class _TellingEncoder:
    """Embeds in batches and says how far it is."""

    def __init__(self, encoder: Encoder, say: Teller) -> None:
        self._encoder = encoder
        self._say = say
        self.model_version = encoder.model_version
        self.dimension = encoder.dimension

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """As the encoder's."""
        parts = []
        for start in range(0, len(texts), _BATCH):
            self._say(f"embedding titles: {start:,} of {len(texts):,}")
            parts.append(self._encoder.encode(texts[start : start + _BATCH]))
        return np.concatenate(parts)


def prepare(path: Path, cache_dir: Path | None) -> Prepared:
    """Reads a folder and embeds its titles; vectors are kept in the cache.

    Raises:
        OmegaError: INVALID_FIELD that names what cannot be read.
    """
    say = Teller()
    say(f"reading {path.name}")
    data = load_dataset(path)
    encoder = _TellingEncoder(open_encoder(cache_dir), say)
    texts = [embedding_text(content) for content in data.contents]
    vectors = embedded(encoder, texts, cache_dir or default_cache_dir())
    pack, catalogue = served(data.contents, vectors, encoder.model_version)
    return Prepared(data, Shard(pack, catalogue), say)


def numbers(field: str, text: str) -> list[float]:
    """Numbers between commas; none of an empty text.

    Raises:
        OmegaError: INVALID_FIELD that names `field`.
    """
    try:
        return [float(part) for part in text.split(",") if part]
    except ValueError:
        raise invalid(field, "numbers with commas between them") from None
