"""Records of titles are exact: any order and any split of the events gives the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.records import UNFOLDED, fold_event, merge, unfold
from omega_core.viewing import TitleRecord, Verdict, ViewingContext, ViewingEvent

START = datetime(2026, 3, 1, tzinfo=UTC)
EVENTS = st.lists(
    st.builds(
        ViewingEvent,
        event_id=st.just("e"),
        content_id=st.just("c"),
        watch_percentage=st.sampled_from([0.0, 0.3, 0.7, 0.71, 1.0]),
        engagement_score=st.floats(0, 1),
        occurred_at=st.integers(0, 5).map(lambda day: START + timedelta(days=day)),
        context=st.builds(ViewingContext, st.integers(0, 4), mood=st.integers(0, 4)),
        verdict=st.sampled_from(Verdict),
        profile_id=st.sampled_from(["", "kid"]),
    ),
    min_size=1,
    max_size=12,
)


def said(events: list[ViewingEvent], verdict: Verdict) -> datetime | None:
    return max((e.occurred_at for e in events if e.verdict is verdict), default=None)


def expected(events: list[ViewingEvent]) -> TitleRecord:
    """What the field descriptions of a record say, from all the events at once."""
    good = [event.occurred_at for event in events if event.success]
    last = max(range(len(events)), key=lambda seq: (events[seq].occurred_at, seq))
    circumstances = 0
    for event in events:
        circumstances |= event.context.mask
    profiles = {event.profile_id for event in events}
    return TitleRecord(
        content_id="c",
        profile_id=profiles.pop() if len(profiles) == 1 else "",
        viewings=len(events),
        successes=len(good),
        best_reward=max(event.reward for event in events),
        circumstances=circumstances,
        first_at=min(event.occurred_at for event in events),
        first_success_at=min(good, default=None),
        last_at=events[last].occurred_at,
        last_seq=last,
        liked_at=said(events, Verdict.LIKED),
        disliked_at=said(events, Verdict.DISLIKED),
    )


@settings(deadline=None, max_examples=200)
@given(events=EVENTS, data=st.data())
def test_any_order_and_any_split_give_the_same_record(
    events: list[ViewingEvent], data: st.DataObject
) -> None:
    arrivals = data.draw(st.permutations(range(len(events))))
    pieces = data.draw(st.lists(st.integers(0, 2), min_size=len(events), max_size=len(events)))
    parts: dict[int, TitleRecord] = {}
    for seq, piece in zip(arrivals, pieces, strict=True):
        parts[piece] = fold_event(parts.get(piece), events[seq], seq)
    in_order = data.draw(st.permutations(list(parts.values())))
    assert reduce(merge, in_order) == expected(events)


def test_two_titles_have_no_record_in_common() -> None:
    event = ViewingEvent("e", "c", 1, 1, START)
    record = fold_event(None, event, 1)
    with pytest.raises(ValueError, match="two titles: c and d"):
        fold_event(record, ViewingEvent("f", "d", 1, 1, START), 2)


@settings(deadline=None, max_examples=200)
@given(events=EVENTS)
def test_what_a_record_is_taken_apart_into_tells_the_same_story(events: list[ViewingEvent]) -> None:
    record = reduce(merge, [fold_event(None, event, seq) for seq, event in enumerate(events)])
    apart = unfold(record)
    count = min(len(events), UNFOLDED)
    times = [event.occurred_at for event in apart]
    assert len({event.event_id for event in apart}) == len(apart) == count
    assert times == sorted(times)
    assert times[-1] == record.last_at
    assert count == 1 or times[0] == record.first_at
    assert {(event.content_id, event.profile_id) for event in apart} == {("c", record.profile_id)}
    good = sum(event.success for event in apart)
    assert (good > 0) == (record.successes > 0)
    assert count == 1 or (good == count) == (record.successes == record.viewings)
    assert abs(good / count - record.successes / record.viewings) <= 1 / count
    stated = {event.context.time_of_day for event in events} - {0}
    only = stated.pop() if len(stated) == 1 else 0
    assert {event.context.time_of_day for event in apart} == {only}
