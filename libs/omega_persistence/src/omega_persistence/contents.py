"""Titles with their vectors. A title's rowid is its label in the vector index."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from omega_core import limits, validate
from omega_core.errors import invalid
from omega_core.vectors import FloatArray, unit
from omega_persistence.content_rows import (
    COLUMNS,
    SELECT,
    ContentRow,
    StoredContent,
    content_row,
    content_values,
    packed_embedding,
)
from omega_persistence.database import Database
from omega_persistence.times import from_micros, to_micros

__all__ = ["ContentRow", "Contents", "StoredContent", "UpsertCounts"]

_PAGE = 500
_UPSERT = f"""
INSERT INTO contents ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (content_id) DO UPDATE SET
    ordinal = coalesce(excluded.ordinal, ordinal), title = excluded.title, kind = excluded.kind,
    genres = excluded.genres, year = excluded.year, country = excluded.country,
    description = excluded.description, providers = excluded.providers,
    minimum_age = excluded.minimum_age,
    model_version = excluded.model_version, embedding = excluded.embedding, rev = excluded.rev
WHERE (coalesce(excluded.ordinal, ordinal), excluded.title, excluded.kind, excluded.genres,
       excluded.year, excluded.country, excluded.description, excluded.providers,
       excluded.minimum_age, excluded.model_version, excluded.embedding)
   IS NOT (ordinal, title, kind, genres, year, country, description, providers, minimum_age,
       model_version, embedding)
RETURNING content_rowid
"""  # noqa: S608 - constants only


_ARRIVED = "UPDATE contents SET added_at = ? WHERE content_rowid > ?"
_NEWS = """
SELECT content_rowid, added_at FROM contents WHERE added_at >= ?
AND (added_at > (SELECT min(added_at) FROM contents) + ?
     OR EXISTS (SELECT 1 FROM contents WHERE added_at IS NULL))
"""
_DAY = 86_400_000_000
"""In microseconds."""


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
        values = [content_values(item) for item in last.values()]
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
            connection.execute(_ARRIVED, (to_micros(self._database.now()), newest))
        return UpsertCounts(added, updated, len(values) - added - updated)

    def apply_step(self, items: Sequence[StoredContent], removed: Sequence[int]) -> UpsertCounts:
        """Moves the fleet's catalogue on: titles that are new or changed, and ordinals that go.

        A title that loses its ordinal stays as one of this TV's own.

        Args:
            items: with their ordinals.
            removed: ordinals that no title has any more.

        Raises:
            OmegaError: as `upsert`.
        """
        place = {item.ordinal: item.content.content_id for item in items}
        gone = json.dumps([*removed, *place])
        with self._database.transaction() as connection:
            revs = itertools.count(_last_rev(connection) + 1)
            rows = connection.execute(
                "SELECT content_rowid, content_id, ordinal FROM contents "
                "WHERE ordinal IN (SELECT value FROM json_each(?))",
                (gone,),
            ).fetchall()
            connection.executemany(
                "UPDATE contents SET ordinal = NULL, rev = ? WHERE content_rowid = ?",
                [(next(revs), rowid) for rowid, held, at in rows if place.get(at) != held],
            )
            return self.upsert(items)

    def by_ordinal(self) -> Iterator[ContentRow]:
        """Every title of the fleet's catalogue in the order of ordinals, read in pages."""
        last = -1
        while page := self._rows("ordinal > ? ORDER BY ordinal LIMIT ?", last, _PAGE):
            yield from page
            last = page[-1].ordinal if page[-1].ordinal is not None else last

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
        packed = [packed_embedding(row) for row in embeddings]
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
        wanted = json.dumps(list(content_ids))
        rows = self._rows("content_id IN (SELECT value FROM json_each(?))", wanted)
        return {row.content.content_id: row for row in rows}

    def by_rowids(self, rowids: Sequence[int]) -> dict[int, ContentRow]:
        """The stored titles among `rowids`."""
        wanted = json.dumps([int(rowid) for rowid in rowids])
        rows = self._rows("content_rowid IN (SELECT value FROM json_each(?))", wanted)
        return {row.rowid: row for row in rows}

    def ids_by_ordinal(self) -> dict[int, str]:
        """Content ids of the fleet's catalogue, by ordinal."""
        with self._database.read() as connection:
            return dict(
                connection.execute(
                    "SELECT ordinal, content_id FROM contents WHERE ordinal IS NOT NULL"
                ).fetchall()
            )

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

    def arrivals(self, since: datetime) -> dict[int, datetime]:
        """Rowids of the titles that came at or after an instant, and when.

        Without those of a TV's first day: they are its catalogue, not its news.
        """
        with self._database.read() as connection:
            rows = connection.execute(_NEWS, (to_micros(since), _DAY)).fetchall()
        return {rowid: from_micros(at) for rowid, at in rows}

    def stale(self, model_version: str, limit: int) -> list[ContentRow]:
        """The first `limit` titles whose vector is of another encoder, to be embedded again."""
        return self._rows("model_version <> ? ORDER BY content_rowid LIMIT ?", model_version, limit)

    def model_versions(self) -> dict[str, int]:
        """How many titles have a vector of each model version.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._database.read() as connection:
            return dict(
                connection.execute("SELECT model_version, count(*) FROM contents GROUP BY 1")
            )

    def count(self) -> int:
        """Number of titles."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM contents").fetchone()[0])

    def _rows(self, where: str, *parameters: str | int) -> list[ContentRow]:
        with self._database.read() as connection:
            rows = connection.execute(f"{SELECT} WHERE {where}", parameters).fetchall()
        return [content_row(row) for row in rows]


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
