"""Recalls of memories that wait to be written with somebody's transaction."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from omega_core.memory import Memory, Tier, strength_of
from omega_persistence.times import to_micros

WAITING = 1_000
"""Memories whose recalls wait at most; those recalled longest ago are forgotten first."""
BATCH = 50
"""Memories that one transaction of somebody else writes at most, so that none is slow."""
MemoryName = tuple[Tier, str, str]
"""tier, profile_id and key."""
_NAMED = "WHERE tier = ? AND profile_id = ? AND key = ?"
_READ = f"SELECT importance, access_count, accessed_at FROM memories {_NAMED}"  # noqa: S608 - constants only
_WRITE = f"UPDATE memories SET access_count = ?, accessed_at = ?, strength = ? {_NAMED}"  # noqa: S608 - constants only


class Touches:
    """What waits. Safe to share between threads."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: dict[MemoryName, tuple[int, datetime]] = {}

    def note(self, memories: Sequence[Memory], at: datetime) -> None:
        """Notes a recall of each."""
        with self._mutex:
            for name in map(name_of, memories):
                times, last = self._waiting.pop(name, (0, at))
                self._waiting[name] = (times + 1, max(last, at))
            for name in list(islice(self._waiting, max(len(self._waiting) - WAITING, 0))):
                del self._waiting[name]

    def names(self, tier: Tier) -> list[tuple[str, str]]:
        """profile_id and key of each memory of a tier that has some."""
        with self._mutex:
            return [name[1:] for name in self._waiting if name[0] is tier]

    def applied(self, memory: Memory) -> Memory:
        """The memory with what waits for it."""
        with self._mutex:
            waiting = self._waiting.get(name_of(memory))
        return memory if waiting is None else memory.accessed(waiting[1], waiting[0])

    def drop(self, tier: Tier, profile_id: str | None = None, key: str | None = None) -> None:
        """Forgets those of a tier, of a profile in it, or of one memory."""
        with self._mutex:
            if profile_id is not None and key is not None:
                self._waiting.pop((tier, profile_id, key), None)
                return
            for name in list(self._waiting):
                if name[0] is tier and profile_id in {None, name[1]}:
                    del self._waiting[name]

    def write_some(self, connection: sqlite3.Connection) -> None:
        """Writes those that wait longest, at most BATCH."""
        self.write(connection, BATCH)

    def write(self, connection: sqlite3.Connection, limit: int = WAITING) -> None:
        """Writes at most `limit`."""
        # Taken before the commit is known to succeed: a count lost on a full disk is no loss.
        with self._mutex:
            taken = dict(islice(self._waiting.items(), limit))
            for name in taken:
                del self._waiting[name]
        for name, (times, at) in taken.items():
            known = connection.execute(_READ, name).fetchone()
            if known is not None:
                importance, count, last = known
                values = (
                    count + times,
                    max(last, to_micros(at)),
                    strength_of(importance, count + times),
                )
                connection.execute(_WRITE, (*values, *name))


def name_of(memory: Memory) -> MemoryName:
    """What names a memory in the table."""
    return memory.tier, memory.profile_id, memory.key
