"""What a fleet publishes: catalogues, factors and deltas, made up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omega_core.content import Content, embedding_text
from omega_core.vectors import FloatArray, unit
from omega_delta import CataloguePack, FactorPack, GlobalPattern, StateDelta
from omega_embed import Encoder


def catalogue_of(
    contents: Sequence[Content],
    encoder: Encoder,
    version: int = 1,
    *,
    ordinals: Sequence[int] | None = None,
) -> CataloguePack:
    """A catalogue of these titles, embedded and centred by an encoder; ordinals from 0 on."""
    vectors = encoder.encode([embedding_text(content) for content in contents])
    given = range(len(contents)) if ordinals is None else ordinals
    return CataloguePack(
        version=version,
        model_version=encoder.model_version,
        centring_mean=np.asarray(vectors.sum(axis=0) / max(len(vectors), 1), np.float32),
        ordinals=np.array(given, np.uint32),
        contents=tuple(contents),
        embeddings=vectors,
    )


def factors_of(
    ordinals: Sequence[int], version: int = 1, *, model_version: str, seed: int = 0, rank: int = 4
) -> FactorPack:
    """Random factors of these titles, ascending ordinals."""
    random = np.random.default_rng(seed)
    count = len(ordinals)
    prior = random.random(count) + 0.1
    return FactorPack(
        version=version,
        model_version=model_version,
        catalogue_version=1,
        ordinals=np.array(ordinals, np.uint32),
        factors=random.integers(-127, 128, (count, rank)).astype(np.int8),
        steps=np.full(rank, 0.01, np.float32),
        gains=np.ones(count, np.float32),
        prior=np.asarray(prior / prior.sum(), np.float32),
    )


def delta_of(
    version: int, base: int = 0, *, model_version: str, patterns: int = 3, seed: int = 0
) -> StateDelta:
    """A step with so many random patterns, ids from 1 on."""
    random = np.random.default_rng(seed)
    vectors: FloatArray = unit(random.normal(size=(patterns, 384)).astype(np.float32))
    return StateDelta(
        base_version=base,
        version=version,
        model_version=model_version,
        patterns=tuple(
            GlobalPattern(
                pattern_id=i + 1,
                embedding=vector,
                success_rate=0.9,
                device_count_floor=4,
                weight=1 / patterns,
            )
            for i, vector in enumerate(vectors)
        ),
    )
