"""Habits count each viewing once, whatever the order, and fade."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from omega_core.errors import OmegaError
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_memory.habits import MAX_GENRES, Habit, Habits
from omega_memory.holidays import HOLIDAYS, Holiday

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
DAY = timedelta(days=1)
Viewing = tuple[ViewingEvent, Sequence[str]]


def viewing(
    number: int, at: datetime, *genres: str, title: int | None = None, watched: float = 0.9
) -> Viewing:
    event = ViewingEvent(
        event_id=f"e{number}",
        content_id=f"c{number if title is None else title}",
        watch_percentage=watched,
        engagement_score=0.5,
        occurred_at=at,
        context=ViewingContext(time_of_day=3, mood=1),
    )
    return event, genres


def test_a_viewing_counts_by_genre_time_mood_month_and_holiday() -> None:
    christmas = datetime(2026, 12, 24, 20, tzinfo=UTC)
    habits = Habits().add(
        [viewing(1, christmas, "Drama", "War"), viewing(2, christmas, "War", watched=0.1)]
    )
    for habit, value in (
        (Habit.ALWAYS, ""),
        (Habit.TIME, "evening"),
        (Habit.MOOD, "relaxed"),
        (Habit.MONTH, "12"),
        (Habit.HOLIDAY, "Christmas"),
    ):
        assert habits.counts(habit, value) == (2, 1)
        assert habits.counts(habit, value, "War") == (2, 1)
        assert habits.counts(habit, value, "Drama") == (1, 1)
    assert habits.genres() == ["Drama", "War"]


def test_counts_halve_in_a_year_and_seasons_in_three() -> None:
    habits = Habits().add([viewing(1, NOW, "Drama")])
    later = habits.faded(NOW + 365 * DAY)
    assert later.counts(Habit.TIME, "evening", "Drama") == pytest.approx((0.5, 0.5))
    assert later.faded(NOW + 3 * 365 * DAY).counts(Habit.MONTH, "3") == pytest.approx((0.5, 0.5))
    assert later.faded(NOW) == later


def test_batches_and_order_make_no_difference() -> None:
    drawn = random.Random(5)  # noqa: S311 - a test's own numbers
    all_of_them = [
        viewing(n, NOW + n * DAY / 3, *drawn.sample(("A", "B", "C"), 2), title=n % 11)
        for n in range(300)
    ]
    at_once = Habits().add(all_of_them)
    in_turn = Habits()
    for start in range(0, 300, 7):
        batch = all_of_them[start : start + 7]
        drawn.shuffle(batch)
        in_turn = Habits.from_json(in_turn.add(batch).to_json())
    assert in_turn.cells.keys() == at_once.cells.keys()
    for cell, counts in at_once.cells.items():
        assert in_turn.cells[cell] == pytest.approx(counts)


def test_a_season_counts_a_title_once_a_month() -> None:
    series = [viewing(n, NOW + n * DAY, "Drama", title=7) for n in range(40)]
    habits = Habits().add(series)
    assert habits.counts(Habit.ALWAYS)[0] == pytest.approx(40, rel=0.05)
    months = [habits.counts(Habit.MONTH, str(m))[0] for m in (3, 4)]
    assert months == pytest.approx([1, 1], rel=0.05)


def test_months_are_local() -> None:
    at = datetime(2026, 4, 30, 23, tzinfo=UTC)
    habits = Habits().add([viewing(1, at, "Drama")], ZoneInfo("Asia/Tokyo"))
    assert habits.counts(Habit.MONTH, "5") == (1, 1)


def test_the_genres_watched_least_give_way() -> None:
    many = [viewing(n, NOW, f"g{n % 100}") for n in range(150)]
    habits = Habits().add(many)
    assert len(habits.genres()) == MAX_GENRES
    assert {f"g{n}" for n in range(50)} <= set(habits.genres())
    assert habits.counts(Habit.ALWAYS) == (150, 150)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"as_of":"x","cells":[],"month":"","titles":[]}']
)
def test_what_was_never_stored_is_refused(text: str) -> None:
    with pytest.raises(OmegaError):
        Habits.from_json(text)


def test_a_holiday_spans_new_years_eve() -> None:
    new_year = HOLIDAYS[0]
    days = [d for d in range(366) if new_year.covers(date(2024, 1, 1) + d * DAY)]
    assert days == [0, 1, 364, 365]


def test_a_holiday_needs_days_that_exist() -> None:
    with pytest.raises(OmegaError) as refused:
        Holiday("x", (2, 30), (3, 1))
    assert refused.value.field == "first"
