"""What a tier can do, and what it asks of the tables behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum
from typing import Protocol

from omega_core.memory import Memory, MemoryPage, MemoryQuery, Recalled, Tier
from omega_core.vectors import FloatArray

Transact = Callable[[], AbstractContextManager[object]]
"""Opens a transaction: all that is written in the block is kept, or none (Database.transaction)."""
Name = tuple[str, str]
"""profile_id and key of a memory within its tier."""


class Taken(Enum):
    """What a tier makes of a memory that is to move into it."""

    KEPT = "kept"
    """It holds the memory now."""
    KNOWN = "known"
    """It held the same already."""
    REFUSED = "refused"
    """It does not want it, or not yet."""


class TierReader(Protocol):
    """A tier that can be read."""

    def get(self, profile_id: str, key: str, now: datetime) -> Memory | None:
        """The living memory of that name."""
        ...

    def search(self, query: MemoryQuery, now: datetime) -> list[Recalled]:
        """The best answers, at most query.limit, in the order of `ranking.best`."""
        ...

    def count(self) -> int:
        """Number of memories, those past their time included until they are swept."""
        ...


class TierStore(TierReader, Protocol):
    """A tier that can be written: RAM, or rows of the table of memories."""

    def put(self, memories: Sequence[Memory]) -> None:
        """Adds or replaces by name; a name that is known keeps created_at and its accesses."""
        ...

    def remove(self, memories: Sequence[Memory]) -> int:
        """Takes out those that are still as given, touches apart; the number that were."""
        ...

    def named(self, profile_id: str | None, prefix: str, limit: int) -> list[Memory]:
        """The first `limit` memories, by name, whose key begins with `prefix`; None = anybody's.

        Those past their time included.
        """
        ...

    def touch(self, memories: Sequence[Memory], at: datetime) -> None:
        """Notes that they were recalled. Never waits for the disk; a power cut may lose it."""
        ...

    @property
    def durable(self) -> bool:
        """Whether writes join the transaction that is open; else they are made at once."""
        ...

    def expired(self, now: datetime, limit: int) -> list[Memory]:
        """The first `limit` memories past their time."""
        ...

    def early(self, now: datetime, after: Name | None, limit: int) -> list[Memory]:
        """Living memories above EARLY_IMPORTANCE or EARLY_ACCESSES, by name, after `after`."""
        ...

    def surplus(self, now: datetime, limit: int) -> list[Memory]:
        """At most `limit` of those beyond the tier's capacity, least worth first."""
        ...

    def forget_profile(self, profile_id: str) -> int:
        """Takes out all of a profile; the number."""
        ...

    def clear(self) -> int:
        """Takes out everything; the number."""
        ...


class MemoryRows(Protocol):
    """The table of memories. Writes join the transaction that is open in their thread."""

    def put(self, memories: Sequence[Memory]) -> None:
        """Adds or replaces by (tier, profile_id, key), keeping created_at and the accesses."""
        ...

    def get(self, tier: Tier, profile_id: str, key: str) -> Memory | None:
        """The memory of that name."""
        ...

    def pages(
        self, tier: Tier, query: MemoryQuery, now: datetime, without: str = ""
    ) -> Iterator[MemoryPage]:
        """Those that the query holds for, similarity apart, strongest first, page by page.

        `query.tiers` and `query.limit` are passed over; `without` leaves out those with a vector of
        that encoder.
        """
        ...

    def nearest(
        self, tier: Tier, query: MemoryQuery, now: datetime, scan: int
    ) -> list[tuple[Memory, float]]:
        """The query.limit memories nearest to its vector, and those as near as the last of them.

        Among the `scan` strongest that the query holds for and that have a vector of its encoder;
        each with its cosine, in no order.
        """
        ...

    def count(self, tier: Tier) -> int:
        """Number of memories of a tier."""
        ...

    def named(self, tier: Tier, profile_id: str | None, prefix: str, limit: int) -> list[Memory]:
        """The first `limit` memories, by name, whose key begins with `prefix`; None = anybody's."""
        ...

    def remove(self, memories: Sequence[Memory]) -> int:
        """Deletes by name; the number that were there."""
        ...

    def touch(self, memories: Sequence[Memory], at: datetime) -> None:
        """Notes recalls, written with the next transaction of any table."""
        ...

    def expired(self, tier: Tier, now: datetime, limit: int) -> list[Memory]:
        """The first `limit` whose time is over, soonest first."""
        ...

    def early(
        self, tier: Tier, now: datetime, above: tuple[float, int], after: Name | None, limit: int
    ) -> list[Memory]:
        """Living ones above an importance or a number of accesses, by name, after `after`."""
        ...

    def weakest(self, tier: Tier, now: datetime, limit: int) -> list[Memory]:
        """The `limit` memories of least relevance, least first."""
        ...

    def forget_profile(self, tier: Tier, profile_id: str) -> int:
        """Deletes all of a profile in a tier; the number."""
        ...

    def clear(self, tier: Tier) -> int:
        """Deletes all of a tier; the number."""
        ...


class MemorySource(Protocol):
    """A table of its own, read as memories of one tier."""

    def get(self, profile_id: str, key: str) -> Memory | None:
        """The memory of that name."""
        ...

    def recent(self, query: MemoryQuery, limit: int) -> Sequence[Memory]:
        """The newest `limit` memories of query.profile_id, newest first by created_at.

        It may use more of the query to read less (created_from and created_before above all);
        whoever asks checks everything again.
        """
        ...

    def count(self) -> int:
        """Number of memories."""
        ...


class EpisodeSource(MemorySource, Protocol):
    """Viewings that ended, one memory each: `sources.viewing_memory`."""

    def accept(self, memory: Memory) -> Taken:
        """Offered what Session held: makes a viewing of it, in the transaction that is open.

        KNOWN when the viewing is recorded already, REFUSED when it is no viewing or not over.
        """
        ...

    def fold(self, before: datetime, limit: int) -> int:
        """Moves viewings that arrived earlier into their titles' records, oldest first.

        In the transaction that is open; `TitleRecords.fold`.

        Returns:
            How many it moved; fewer than `limit` = no other may go now.
        """
        ...

    def capacity(self, most: int, limit: int) -> int:
        """Does the same while there are more than `most`, whenever they arrived.

        `TitleRecords.capacity`.
        """
        ...


class TitleSource(Protocol):
    """The catalogue, one memory a title: `sources.title_memory`."""

    def get(self, content_id: str) -> Memory | None:
        """The title of that id."""
        ...

    def search(
        self, vector: FloatArray, model_version: str, limit: int
    ) -> Sequence[tuple[Memory, float]]:
        """The `limit` titles most similar to a unit vector (384,), with their cosines.

        Most similar first; none where the titles are of another encoder.
        """
        ...

    def page(self, after: str, limit: int) -> Sequence[Memory]:
        """The first `limit` titles with a content_id greater than `after`, in its order."""
        ...

    def count(self) -> int:
        """Number of titles."""
        ...
