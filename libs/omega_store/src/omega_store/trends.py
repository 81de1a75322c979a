"""Trends of the newest state, by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from psycopg.rows import class_row

from omega_core import limits
from omega_store.pool import Connection

EVERYWHERE = ""
"""Region of what rises over all regions."""


@dataclass(frozen=True)
class TrendList:
    """Trends as a round found them; no region and no title = there are none."""

    catalogue_version: int = 0
    """Catalogue whose ordinals they use, from 1; 0 = there are none."""
    at: datetime | None = None
    """When the scores held; None = there are none."""
    by_region: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """Region -> ordinal -> score, above 0, at most 1; at most 32 titles a region."""

    def __post_init__(self) -> None:
        if bool(self.by_region) != bool(self.catalogue_version and self.at):
            raise ValueError("trends come with their catalogue and instant, or not at all")
        if not all(1 <= len(each) <= limits.MAX_TRENDS for each in self.by_region.values()):
            raise ValueError(f"1 to {limits.MAX_TRENDS} trends a region")


NO_TRENDS = TrendList()
"""Nothing rises."""


@dataclass(frozen=True)
class RegionTrend:
    """A trend as a TV of some region gets it."""

    ordinal: int
    """Position in the catalogue's index."""
    score: float
    """Above 0, at most 1."""
    regional: bool
    """Whether it rises in that region; else over all."""


def current(conn: Connection) -> TrendList:
    """The trends in force; call it in a transaction that sees one instant."""
    stated = conn.execute(
        "SELECT trends_catalogue_version, trends_at FROM states ORDER BY version DESC LIMIT 1"
    ).fetchone()
    if stated is None or not stated[0]:
        return NO_TRENDS
    by_region: dict[str, dict[int, float]] = {}
    for region, ordinal, score in conn.execute("SELECT region, ordinal, score FROM trends"):
        by_region.setdefault(region, {})[ordinal] = score
    version, at = stated
    return TrendList(version, at, by_region)


def regions(conn: Connection) -> frozenset[str]:
    """Regions that have trends of their own."""
    rows = conn.execute("SELECT DISTINCT region FROM trends WHERE region <> ''").fetchall()
    return frozenset(region for (region,) in rows)


def of_region(conn: Connection, region: str) -> tuple[RegionTrend, ...]:
    """What a TV of a region gets, strongest first, at most 32: what rises there and everywhere.

    A title that does both is told once, as what it is with the greater score.
    """
    rows = conn.execute(
        "SELECT ordinal, score, region <> '' FROM ("
        "  SELECT DISTINCT ON (ordinal) ordinal, score, region FROM trends"
        "  WHERE region IN ('', %s) ORDER BY ordinal, score DESC, region DESC"
        ") AS each ORDER BY score DESC, ordinal LIMIT %s",
        (region, limits.MAX_TRENDS),
    ).fetchall()
    return tuple(RegionTrend(*row) for row in rows)


@dataclass(frozen=True)
class NamedTrend:
    """A trend as operators see it."""

    content_id: str
    """The title."""
    title: str
    """Its name."""
    score: float
    """Above 0, at most 1."""


def named(conn: Connection, region: str) -> list[NamedTrend]:
    """What rises in a region (EVERYWHERE = over all), strongest first, at most 32."""
    with conn.cursor(row_factory=class_row(NamedTrend)) as cursor:
        cursor.execute(
            "SELECT content_id, title, score FROM trends JOIN contents USING (ordinal)"
            " WHERE region = %s ORDER BY score DESC, ordinal LIMIT %s",
            (region, limits.MAX_TRENDS),
        )
        return cursor.fetchall()


def stated_at(conn: Connection) -> datetime | None:
    """When the scores in force held; None = there are none."""
    row = conn.execute("SELECT trends_at FROM states ORDER BY version DESC LIMIT 1").fetchone()
    return row[0] if row else None


def replace(conn: Connection, trends: TrendList) -> None:
    """Puts other trends in force; states.publish() does it."""
    conn.execute("DELETE FROM trends")
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO trends (region, ordinal, score) VALUES (%s, %s, %s)",
            [
                (region, ordinal, score)
                for region, titles in trends.by_region.items()
                for ordinal, score in titles.items()
            ],
        )
