"""Titles in, catalogue packs out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from omega_core.vectors import FloatArray
from omega_delta import CataloguePack, encode_catalogue
from omega_store import Connection, lock_catalogue, resources
from omega_store import contents as titles
from omega_store.contents import EmbeddedContent, UpsertCounts
from omega_store.resources import ResourceKind


def upsert(
    conn: Connection,
    rows: Sequence[EmbeddedContent],
    *,
    model_version: str,
    publish: bool,
    now: datetime,
) -> tuple[UpsertCounts, int, bool]:
    """Stores titles and, when asked, publishes what changed since the last publication.

    Returns:
        The counts, the newest published catalogue version, 0 = none, and whether it is new.

    Raises:
        OmegaError: ENCODER_MISMATCH, or INVALID_FIELD when the catalogue would break a bound.
    """
    lock_catalogue(conn)
    version = resources.newest_version(conn, ResourceKind.CATALOGUE)
    counts = titles.upsert(
        conn, rows, model_version=model_version, catalogue_version=version, now=now
    )
    published = publish and titles.changed_since(conn, version)
    if published:
        version = resources.following_version(conn, ResourceKind.CATALOGUE)
        body = _encode(conn, version, model_version, now)
        resources.publish(
            conn,
            ResourceKind.CATALOGUE,
            version,
            model_version=model_version,
            body=body,
            now=now,
        )
    return counts, version, published


def _encode(conn: Connection, version: int, model_version: str, now: datetime) -> bytes:
    rows = list(titles.catalogue(conn))
    embeddings = np.stack([row.embedding for row in rows])
    return encode_catalogue(
        CataloguePack(
            version=version,
            model_version=model_version,
            centring_mean=_mean(conn, model_version, embeddings, now),
            ordinals=np.array([row.ordinal for row in rows], np.uint32),
            contents=tuple(row.content for row in rows),
            embeddings=embeddings,
        )
    )


def _mean(
    conn: Connection, model_version: str, embeddings: FloatArray, now: datetime
) -> FloatArray:
    """The encoder's frozen mean; the first publication freezes that of its titles."""
    held = titles.frame(conn, model_version)
    if held is not None:
        return held
    # Sketches drawn around one mean cannot be compared with those around another.
    mean = embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
    return titles.freeze_frame(conn, model_version, mean, now)
