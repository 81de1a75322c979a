"""How tired people are of titles is counted as the titles are shown, and read once at a start."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.weariness import Weariness
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.profile import Profile
from omega_core.viewing import PlaybackAction, ViewingEvent
from omega_memory import tonight

START = datetime(2026, 3, 1, 18, tzinfo=UTC)
MINUTE, EVENING = timedelta(minutes=1), timedelta(hours=8)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def tv(config: BrainConfig, clock: ManualClock, titles: list[Content]) -> Iterator[Brain]:
    with Brain(config, clock=clock) as opened:
        opened.upsert(titles)
        opened.put_profile(Profile("kim", "Kim"))
        yield opened


def _expected(shown: set[tuple[str, datetime]], now: datetime) -> dict[str, float]:
    times = Counter(content_id for content_id, at in shown if now - at < EVENING)
    return {content_id: 1 - math.exp(-count / 3) for content_id, count in times.items()}


def test_each_title_tires_by_the_minutes_in_which_it_was_shown_tonight(
    tv: Brain, clock: ManualClock, titles: list[Content]
) -> None:
    counted = tv._mind.evening._weary
    shown: dict[str, set[tuple[str, datetime]]] = {"": set(), "kim": set()}
    for number in range(60):
        # Some within a minute; in between the session takes over what was shown.
        clock.advance(timedelta(seconds=20) if number % 3 else 25 * MINUTE)
        now, who = clock.now(), "kim" if number % 4 else ""
        listed = tv.recommend(RecommendQuery(limit=5, profile_id=who)).content_ids
        shown[who] |= {(content_id, now.replace(second=0)) for content_id in listed}
        tv.observe(
            ViewingEvent(
                f"e{number}", titles[90].content_id, 0.1, 0.5, now, action=PlaybackAction.PAUSE
            )
        )
        tv.loops.tick(now)
        for profile_id, lists in shown.items():
            expected = _expected(lists, now)
            assert counted.of(profile_id, now) == pytest.approx(expected)
    clock.advance(EVENING)
    assert counted.of("kim", clock.now()) == {}


def test_the_tiers_are_read_once(tv: Brain, clock: ManualClock) -> None:
    shown = tonight.shown([("a", "A"), ("b", "B")], "list", "kim", clock.now())
    tv.memory.store_all(shown, clock.now())
    weary = Weariness(tv.memory)
    assert weary.of("kim", clock.now()).keys() == {"a", "b"}
    tv.memory.clear()
    assert weary.of("kim", clock.now()).keys() == {"a", "b"}, "not read again"
    weary.forget()
    assert weary.of("kim", clock.now()) == {}
