"""Vectors of titles: made once a text and encoder, and made again when either changes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from omega_brain.stores import Stores
from omega_core.content import Content, embedding_text
from omega_core.vectors import FloatArray
from omega_delta import CataloguePack
from omega_embed import Encoder
from omega_persistence.contents import StoredContent

_log = logging.getLogger(__name__)
_BATCH = 512


def embedded(stores: Stores, encoder: Encoder, contents: Sequence[Content]) -> list[StoredContent]:
    """Titles with their vectors; only texts that are not stored yet are encoded.

    All stored vectors must be of this encoder.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    vectors: list[FloatArray] = []
    for begin in range(0, len(contents), _BATCH):
        vectors += _embed(stores, encoder, contents[begin : begin + _BATCH])
    return [
        StoredContent(content=content, embedding=vector, model_version=encoder.model_version)
        for content, vector in zip(contents, vectors, strict=True)
    ]


def embedded_catalogue(
    stores: Stores, encoder: Encoder, pack: CataloguePack
) -> list[StoredContent]:
    """The fleet's titles with ordinals and vectors: its own where they are of this encoder.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    if pack.model_version == encoder.model_version:
        items = [
            StoredContent(content=content, embedding=vector, model_version=encoder.model_version)
            for content, vector in zip(pack.contents, pack.embeddings, strict=True)
        ]
    else:
        items = embedded(stores, encoder, pack.contents)
    return [
        replace(item, ordinal=ordinal)
        for item, ordinal in zip(items, pack.ordinals.tolist(), strict=True)
    ]


def embed_stale(stores: Stores, encoder: Encoder) -> None:
    """Embeds again what another encoder embedded; a crash goes on where it stopped.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    contents = stores.contents
    while stale := contents.stale(encoder.model_version, _BATCH):
        _log.warning("embedding %d titles again with %s", len(stale), encoder.model_version)
        vectors = encoder.encode([embedding_text(row.content) for row in stale])
        rowids = np.array([row.rowid for row in stale], np.int64)
        contents.set_embeddings(rowids, vectors, encoder.model_version)


def _embed(stores: Stores, encoder: Encoder, contents: Sequence[Content]) -> list[FloatArray]:
    stored = stores.contents.by_ids([content.content_id for content in contents]).values()
    known = {embedding_text(row.content): row.embedding for row in stored}
    texts = [embedding_text(content) for content in contents]
    fresh = [text for text in dict.fromkeys(texts) if text not in known]
    known.update(zip(fresh, encoder.encode(fresh), strict=True))
    return [known[text] for text in texts]
