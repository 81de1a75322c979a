"""Lists that were served, so that later events can be told which list led to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from omega_persistence.database import Database

KEPT = 1_000
"""Newest lists that are kept."""


@dataclass(frozen=True)
class ServedList:
    """One answer."""

    recommendation_id: str
    """A UUID of 36 characters."""
    served_at: datetime
    """When, in UTC."""
    content_ids: tuple[str, ...]
    """What it held, best first."""


class Recommendations:
    """Served lists. Best effort: an answer must not wait for the disk.

    A list waits in memory and is written with the next transaction of any repository; one that
    never comes, or fails, loses it. Events keep their recommendation_id either way.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def log_recommendation(
        self, recommendation_id: str, served_at: datetime, content_ids: Sequence[str]
    ) -> None:
        """Remembers a list without touching the disk."""
        raise NotImplementedError

    def get(self, recommendation_id: str) -> ServedList | None:
        """The list of that id, waiting or stored; None when unknown or no longer kept."""
        raise NotImplementedError

    def flush(self) -> None:
        """Writes what waits, for an orderly stop.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; what waited is dropped.
        """
        raise NotImplementedError
