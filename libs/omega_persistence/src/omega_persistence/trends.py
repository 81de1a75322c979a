"""What the fleet says is on the rise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from omega_core import limits, validate
from omega_core.errors import invalid
from omega_persistence import keys
from omega_persistence.database import Database
from omega_persistence.times import from_micros, to_micros

_MOST_ORDINAL = 2**32 - 1


@dataclass(frozen=True)
class StoredTrend:
    """A title on the rise."""

    ordinal: int
    """Position in the fleet's catalogue index."""
    score: float
    """How strong it was, above 0, at most 1."""
    regional: bool
    """True: in this TV's region. False: over all regions."""


@dataclass(frozen=True)
class HeldTrends:
    """All of them."""

    at: datetime
    """When the scores held, in UTC; they fade from then on."""
    titles: tuple[StoredTrend, ...]
    """At least one; strongest first."""


class Trends:
    """The table of trends. It may raise STORAGE_UNAVAILABLE, a write STORAGE_FULL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, at: datetime, titles: Sequence[StoredTrend]) -> None:
        """Puts these in the place of those that are held, all or nothing.

        Args:
            at: when their scores held, aware.
            titles: at most 32, each ordinal once; empty = there are none any more.

        Raises:
            OmegaError: INVALID_FIELD, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        validate.count("delta.trends", titles, limits.MAX_TRENDS)
        rows = [_values(trend, f"delta.trends[{i}]") for i, trend in enumerate(titles)]
        if len({row[0] for row in rows}) < len(rows):
            raise invalid("delta.trends", "free of duplicates")
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM trends")
            connection.executemany("INSERT INTO trends VALUES (?, ?, ?)", rows)
            if rows:
                connection.execute(keys.SET, (keys.TRENDS_AT, str(to_micros(at))))
            else:
                connection.execute("DELETE FROM meta WHERE key = ?", (keys.TRENDS_AT,))

    def held(self) -> HeldTrends | None:
        """What is held; None = nothing."""
        with self._database.read() as connection:
            at = connection.execute(
                "SELECT value FROM meta WHERE key = ?", (keys.TRENDS_AT,)
            ).fetchone()
            rows = connection.execute(
                "SELECT ordinal, score, regional FROM trends ORDER BY score DESC, ordinal"
            ).fetchall()
        if at is None or not rows:
            return None
        titles = tuple(
            StoredTrend(ordinal, score, bool(regional)) for ordinal, score, regional in rows
        )
        return HeldTrends(from_micros(int(at[0])), titles)


def _values(trend: StoredTrend, at: str) -> tuple[int, float, int]:
    score = validate.number(f"{at}.score", trend.score, 0, 1)
    if not score:
        raise invalid(f"{at}.score", "above 0")
    return (
        validate.integer(f"{at}.ordinal", trend.ordinal, 0, _MOST_ORDINAL),
        score,
        int(trend.regional),
    )
