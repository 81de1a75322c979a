"""What is on and what was shown this evening, and what is made of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp

import pytest

from omega_core.memory import MAX_KEY, Tier
from omega_core.viewing import EventSource, PlaybackAction, ViewingContext, ViewingEvent
from omega_memory.tonight import (
    SHOWN_PREFIX,
    VIEWING_PREFIX,
    current,
    fatigue,
    on_now,
    shown,
    unfinished_viewing,
)
from omega_testing.remembering import Remembering

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def moment(title: str, at: datetime, watched: float, action: PlaybackAction) -> ViewingEvent:
    return ViewingEvent(
        event_id=f"{title}{at}",
        content_id=title,
        watch_percentage=watched,
        engagement_score=0.5,
        occurred_at=at,
        session_id="s",
        recommendation_id="r",
        context=ViewingContext(3, 1, 2, 4, 1),
        action=action,
        source=EventSource.SEARCH,
    )


def test_what_is_on_is_the_latest_moment(tv: Remembering) -> None:
    for seconds, title in ((0, "c1"), (5, "c2"), (9, "c1")):
        event = moment(title, NOW + seconds * SECOND, seconds / 10, PlaybackAction.PLAY)
        tv.memory.store(on_now(event, title), event.occurred_at)
    later = NOW + 10 * SECOND
    playing = current(tv.memory.named(Tier.INSTANT, VIEWING_PREFIX, later))
    assert playing is not None
    assert (playing.content_id, playing.text) == ("c1", "c1 is on, 90% watched.")
    assert playing.importance == pytest.approx(0.7 * 0.9 + 0.3 * 0.5)
    assert tv.memory.stats()[0].memories == 2
    over = NOW + 70 * SECOND
    assert current(tv.memory.named(Tier.INSTANT, VIEWING_PREFIX, over)) is None


def test_an_unfinished_viewing_ends_where_it_was_left() -> None:
    event = moment("c1", NOW, 0.25, PlaybackAction.PAUSE)
    made = unfinished_viewing(on_now(event, "T"))
    assert made is not None
    assert made.event_id == unfinished_viewing(on_now(event, "T")).event_id  # type: ignore[union-attr]  # as above
    assert (made.content_id, made.watch_percentage, made.engagement_score) == ("c1", 0.25, 0.5)
    assert (made.occurred_at, made.session_id, made.recommendation_id) == (NOW, "s", "r")
    assert (made.context, made.action) == (event.context, PlaybackAction.STOP)
    assert len(made.event_id) <= 64
    again = unfinished_viewing(on_now(moment("c1", NOW + SECOND, 0.3, event.action), "T"))
    assert again is not None
    assert again.event_id != made.event_id
    assert unfinished_viewing(shown([("c1", "T")], "r", "", NOW)[0]) is None


def test_a_title_tires_by_how_often_it_was_shown(tv: Remembering) -> None:
    for minutes in (0, 0, 2, 40):
        now = NOW + timedelta(minutes=minutes)
        tv.memory.store_all(
            shown([("c1", "One"), ("c2:x", "Two")][: 1 + minutes % 3], "r", "", now), now
        )
        tv.memory.auto_consolidate(now)
    tonight = [
        each
        for tier in (Tier.INSTANT, Tier.SESSION)
        for each in tv.memory.named(tier, SHOWN_PREFIX, NOW + timedelta(minutes=40.5))
    ]
    found = fatigue(tonight, ["c1", "c2:x", "c3"])
    assert found == pytest.approx([1 - exp(-1), 1 - exp(-2 / 3), 0], abs=1e-6)


def test_the_longest_ids_have_keys() -> None:
    (memory,) = shown([("c" * 128, "T")], "r", "", datetime(9999, 1, 1, tzinfo=UTC))
    assert len(memory.key) <= MAX_KEY
