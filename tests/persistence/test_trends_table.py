"""Trends come and go as a whole; titles remember when they came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from omega_core.clock import ManualClock
from omega_core.content import Content, ContentKind
from omega_core.errors import OmegaError
from omega_core.vectors import unit
from omega_persistence import Contents, Database, HeldTrends, StoredContent, StoredTrend, Trends

AT = datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=UTC)
RISING = (StoredTrend(7, 0.75, regional=True), StoredTrend(4_000_000_000, 0.5, regional=False))


def stored(*ids: str) -> list[StoredContent]:
    vectors = np.random.default_rng(len(ids)).normal(size=(len(ids), 384)).astype(np.float32)
    return [
        StoredContent(
            content=Content(each, each, ContentKind.MOVIE), embedding=vector, model_version="m1"
        )
        for each, vector in zip(ids, unit(vectors), strict=True)
    ]


def test_none_is_held_at_first(database: Database) -> None:
    assert Trends(database).held() is None


def test_they_survive_a_restart_as_they_were(
    database: Database, path: Path, clock: ManualClock
) -> None:
    Trends(database).replace(AT, RISING[::-1])
    database.close()
    again = Database.open(path, clock=clock)
    assert Trends(again).held() == HeldTrends(AT, RISING)
    again.close()


def test_others_take_their_place(database: Database) -> None:
    trends = Trends(database)
    trends.replace(AT, RISING)
    trends.replace(AT + timedelta(hours=1), [StoredTrend(9, 1.0, regional=False)])
    held = trends.held()
    assert held is not None
    assert (held.at, [t.ordinal for t in held.titles]) == (AT + timedelta(hours=1), [9])
    trends.replace(AT, ())
    assert trends.held() is None


@pytest.mark.parametrize(
    ("titles", "field"),
    [
        ([StoredTrend(-1, 0.5, regional=True)], "delta.trends[0].ordinal"),
        ([StoredTrend(2**32, 0.5, regional=True)], "delta.trends[0].ordinal"),
        ([RISING[0], StoredTrend(1, 0.0, regional=True)], "delta.trends[1].score"),
        ([StoredTrend(1, 1.5, regional=True)], "delta.trends[0].score"),
        ([StoredTrend(1, float("nan"), regional=True)], "delta.trends[0].score"),
        ([RISING[0], RISING[0]], "delta.trends"),
        ([StoredTrend(i, 0.5, regional=True) for i in range(33)], "delta.trends"),
    ],
)
def test_bad_ones_change_nothing(database: Database, titles: list[StoredTrend], field: str) -> None:
    trends = Trends(database)
    trends.replace(AT, RISING)
    with pytest.raises(OmegaError) as caught:
        trends.replace(AT, titles)
    assert caught.value.field == field
    assert trends.held() == HeldTrends(AT, RISING)


def test_titles_that_come_later_are_news_the_first_ones_are_not(
    database: Database, clock: ManualClock
) -> None:
    contents = Contents(database)
    contents.upsert(stored("a"))
    clock.advance(timedelta(hours=20))
    contents.upsert(stored("b"))
    assert contents.arrivals(clock.now() - timedelta(days=30)) == {}
    clock.advance(timedelta(days=2))
    contents.upsert(stored("b", "c"))
    came = clock.now()
    rows = contents.by_ids(["a", "b", "c"])
    assert contents.arrivals(came - timedelta(days=30)) == {rows["c"].rowid: came}
    clock.advance(timedelta(days=1))
    contents.upsert(stored("c", "d"))
    assert contents.arrivals(came) == {
        rows["c"].rowid: came,
        contents.by_ids(["d"])["d"].rowid: clock.now(),
    }
    assert contents.arrivals(clock.now() + timedelta(microseconds=1)) == {}


def test_what_comes_after_an_upgrade_is_news_at_once(
    database: Database, clock: ManualClock
) -> None:
    contents = Contents(database)
    contents.upsert(stored("a", "b"))
    with database.transaction() as connection:
        connection.execute("UPDATE contents SET added_at = NULL")
    contents.upsert(stored("c"))
    rowid = contents.by_ids(["c"])["c"].rowid
    assert contents.arrivals(clock.now() - timedelta(days=1)) == {rowid: clock.now()}
