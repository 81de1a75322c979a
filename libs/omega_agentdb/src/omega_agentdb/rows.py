"""Unit vectors in numbered slots, and the exact search over them."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from omega_agentdb.port import IdArray, SearchResult
from omega_agentdb.table import RowType, table
from omega_core.vectors import FloatArray

DEAD = -1
"""Stands in `Rows.ids` where a slot holds no living vector."""
_LEAST_CAPACITY = 64
_SPARSE = 8
"""Highest id per living vector up to which slots are looked up in a table."""


class Rows:
    """An append-only table of (id, unit vector). Not safe for threads by itself.

    A slot is written once: a new vector of a known id takes a new slot and the old one dies. So
    slots can serve as labels of a graph that must never see a vector change under it.
    """

    def __init__(self, dimension: int, row_type: RowType, capacity: int = 0) -> None:
        self.capacity = max(capacity, _LEAST_CAPACITY)
        self.used = 0
        self.ids: IdArray = np.full(self.capacity, DEAD, np.int64)
        self._table = table(row_type, dimension, self.capacity)
        self._known: IdArray = np.empty(0, np.int64)  # living ids, ascending
        self._slots: IdArray = np.empty(0, np.int64)  # their slots, in the same order
        self._slot_of_id: IdArray = np.empty(0, np.int64)  # by id; empty where ids are sparse

    def __len__(self) -> int:
        return int(self._known.size)

    @property
    def dead(self) -> int:
        """Slots whose vector was removed or replaced."""
        return self.used - len(self)

    def living(self) -> tuple[IdArray, IdArray]:
        """Living ids (n,) ascending, and their slots (n,)."""
        return self._known, self._slots

    def slots_of(self, ids: IdArray) -> IdArray:
        """Slots of the living ones among `ids`, each once, ascending."""
        known = self._known
        if not known.size:
            return known
        if self._slot_of_id.size:
            slots = self._slot_of_id[ids[ids < self._slot_of_id.size]]
            slots = slots[slots != DEAD]
        else:
            at = np.minimum(np.searchsorted(known, ids), known.size - 1)
            slots = self._slots[at[known[at] == ids]]
        wanted = np.zeros(self.used, np.bool_)
        wanted[slots] = True
        return np.flatnonzero(wanted)

    def reserve(self, extra: int) -> int:
        """Makes room for `extra` more slots by doubling; returns the capacity."""
        needed = self.used + extra
        if needed > self.capacity:
            capacity = self.capacity
            while capacity < needed:
                capacity *= 2
            ids = np.full(capacity, DEAD, np.int64)
            ids[: self.used] = self.ids[: self.used]
            self._table.grow(self.used, capacity)
            self.capacity, self.ids = capacity, ids
        return self.capacity

    def append(self, ids: IdArray, vectors: FloatArray) -> IdArray:
        """Gives distinct ids new slots; returns the slots that died of it. Room is reserved."""
        replaced = self.slots_of(ids)
        self._table.put(self.used, vectors)
        self.ids[self.used : self.used + ids.size] = ids
        self.ids[replaced] = DEAD
        self.used += int(ids.size)
        self._index_living()
        return replaced

    def kill(self, slots: IdArray) -> None:
        """Lets living slots die."""
        self.ids[slots] = DEAD
        self._index_living()

    def stored(self, vectors: FloatArray) -> FloatArray:
        """Unit vectors (n, d) as the table would give them back."""
        return self._table.stored(vectors)

    def vectors(self, slots: IdArray) -> FloatArray:
        """Unit vectors (n, d) float32 of slots (n,)."""
        return self._table.take(slots)

    def vectors_of(self, ids: IdArray) -> FloatArray:
        """Unit vectors (n, d) float32 of the living ones among `ids`, by ascending id."""
        return self.vectors(self.slots_in_order(ids))

    def slots_in_order(self, ids: IdArray) -> IdArray:
        """Slots of the living ones among `ids`, by ascending id."""
        slots = self.slots_of(ids)
        return slots[np.argsort(self.ids[slots])]

    def kept(self, slots: IdArray) -> FloatArray:
        """Rows (n, d) of slots (n,) for `append` to another table, to the last bit."""
        return self._table.kept(slots)

    def write(self, file: BinaryIO) -> None:
        """Writes every used slot, in the byte order of the machine."""
        file.write(self.ids[: self.used].tobytes())
        self._table.write(self.used, file)

    def read(self, used: int, file: BinaryIO) -> None:
        """Reads what `write` wrote into an empty table. Room is reserved.

        Raises:
            ValueError: the file does not hold so many slots.
        """
        self.ids[:used] = np.frombuffer(file.read(8 * used), np.int64, used)
        self._table.read(used, file)
        if file.read(1):
            raise ValueError(f"{file.name} holds more than {used} slots")
        self.used = used
        self._index_living()

    def nearest(self, query: FloatArray, k: int, slots: IdArray | None = None) -> SearchResult:
        """The exact nearest of living `slots` (None = all) to a unit vector."""
        if slots is None:
            slots = self._slots
        if not slots.size:
            return SearchResult(np.empty(0, np.int64), np.empty(0, np.float32))
        # Gathering rows costs about four times their share of a pass over the whole table.
        if 4 * slots.size < self.used:
            cosines = self._table.cosines(query, slots)
        else:
            cosines = self._table.cosines(query, self.used)[slots]
        return top(self.ids[slots], cosines, k)

    def _index_living(self) -> None:
        slots = np.flatnonzero(self.ids[: self.used] != DEAD)
        order = np.argsort(self.ids[slots], kind="stable")
        self._slots = slots[order]
        self._known = self.ids[self._slots]
        # A table is ten times as fast as a search, and rowids lie close together.
        size = int(self._known[-1]) + 1 if self._known.size else 0
        dense = size <= _SPARSE * (self._known.size + _LEAST_CAPACITY)
        self._slot_of_id = np.full(size if dense else 0, DEAD, np.int64)
        if dense:
            self._slot_of_id[self._known] = self._slots


def top(ids: IdArray, cosines: FloatArray, k: int) -> SearchResult:
    """The k greatest cosines, descending; equal ones by ascending id. float32 within -1 to 1."""
    if k < ids.size:
        least = np.partition(cosines, ids.size - k)[ids.size - k]
        keep = np.flatnonzero(cosines >= least)
        ids, cosines = ids[keep], cosines[keep]
    order = np.lexsort((ids, -cosines))[:k]
    return SearchResult(ids[order], np.clip(cosines[order], -1.0, 1.0))
