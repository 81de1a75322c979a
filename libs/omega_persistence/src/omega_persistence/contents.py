"""Titles with their vectors. A title's rowid is its label in the vector index."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omega_core import limits, validate
from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.errors import invalid
from omega_core.vectors import FloatArray, pack_f16, unit, unpack_f16
from omega_persistence.database import Database

_PAGE = 500
_NORM_TOLERANCE = 0.01
_FIELDS = (
    "content_id, ordinal, title, kind, genres, year, country, description, providers, "
    "model_version, embedding, rev"
)
_ROWS = f"SELECT content_rowid, {_FIELDS} FROM contents"  # noqa: S608 - constants only
_UPSERT = f"""
INSERT INTO contents ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (content_id) DO UPDATE SET
    ordinal = coalesce(excluded.ordinal, ordinal), title = excluded.title, kind = excluded.kind,
    genres = excluded.genres, year = excluded.year, country = excluded.country,
    description = excluded.description, providers = excluded.providers,
    model_version = excluded.model_version, embedding = excluded.embedding, rev = excluded.rev
WHERE (coalesce(excluded.ordinal, ordinal), excluded.title, excluded.kind, excluded.genres,
       excluded.year, excluded.country, excluded.description, excluded.providers,
       excluded.model_version, excluded.embedding)
   IS NOT (ordinal, title, kind, genres, year, country, description, providers, model_version,
       embedding)
RETURNING content_rowid
"""  # noqa: S608 - constants only


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


class UpsertCounts(NamedTuple):
    """What an upsert did."""

    added: int
    """Titles that were new."""
    updated: int
    """Titles that were known and differ."""
    unchanged: int
    """Titles that were known and equal."""


class Contents:
    """The table of titles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def upsert(
        self, items: Sequence[StoredContent], *, replace_ordinals: bool = False
    ) -> UpsertCounts:
        """Adds or replaces titles by content_id, all of them or none.

        An item without an ordinal keeps the stored one. When an id occurs twice the last counts.

        Args:
            items: titles with vectors.
            replace_ordinals: the items are a whole catalogue: titles not among them lose theirs.

        Raises:
            OmegaError: INVALID_FIELD (a vector that is not 384 wide, finite and of norm 1 within
                1 %, a model_version or ordinal out of bounds), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        last = {item.content.content_id: item for item in items}
        values = [_values(item) for item in last.values()]
        added = updated = 0
        with self._database.transaction() as connection:
            revs = itertools.count(_last_rev(connection) + 1)
            newest = _newest_rowid(connection)
            if replace_ordinals:
                _drop_ordinals(connection, last.keys(), revs)
            rev = next(revs)
            for row in values:
                changed = connection.execute(_UPSERT, (*row, rev)).fetchone()
                if changed is None:
                    continue
                rev = next(revs)
                if changed[0] > newest:
                    added += 1
                else:
                    updated += 1
        return UpsertCounts(added, updated, len(values) - added - updated)

    def set_embeddings(
        self, rowids: NDArray[np.int64], embeddings: FloatArray, model_version: str
    ) -> None:
        """Gives rows (n,) new vectors (n, 384), all or none; unknown rowids are passed over.

        Raises:
            OmegaError: INVALID_FIELD as for `upsert`, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        validate.text("model_version", model_version, limits.MAX_SHORT_ID, 1)
        if embeddings.shape != (len(rowids), limits.DIMENSION):
            raise invalid("embeddings", f"of shape ({len(rowids)}, {limits.DIMENSION})")
        packed = [_packed(row) for row in embeddings]
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE contents SET embedding = ?, model_version = ?, rev = ? "
                "WHERE content_rowid = ?",
                zip(
                    packed,
                    itertools.repeat(model_version),
                    itertools.count(_last_rev(connection) + 1),
                    map(int, rowids),
                    strict=False,
                ),
            )

    def by_ids(self, content_ids: Sequence[str]) -> dict[str, ContentRow]:
        """The stored titles among `content_ids`."""
        rows = self._rows("content_id IN (SELECT value FROM json_each(?))", json.dumps(content_ids))
        return {row.content.content_id: row for row in rows}

    def by_rowids(self, rowids: Sequence[int]) -> dict[int, ContentRow]:
        """The stored titles among `rowids`."""
        wanted = json.dumps([int(rowid) for rowid in rowids])
        rows = self._rows("content_rowid IN (SELECT value FROM json_each(?))", wanted)
        return {row.rowid: row for row in rows}

    def all_rows(self) -> Iterator[ContentRow]:
        """Every title in order of rowid, read in pages; other threads may write in between."""
        last = 0
        while page := self._rows("content_rowid > ? ORDER BY content_rowid LIMIT ?", last, _PAGE):
            yield from page
            last = page[-1].rowid

    def changed_since(self, rev: int, limit: int = 1_000) -> list[ContentRow]:
        """The first `limit` titles changed after `rev`, in order of rev."""
        return self._rows("rev > ? ORDER BY rev LIMIT ?", rev, limit)

    def current_rev(self) -> int:
        """The highest rev given out; 0 = none yet."""
        with self._database.read() as connection:
            return _last_rev(connection)

    def matrix(self, model_version: str) -> tuple[NDArray[np.int64], FloatArray]:
        """Rowids (n,) ascending and unit vectors (n, 384) of one encoder's titles."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT content_rowid, embedding FROM contents WHERE model_version = ? "
                "ORDER BY content_rowid",
                (model_version,),
            ).fetchall()
        rowids = np.fromiter((rowid for rowid, _ in rows), np.int64, len(rows))
        packed = np.frombuffer(b"".join(data for _, data in rows), "<f2")
        return rowids, unit(packed.reshape(len(rows), limits.DIMENSION).astype(np.float32))

    def stale(self, model_version: str, limit: int) -> list[ContentRow]:
        """The first `limit` titles whose vector is of another encoder, to be embedded again."""
        return self._rows("model_version <> ? ORDER BY content_rowid LIMIT ?", model_version, limit)

    def count(self) -> int:
        """Number of titles."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM contents").fetchone()[0])

    def _rows(self, where: str, *parameters: str | int) -> list[ContentRow]:
        with self._database.read() as connection:
            rows = connection.execute(f"{_ROWS} WHERE {where}", parameters).fetchall()
        return [_row(row) for row in rows]


def _last_rev(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(rev), 0) FROM contents").fetchone()[0])


def _newest_rowid(connection: sqlite3.Connection) -> int:
    query = "SELECT coalesce(max(content_rowid), 0) FROM contents"
    return int(connection.execute(query).fetchone()[0])


def _drop_ordinals(
    connection: sqlite3.Connection, kept: Container[str], revs: Iterator[int]
) -> None:
    rows = connection.execute(
        "SELECT content_rowid, content_id FROM contents WHERE ordinal IS NOT NULL"
    ).fetchall()
    connection.executemany(
        "UPDATE contents SET ordinal = NULL, rev = ? WHERE content_rowid = ?",
        [(next(revs), rowid) for rowid, content_id in rows if content_id not in kept],
    )


def _values(item: StoredContent) -> tuple[object, ...]:
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
        validate.text("model_version", item.model_version, limits.MAX_SHORT_ID, 1),
        _packed(item.embedding),
    )


def _packed(embedding: FloatArray) -> bytes:
    vector = validate.vector("embedding", embedding, limits.DIMENSION)
    # Not scaled here: what was read must be packed to the same bytes again.
    if abs(float(np.linalg.norm(vector)) - 1) > _NORM_TOLERANCE:
        raise invalid("embedding", "of norm 1")
    return pack_f16(vector)


def _row(row: tuple[Any, ...]) -> ContentRow:
    (rowid, content_id, ordinal, title, kind, genres, year, country, description, providers) = row[
        :10
    ]
    model_version, embedding, rev = row[10:]
    content = Content(
        content_id=content_id,
        title=title,
        kind=ContentKind(kind),
        genres=tuple(json.loads(genres)),
        year=year,
        country=country,
        description=description,
        providers=tuple(Provider(i, name, Availability(a)) for i, name, a in json.loads(providers)),
    )
    return ContentRow(
        content=content,
        embedding=unpack_f16("embedding", embedding, limits.DIMENSION),
        model_version=model_version,
        ordinal=ordinal,
        rowid=rowid,
        rev=rev,
    )
