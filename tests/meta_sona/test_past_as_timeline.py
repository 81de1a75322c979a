"""Folded records and events as one sequence to replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from omega_core.viewing import TitleRecord, ViewingEvent
from omega_meta_sona import positives, timeline

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def event(title: str, at: int, watched: float = 1.0) -> ViewingEvent:
    return ViewingEvent(f"{title}-{at}", title, watched, watched, day(at))


def record(
    title: str, first: int, success: int | None, viewings: int = 1, reward: float = 1.0
) -> TitleRecord:
    return TitleRecord(
        content_id=title,
        profile_id="",
        viewings=viewings,
        successes=0 if success is None else 1,
        best_reward=reward,
        circumstances=0,
        first_at=day(first),
        first_success_at=None if success is None else day(success),
        last_at=day(max(first, success or first)),
        last_seq=1,
    )


def told(viewings: list[ViewingEvent]) -> list[tuple[str, int, bool]]:
    return [(v.content_id, (v.occurred_at - START).days, v.success) for v in viewings]


def test_records_and_events_are_told_in_order_of_time() -> None:
    past = timeline([record("b", 2, 2), record("a", 1, 1)], [event("d", 9), event("c", 5)])
    assert told(past) == [("a", 1, True), ("b", 2, True), ("c", 5, True), ("d", 9, True)]


def test_a_folded_title_that_succeeded_later_keeps_both_moments() -> None:
    assert told(timeline([record("a", 1, 4, 2)], ())) == [("a", 1, False), ("a", 4, True)]


def test_a_folded_title_that_never_succeeded_keeps_its_best_reward() -> None:
    (only,) = timeline([record("a", 1, None, 3, reward=0.6)], ())
    assert not only.success
    assert abs(only.reward - 0.6) < 1e-9


def test_positives_are_first_viewings_that_succeeded() -> None:
    past = [event("a", 1), event("a", 2), event("b", 3, 0.2), event("b", 4), event("c", 5)]
    assert positives(past) == [0, 4]
    assert positives([]) == []


def test_a_title_is_a_positive_in_the_records_or_in_the_events_but_never_twice() -> None:
    past = timeline([record("a", 1, 1)], [event("a", 8), event("b", 9)])
    assert [past[position].content_id for position in positives(past)] == ["a", "b"]
