"""Memories of the tiers that have no table of their own."""

from __future__ import annotations

import heapq
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from omega_core.memory import Memory, MemoryPage, MemoryQuery, Tier, relevance_of
from omega_core.vectors import FloatArray, unit
from omega_persistence.database import Database
from omega_persistence.memory_rows import COLUMNS, SELECT, memory_of, memory_values
from omega_persistence.memory_touches import MemoryName, Touches, name_of
from omega_persistence.times import to_micros

_PAGE = 100
_VECTORS = 1_000
_SAME = 1e-5  # cosines that float16 cannot tell apart
_ABOVE_ALL = 10.0  # strength stays below 1 + 0.1 ln(2^64)
_PUT = f"""
INSERT INTO memories ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tier, profile_id, key) DO UPDATE SET
    importance = excluded.importance, confidence = excluded.confidence,
    access_count = excluded.access_count, created_at = excluded.created_at,
    accessed_at = excluded.accessed_at, expires_at = excluded.expires_at,
    content_id = excluded.content_id, text = excluded.text, metadata = excluded.metadata,
    model_version = excluded.model_version, embedding = excluded.embedding,
    strength = excluded.strength
"""  # noqa: S608 - constants only
_HOLDS = """
tier = :tier AND (expires_at IS NULL OR expires_at > :now)
AND (:profile_id IS NULL OR profile_id = :profile_id)
AND (:created_from IS NULL OR created_at >= :created_from)
AND (:created_before IS NULL OR created_at < :created_before)
AND (:without = '' OR embedding IS NULL OR model_version <> :without)
AND importance >= :min_importance AND confidence >= :min_confidence
AND NOT EXISTS (
    SELECT 1 FROM json_each(:metadata) AS wanted WHERE NOT EXISTS (
        SELECT 1 FROM json_each(memories.metadata) AS own
        WHERE own.key = wanted.key AND own.value = wanted.value))
"""
_VECTOR = "SELECT memory_rowid, embedding, strength FROM memories"
_BY_ROWID = f"{SELECT} WHERE memory_rowid = ?"
_NAME = "tier = ? AND profile_id = ? AND key = ?"
_WAITING_ROWS = f"""
{SELECT} WHERE {_HOLDS} AND (profile_id, key) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:names))
"""  # noqa: S608 - constants only


class Memories:
    """The table of memories. One instance a database.

    A recall is noted in memory and written with the next transaction of any table, so that no
    answer waits for the disk; every method counts what waits. A power cut before loses it. Every
    method may raise STORAGE_FULL or STORAGE_UNAVAILABLE, but touch.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._touches = Touches()
        database.before_commit(self._touches.write_some)

    def put(self, memories: Sequence[Memory]) -> None:
        """Adds or replaces by (tier, profile_id, key), all or none.

        What is replaced leaves its accesses, added to the new one's, and the earlier created_at.
        """
        with self._database.transaction() as connection:
            for memory in memories:
                known = self._one(connection, name_of(memory))
                connection.execute(_PUT, memory_values(memory.succeeding(known)))

    def get(self, tier: Tier, profile_id: str, key: str) -> Memory | None:
        """The memory of that name, be it past its time."""
        with self._database.read() as connection:
            found = self._one(connection, (tier, profile_id, key))
        return None if found is None else self._touches.applied(found)

    def pages(
        self, tier: Tier, query: MemoryQuery, now: datetime, without: str = ""
    ) -> Iterator[MemoryPage]:
        """Those that the query holds for, similarity apart, strongest first, page by page.

        Its tiers and limit are passed over. Other threads may write between pages.

        Args:
            tier: which.
            query: what they must have.
            now: what is past its time then is left out.
            without: leaves out those with a vector of this encoder; empty = none.
        """
        where = _where(tier, query, now, without)
        # Those with touches that wait come first: in the index they stand lower than they are.
        early = self._waiting_rows(tier, where)
        yield MemoryPage(tuple(self._touches.applied(memory) for memory in early), math.inf)
        given = {name_of(memory) for memory in early}
        for rows in self._pages(SELECT, where, _PAGE):
            found = (memory_of(row) for row in rows)
            yield MemoryPage(tuple(m for m in found if name_of(m) not in given), rows[-1][-1])

    def nearest(
        self, tier: Tier, query: MemoryQuery, now: datetime, scan: int
    ) -> list[tuple[Memory, float]]:
        """The query.limit memories nearest to its vector, and those as near as the last of them.

        Only memories with a vector of the query's encoder are compared: the `scan` strongest that
        the query holds for. Each with its cosine; in no order.
        """
        if query.vector is None:
            return []
        where = _where(tier, query, now) | {"model": query.model_version}
        rowids: list[int] = []
        cosines: list[FloatArray] = []
        for rows in self._pages(_VECTOR, where, min(_VECTORS, scan)):
            packed = np.frombuffer(b"".join(row[1] for row in rows), "<f2")
            vectors = unit(packed.reshape(len(rows), -1).astype(np.float32))
            rowids += [row[0] for row in rows]
            cosines.append(vectors @ query.vector)
            if len(rowids) >= scan:
                break
        if not rowids:
            return []
        every = np.concatenate(cosines)
        least = np.partition(every, -query.limit)[-query.limit] if len(every) > query.limit else -2
        near = np.flatnonzero(every >= least - _SAME)
        with self._database.read() as connection:
            rows = [connection.execute(_BY_ROWID, (rowids[place],)).fetchone() for place in near]
        found = (self._touches.applied(memory_of(row)) for row in rows if row is not None)
        return [(memory, query.similarity(memory)) for memory in found]

    def named(self, tier: Tier, profile_id: str | None, prefix: str, limit: int) -> list[Memory]:
        """The first `limit` memories, by name, whose key begins with `prefix`; None = anybody's."""
        whose = "" if profile_id is None else "AND profile_id = :profile_id "
        with self._database.read() as connection:
            rows = connection.execute(
                f"{SELECT} WHERE tier = :tier {whose}AND key >= :prefix "
                "AND substr(key, 1, length(:prefix)) = :prefix "
                "ORDER BY profile_id, key LIMIT :limit",
                {
                    "tier": int(tier),
                    "profile_id": profile_id,
                    "prefix": prefix,
                    "limit": limit,
                },
            ).fetchall()
        return [self._touches.applied(memory_of(row)) for row in rows]

    def count(self, tier: Tier) -> int:
        """Number of memories of a tier."""
        with self._database.read() as connection:
            query = "SELECT count(*) FROM memories WHERE tier = ?"
            return int(connection.execute(query, (int(tier),)).fetchone()[0])

    def remove(self, memories: Sequence[Memory]) -> int:
        """Deletes by name, all or none; the number that were there."""
        removed = 0
        with self._database.transaction() as connection:
            for memory in memories:
                done = connection.execute(f"DELETE FROM memories WHERE {_NAME}", name_of(memory))  # noqa: S608 - constants only
                removed += done.rowcount
        for memory in memories:
            self._touches.drop(*name_of(memory))
        return removed

    def touch(self, memories: Sequence[Memory], at: datetime) -> None:
        """Notes a recall at `at` of each, without touching the disk. The latest 1,000 wait."""
        self._touches.note(memories, at)

    def flush(self) -> None:
        """Writes what waits, for an orderly stop."""
        with self._database.transaction() as connection:
            self._touches.write(connection)

    def expired(self, tier: Tier, now: datetime, limit: int) -> list[Memory]:
        """The first `limit` whose time is over, soonest first."""
        clause = "tier = ? AND expires_at <= ? ORDER BY expires_at, memory_rowid LIMIT ?"
        return self._counted(clause, int(tier), to_micros(now), limit)

    def early(
        self,
        tier: Tier,
        now: datetime,
        above: tuple[float, int],
        after: tuple[str, str] | None,
        limit: int,
    ) -> list[Memory]:
        """Living ones above an importance or a number of accesses, by name, after `after`.

        Args:
            tier: which.
            now: what is past its time then is left out.
            above: importance and accesses; more of either will do.
            after: profile_id and key; None = from the first.
            limit: most memories.
        """
        return self._counted(
            "tier = ? AND (expires_at IS NULL OR expires_at > ?) "
            "AND (importance > ? OR access_count > ?) AND (profile_id, key) > (?, ?) "
            "ORDER BY profile_id, key LIMIT ?",
            int(tier),
            to_micros(now),
            *above,
            *(after or ("", "")),
            limit,
        )

    def weakest(self, tier: Tier, now: datetime, limit: int) -> list[Memory]:
        """The `limit` memories of least relevance, least first; of equals the oldest."""
        micros = to_micros(now)
        with self._database.transaction() as connection:
            self._touches.write(connection)
            # Without the vectors: a tier may hold 10,000.
            narrow = connection.execute(
                "SELECT memory_rowid, importance, access_count, accessed_at, created_at "
                "FROM memories WHERE tier = ?",
                (int(tier),),
            ).fetchall()
            least = heapq.nsmallest(
                limit,
                (
                    (relevance_of(tier, each[1], each[2], _micros(micros - each[3])), each[4], i)
                    for i, each in enumerate(narrow)
                ),
            )
            rows = [connection.execute(_BY_ROWID, (narrow[i][0],)).fetchone() for _, _, i in least]
        return [memory_of(row) for row in rows]

    def forget_profile(self, tier: Tier, profile_id: str) -> int:
        """Deletes all of a profile in a tier; the number."""
        self._touches.drop(tier, profile_id)
        return self._delete("tier = ? AND profile_id = ?", int(tier), profile_id)

    def clear(self, tier: Tier) -> int:
        """Deletes all of a tier; the number."""
        self._touches.drop(tier)
        return self._delete("tier = ?", int(tier))

    def _delete(self, where: str, *parameters: str | int) -> int:
        with self._database.transaction() as connection:
            return connection.execute(f"DELETE FROM memories WHERE {where}", parameters).rowcount  # noqa: S608 - constants only

    def _counted(self, clause: str, *parameters: str | float) -> list[Memory]:
        """Rows with every touch that waited written first."""
        with self._database.transaction() as connection:
            self._touches.write(connection)
            rows = connection.execute(f"{SELECT} WHERE {clause}", parameters).fetchall()
        return [memory_of(row) for row in rows]

    def _pages(
        self, select: str, where: Mapping[str, object], size: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Rows, strongest first, whose first column is the rowid and whose last is strength."""
        more = " AND embedding IS NOT NULL AND model_version = :model" if "model" in where else ""
        last, rowid = _ABOVE_ALL, 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    f"{select} WHERE (strength, memory_rowid) < (:strength, :rowid) "
                    f"AND {_HOLDS}{more} ORDER BY strength DESC, memory_rowid DESC LIMIT :limit",
                    {**where, "strength": last, "rowid": rowid, "limit": size},
                ).fetchall()
            if not rows:
                return
            last, rowid = rows[-1][-1], rows[-1][0]
            yield rows

    def _one(self, connection: sqlite3.Connection, name: MemoryName) -> Memory | None:
        row = connection.execute(f"{SELECT} WHERE {_NAME}", name).fetchone()
        return None if row is None else memory_of(row)

    def _waiting_rows(self, tier: Tier, where: Mapping[str, object]) -> list[Memory]:
        names = self._touches.names(tier)
        if not names:
            return []
        with self._database.read() as connection:
            rows = connection.execute(
                _WAITING_ROWS,
                {**where, "names": json.dumps(names, ensure_ascii=False)},
            ).fetchall()
        return [memory_of(row) for row in rows]


def _where(tier: Tier, query: MemoryQuery, now: datetime, without: str = "") -> dict[str, object]:
    start, before = query.created_from, query.created_before
    return {
        "tier": int(tier),
        "now": to_micros(now),
        "profile_id": query.profile_id,
        "created_from": None if start is None else to_micros(start),
        "created_before": None if before is None else to_micros(before),
        "min_importance": query.min_importance,
        "min_confidence": query.min_confidence,
        "metadata": json.dumps(dict(query.metadata), ensure_ascii=False),
        "without": without,
    }


def _micros(count: int) -> timedelta:
    return timedelta(microseconds=count)
