"""What a brain that is killed again and again has acknowledged, and must therefore hold."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Due:
    """What is known of the events at a moment when nothing is under way."""

    safe: frozenset[str]
    """Acknowledged, and held by the last backup that was acknowledged."""
    later: frozenset[str]
    """Acknowledged since."""
    unsure: frozenset[str]
    """Sent and not acknowledged: each may be stored or not."""
    doomed: frozenset[str]
    """Acknowledged before an erasure began that was not: all of them are there or none."""


@dataclass
class Ledger:
    """Ids of events, by what was said of them. Safe for threads."""

    _kept: set[str] = field(default_factory=set)
    _safe: set[str] = field(default_factory=set)
    _unsure: set[str] = field(default_factory=set)
    _doomed: set[str] = field(default_factory=set)
    _erasing: bool = False
    _age: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    acknowledged: int = 0
    """Events acknowledged so far, the erased ones too."""

    def sent(self, ids: Iterable[str]) -> int:
        """They are about to be sent; the number is for `stored`."""
        with self._lock:
            self._unsure.update(ids)
            return self._age

    def stored(self, ids: Iterable[str], age: int) -> None:
        """They were acknowledged."""
        with self._lock:
            ids = set(ids)
            self.acknowledged += len(ids)
            # One that was stored while the household was being erased may be either side of it.
            if age == self._age and not self._erasing:
                self._unsure -= ids
                self._kept |= ids

    def refused(self, ids: Iterable[str]) -> None:
        """They were refused: none of them was stored."""
        with self._lock:
            self._unsure.difference_update(ids)

    def erasing(self) -> None:
        """The household is about to be erased."""
        with self._lock:
            self._doomed, self._kept, self._erasing = self._kept, set(), True
            self._safe = set()
            self._age += 1

    def erased(self) -> None:
        """The erasure was acknowledged: nothing of before is there."""
        with self._lock:
            self._doomed, self._erasing = set(), False
            self._age += 1

    def backed_up(self) -> None:
        """All that was acknowledged stands in a backup."""
        with self._lock:
            self._safe = set(self._kept)

    def due(self) -> Due:
        """What a start must show."""
        with self._lock:
            return Due(
                frozenset(self._safe),
                frozenset(self._kept - self._safe),
                frozenset(self._unsure),
                frozenset(self._doomed),
            )

    def settled(self) -> None:
        """Every event was sent again and is there now."""
        with self._lock:
            self._kept |= self._unsure | self._doomed
            self._unsure, self._doomed, self._erasing = set(), set(), False
