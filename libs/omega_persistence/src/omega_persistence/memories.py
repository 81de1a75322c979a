"""Memories of the tiers that have no table of their own."""

from __future__ import annotations

import heapq
import json
import math
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from omega_core.memory import Memory, MemoryPage, MemoryQuery, Tier, relevance_of, strength
from omega_persistence.database import Database
from omega_persistence.memory_rows import COLUMNS, SELECT, memory_of, memory_values
from omega_persistence.times import to_micros

_PAGE = 250
_WAITING = 1_000
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
AND importance >= :min_importance AND confidence >= :min_confidence
AND NOT EXISTS (
    SELECT 1 FROM json_each(:metadata) AS wanted WHERE NOT EXISTS (
        SELECT 1 FROM json_each(memories.metadata) AS own
        WHERE own.key = wanted.key AND own.value = wanted.value))
"""
_NAME = "tier = ? AND profile_id = ? AND key = ?"
_WAITING_ROWS = f"""
{SELECT} WHERE {_HOLDS} AND (profile_id, key) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:names))
"""  # noqa: S608 - constants only
_TOUCH = f"UPDATE memories SET access_count = ?, accessed_at = ?, strength = ? WHERE {_NAME}"  # noqa: S608 - constants only
_Key = tuple[Tier, str, str]


class Memories:
    """The table of memories. One instance a database.

    A recall is noted in memory and written with the next transaction of any table, so that no
    answer waits for the disk; every method counts what waits. A power cut before loses it. Every
    method may raise STORAGE_FULL or STORAGE_UNAVAILABLE, but touch.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._touched: dict[_Key, tuple[int, datetime]] = {}
        database.before_commit(self._write_touches)

    def put(self, memories: Sequence[Memory]) -> None:
        """Adds or replaces by (tier, profile_id, key), all or none.

        What is replaced leaves its accesses, added to the new one's, and the earlier created_at.
        """
        with self._database.transaction() as connection:
            self._write_touches(connection)
            for memory in memories:
                known = self._one(connection, _key(memory))
                connection.execute(_PUT, memory_values(memory.succeeding(known)))

    def get(self, tier: Tier, profile_id: str, key: str) -> Memory | None:
        """The memory of that name, be it past its time."""
        with self._database.read() as connection:
            found = self._one(connection, (tier, profile_id, key))
        return None if found is None else self._with_touches(found)

    def pages(self, tier: Tier, query: MemoryQuery, now: datetime) -> Iterator[MemoryPage]:
        """Those that the query holds for, similarity apart, strongest first, page by page.

        Its tiers and limit are passed over. Other threads may write between pages.
        """
        where = {
            "tier": int(tier),
            "now": to_micros(now),
            "profile_id": query.profile_id,
            "created_from": None if not query.created_from else to_micros(query.created_from),
            "created_before": None if not query.created_before else to_micros(query.created_before),
            "min_importance": query.min_importance,
            "min_confidence": query.min_confidence,
            "metadata": json.dumps(dict(query.metadata), ensure_ascii=False),
        }
        # Those with touches that wait come first: in the index they stand lower than they are.
        early = self._waiting_rows(where)
        yield MemoryPage(tuple(self._with_touches(memory) for memory in early), math.inf)
        given = {_key(memory) for memory in early}
        last, rowid = _ABOVE_ALL, 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    f"{SELECT} WHERE (strength, memory_rowid) < (:strength, :rowid) AND {_HOLDS} "
                    "ORDER BY strength DESC, memory_rowid DESC LIMIT :limit",
                    {**where, "strength": last, "rowid": rowid, "limit": _PAGE},
                ).fetchall()
            if not rows:
                return
            last, rowid = rows[-1][15], rows[-1][0]
            found = (memory_of(row) for row in rows)
            yield MemoryPage(tuple(m for m in found if _key(m) not in given), last)

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
        return [self._with_touches(memory_of(row)) for row in rows]

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
                done = connection.execute(f"DELETE FROM memories WHERE {_NAME}", _key(memory))  # noqa: S608 - constants only
                removed += done.rowcount
        with self._mutex:
            for memory in memories:
                self._touched.pop(_key(memory), None)
        return removed

    def touch(self, memories: Sequence[Memory], at: datetime) -> None:
        """Notes a recall at `at` of each, without touching the disk. The latest 1,000 wait."""
        with self._mutex:
            for key in map(_key, memories):
                count, last = self._touched.pop(key, (0, at))
                self._touched[key] = (count + 1, max(last, at))
            while len(self._touched) > _WAITING:
                del self._touched[next(iter(self._touched))]

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
            self._write_touches(connection)
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
            rows = [
                connection.execute(f"{SELECT} WHERE memory_rowid = ?", (narrow[i][0],)).fetchone()
                for _, _, i in least
            ]
        return [memory_of(row) for row in rows]

    def forget_profile(self, tier: Tier, profile_id: str) -> int:
        """Deletes all of a profile in a tier; the number."""
        return self._delete("tier = ? AND profile_id = ?", int(tier), profile_id)

    def clear(self, tier: Tier) -> int:
        """Deletes all of a tier; the number."""
        return self._delete("tier = ?", int(tier))

    def _delete(self, where: str, *parameters: str | int) -> int:
        with self._database.transaction() as connection:
            return connection.execute(f"DELETE FROM memories WHERE {where}", parameters).rowcount  # noqa: S608 - constants only

    def _counted(self, clause: str, *parameters: str | float) -> list[Memory]:
        """Rows with every touch that waited written first."""
        with self._database.transaction() as connection:
            self._write_touches(connection)
            rows = connection.execute(f"{SELECT} WHERE {clause}", parameters).fetchall()
        return [memory_of(row) for row in rows]

    def _one(self, connection: sqlite3.Connection, key: _Key) -> Memory | None:
        row = connection.execute(f"{SELECT} WHERE {_NAME}", key).fetchone()
        return None if row is None else memory_of(row)

    def _waiting_rows(self, where: Mapping[str, object]) -> list[Memory]:
        with self._mutex:
            names = [key[1:] for key in self._touched if key[0] == where["tier"]]
        if not names:
            return []
        with self._database.read() as connection:
            rows = connection.execute(
                _WAITING_ROWS,
                {**where, "names": json.dumps(names, ensure_ascii=False)},
            ).fetchall()
        return [memory_of(row) for row in rows]

    def _with_touches(self, memory: Memory) -> Memory:
        with self._mutex:
            waiting = self._touched.get(_key(memory))
        return memory if waiting is None else memory.accessed(waiting[1], waiting[0])

    def _write_touches(self, connection: sqlite3.Connection) -> None:
        # Taken before the commit is known to succeed: a count lost on a full disk is no loss.
        with self._mutex:
            touched, self._touched = self._touched, {}
        for key, (times, at) in touched.items():
            known = self._one(connection, key)
            if known is not None:
                memory = known.accessed(at, times)
                accessed_at = to_micros(memory.accessed_at)
                connection.execute(
                    _TOUCH, (memory.access_count, accessed_at, strength(memory), *key)
                )


def _micros(count: int) -> timedelta:
    return timedelta(microseconds=count)


def _key(memory: Memory) -> _Key:
    return memory.tier, memory.profile_id, memory.key
