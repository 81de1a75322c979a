"""Titles with their vectors and catalogue ordinals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from psycopg.types.json import Jsonb

from omega_core import limits
from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.vectors import FloatArray, pack_f16, pack_f32, unpack_f32
from omega_store import dialect
from omega_store.locks import lock_catalogue
from omega_store.pool import Connection
from omega_store.rows import only


@dataclass(frozen=True)
class EmbeddedContent:
    """A title with its vector."""

    content: Content
    """Validated."""
    embedding: FloatArray
    """Unit vector, float32 (384,); stored as float16."""


@dataclass(frozen=True)
class CatalogueRow:
    """A stored title."""

    ordinal: int
    """Position in the catalogue, from 0, without gaps; never changes."""
    content: Content
    """The title."""
    embedding: FloatArray
    """float32 (384,)."""


@dataclass(frozen=True)
class UpsertCounts:
    """What an upsert did."""

    added: int
    """Titles that were new."""
    updated: int
    """Titles that were known and differ."""
    unchanged: int
    """Titles that were known and equal."""


_FIELDS = sql.SQL(
    "content_id, title, kind, genres, year, country, description, providers, minimum_age"
)
_ROWS = sql.SQL("SELECT ordinal, {fields}, {vector} FROM contents").format(
    fields=_FIELDS, vector=dialect.COLUMN
)
_INSERT = sql.SQL(
    "INSERT INTO contents"
    " ({fields}, embedding, model_version, changed_version, updated_at, ordinal)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, {vector}, %s, %s, %s, %s)"
).format(fields=_FIELDS, vector=dialect.PARAMETER)
_UPDATE = sql.SQL(
    "UPDATE contents SET ({fields}, embedding, model_version, changed_version, updated_at)"
    " = (%s, %s, %s, %s, %s, %s, %s, %s, %s, {vector}, %s, %s, %s) WHERE ordinal = %s"
).format(fields=_FIELDS, vector=dialect.PARAMETER)

_CHANGED = sql.SQL(
    "SELECT ordinal, {vector} FROM contents"
    " WHERE model_version = %s AND changed_version > %s AND changed_version <= %s"
    " ORDER BY ordinal DESC LIMIT %s"
).format(vector=dialect.COLUMN)


def encoder(conn: Connection) -> str:
    """The encoder of the stored titles; empty before the first."""
    row = conn.execute("SELECT model_version FROM contents LIMIT 1").fetchone()
    return str(row[0]) if row else ""


def upsert(
    conn: Connection,
    rows: Sequence[EmbeddedContent],
    *,
    model_version: str,
    catalogue_version: int,
    now: datetime,
) -> UpsertCounts:
    """Adds or replaces titles, all of them or none; ordinals grow by one from 0.

    Takes the catalogue lock for the rest of the transaction.

    Args:
        conn: the transaction.
        rows: validated, no content_id twice.
        model_version: encoder of the vectors.
        catalogue_version: the newest published version, read under the lock (lock_catalogue).
        now: the present instant.

    Raises:
        OmegaError: ENCODER_MISMATCH when the shard's titles are of another encoder, INVALID_FIELD
            when the catalogue would grow beyond limits.MAX_CATALOGUE titles.
    """
    lock_catalogue(conn)
    if (held := encoder(conn)) not in {"", model_version}:
        raise OmegaError(ErrorCode.ENCODER_MISMATCH, field="model_version", bound=held)
    ids = [row.content.content_id for row in rows]
    known = {
        row.content.content_id: row for row in _read(conn, "WHERE content_id = ANY(%s)", (ids,))
    }
    new = [row for row in rows if row.content.content_id not in known]
    differ = [
        (known[row.content.content_id].ordinal, row)
        for row in rows
        if row.content.content_id in known and not _same(known[row.content.content_id], row)
    ]
    following = count(conn)
    if following + len(new) > limits.MAX_CATALOGUE:
        raise invalid("contents", f"at most {limits.MAX_CATALOGUE:,} titles in the catalogue")
    stamp = (model_version, catalogue_version + 1, now)
    with conn.cursor() as cursor:
        cursor.executemany(_UPDATE, [(*_values(r), *stamp, ordinal) for ordinal, r in differ])
        cursor.executemany(
            _INSERT, [(*_values(r), *stamp, following + i) for i, r in enumerate(new)]
        )
    return UpsertCounts(len(new), len(differ), len(rows) - len(new) - len(differ))


def count(conn: Connection) -> int:
    """Titles stored; the next ordinal."""
    result = conn.execute("SELECT coalesce(max(ordinal) + 1, 0) FROM contents")
    return int(only(result.fetchone())[0])


def changed_since(conn: Connection, catalogue_version: int) -> bool:
    """Whether a title was added or replaced after that catalogue version was published."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM contents WHERE changed_version > %s)", (catalogue_version,)
    ).fetchone()
    return row == (True,)


def changed_between(
    conn: Connection, model_version: str, after: int, until: int, most: int
) -> tuple[NDArray[np.uint32], FloatArray]:
    """Titles that came or changed after one catalogue version and are as in a later one.

    Returns:
        Ordinals (n,), ascending, and vectors, float32 (n, 384): the `most` of the highest ordinals.
    """
    rows = conn.execute(_CHANGED, (model_version, after, until, most)).fetchall()
    ordinals = np.array([ordinal for ordinal, _ in reversed(rows)], np.uint32)
    vectors = [dialect.load(vector) for _, vector in reversed(rows)]
    return ordinals, np.array(vectors, np.float32).reshape(-1, limits.DIMENSION)


def catalogue(conn: Connection) -> Iterator[CatalogueRow]:
    """Every title in the order of ordinals."""
    return _read(conn, "", ())


def page(conn: Connection, after: int, most: int, title_prefix: str = "") -> list[CatalogueRow]:
    """The first `most` titles behind an ordinal (-1 = from the beginning), by ascending ordinal.

    With `title_prefix`, those whose title begins with it, whatever its case.
    """
    clause: LiteralString = "WHERE ordinal > %s AND starts_with(lower(title), lower(%s))"
    return list(_read(conn, clause, (after, title_prefix, most), "LIMIT %s"))


def frame(conn: Connection, model_version: str) -> FloatArray | None:
    """The encoder's frozen centring mean, float32 (384,); None before the first publication."""
    row = conn.execute(
        "SELECT mean FROM encoder_frames WHERE model_version = %s", (model_version,)
    ).fetchone()
    return unpack_f32("mean", bytes(row[0]), limits.DIMENSION) if row else None


def freeze_frame(
    conn: Connection, model_version: str, mean: FloatArray, now: datetime
) -> FloatArray:
    """Fixes an encoder's centring mean, float32 (384,), for ever; returns the one that holds."""
    conn.execute(
        "INSERT INTO encoder_frames (model_version, mean, frozen_at) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (model_version, pack_f32(mean), now),
    )
    return only(frame(conn, model_version))


def _read(
    conn: Connection,
    clause: LiteralString,
    parameters: tuple[object, ...],
    limit: LiteralString = "",
) -> Iterator[CatalogueRow]:
    parts = (_ROWS, sql.SQL(clause), sql.SQL("ORDER BY ordinal"), sql.SQL(limit))
    statement = sql.SQL(" ").join(parts)
    for ordinal, *fields, vector in conn.execute(statement, parameters):
        content_id, title, kind, genres, year, country, description, providers, age = fields
        content = Content(
            content_id,
            title,
            ContentKind(kind),
            tuple(genres),
            year,
            country,
            description,
            tuple(Provider(p["id"], p["name"], Availability(p["availability"])) for p in providers),
            age,
        )
        yield CatalogueRow(ordinal, content, dialect.load(vector))


def _same(stored: CatalogueRow, given: EmbeddedContent) -> bool:
    return stored.content == given.content and pack_f16(stored.embedding) == pack_f16(
        np.asarray(given.embedding, np.float32)
    )


def _values(row: EmbeddedContent) -> tuple[object, ...]:
    content = row.content
    return (
        content.content_id,
        content.title,
        int(content.kind),
        list(content.genres),
        content.year,
        content.country,
        content.description,
        Jsonb(
            [
                {"id": p.provider_id, "name": p.name, "availability": int(p.availability)}
                for p in content.providers
            ]
        ),
        content.minimum_age,
        dialect.dump(row.embedding),
    )
