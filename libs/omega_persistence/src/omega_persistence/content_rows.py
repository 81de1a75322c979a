"""A title as a row of the table contents."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from omega_core import limits, validate
from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.errors import invalid
from omega_core.vectors import FloatArray, pack_f16, unpack_f16

COLUMNS = (
    "content_id, ordinal, title, kind, genres, year, country, description, providers, "
    "minimum_age, model_version, embedding, rev"
)
"""What an upsert sets."""
SELECT = f"SELECT content_rowid, {COLUMNS} FROM contents"  # noqa: S608 - constants only
"""Reads what content_row takes."""
_NORM_TOLERANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class StoredContent:
    """A title, its vector, and its place in the fleet's catalogue."""

    content: Content
    """The title itself."""
    embedding: FloatArray = field(compare=False, repr=False)
    """Unit vector (384,) float32, to the precision of float16."""
    model_version: str
    """Encoder of the embedding, 1 to 64 characters."""
    ordinal: int | None = None
    """Ordinal in the fleet's catalogue; None = known to this TV only."""


@dataclass(frozen=True, kw_only=True)
class ContentRow(StoredContent):
    """A stored title."""

    rowid: int
    """Label in the vector index; never reused."""
    rev: int
    """Number of its last change; rises with every change in the table."""


def content_values(item: StoredContent) -> tuple[object, ...]:
    """Values of COLUMNS but the last, rev.

    Raises:
        OmegaError: INVALID_FIELD (model_version, ordinal, embedding).
    """
    content = item.content
    if item.ordinal is not None:
        validate.integer("ordinal", item.ordinal, 0, 2**32 - 1)
    return (
        content.content_id,
        item.ordinal,
        content.title,
        int(content.kind),
        json.dumps(content.genres, ensure_ascii=False),
        content.year,
        content.country,
        content.description,
        json.dumps(
            [[p.provider_id, p.name, int(p.availability)] for p in content.providers],
            ensure_ascii=False,
        ),
        content.minimum_age,
        validate.text("model_version", item.model_version, limits.MAX_SHORT_ID, 1),
        packed_embedding(item.embedding),
    )


def packed_embedding(embedding: FloatArray) -> bytes:
    """A unit vector (384,) as it is kept.

    Raises:
        OmegaError: INVALID_FIELD when it is not 384 wide, finite and of norm 1 within 1 %.
    """
    vector = validate.vector("embedding", embedding, limits.DIMENSION)
    # Not scaled here: what was read must be packed to the same bytes again.
    if abs(float(np.linalg.norm(vector)) - 1) > _NORM_TOLERANCE:
        raise invalid("embedding", "of norm 1")
    return pack_f16(vector)


def content_row(row: tuple[Any, ...]) -> ContentRow:
    """A row of SELECT.

    Raises:
        OmegaError, TypeError, ValueError: no such row was ever written.
    """
    (rowid, content_id, ordinal, title, kind, genres, year, country, description, providers) = row[
        :10
    ]
    minimum_age, model_version, embedding, rev = row[10:]
    content = Content(
        content_id=content_id,
        title=title,
        kind=ContentKind(kind),
        genres=parse_genres(genres),
        year=year,
        country=country,
        description=description,
        providers=parse_providers(providers),
        minimum_age=minimum_age,
    )
    return ContentRow(
        content=content,
        embedding=unpack_f16("embedding", embedding, limits.DIMENSION),
        model_version=model_version,
        ordinal=ordinal,
        rowid=rowid,
        rev=rev,
    )


@lru_cache(maxsize=4_096)
def parse_genres(text: str) -> tuple[str, ...]:
    """Genres as they are kept.

    Raises:
        TypeError, ValueError: no such text was ever written.
    """
    return tuple(json.loads(text))


@lru_cache(maxsize=4_096)
def parse_providers(text: str) -> tuple[Provider, ...]:
    """Providers as they are kept.

    Raises:
        TypeError, ValueError: no such text was ever written.
    """
    return tuple(
        Provider(provider_id, name, Availability(offered))
        for provider_id, name, offered in json.loads(text)
    )
