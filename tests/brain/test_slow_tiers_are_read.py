"""Each slow tier changes what people see, through the whole brain."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.preferences import MOST_FOLLOWING
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.memory import Tier
from omega_core.profile import Profile
from omega_core.viewing import PlaybackAction, ViewingContext, ViewingEvent
from omega_memory import popular, shipped, substrate, tonight, trajectory
from omega_memory.popular import PopularTitle
from omega_memory.trajectory import DriftReport
from omega_rank.kinds import Term
from omega_rank.session import MOST_TIRED
from omega_runtime import Mode

START = datetime(2026, 3, 2, 18, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Open = Callable[..., Brain]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def open_brain(config: BrainConfig, stocked_storage: Path, clock: ManualClock) -> Iterator[Open]:
    shutil.copytree(stocked_storage, config.storage_path)
    opened: list[Brain] = []

    def start(**settings: int) -> Brain:
        if opened:
            opened[-1].close()
        opened.append(Brain(replace(config, **settings), clock=clock))  # type: ignore[arg-type]  # by name
        return opened[-1]

    yield start
    opened[-1].close()


def daily(brain: Brain, clock: ManualClock) -> None:
    for _ in range(2):
        clock.advance(DAY + HOUR)
        brain.loops.tick(clock.now())


def last_resort(brain: Brain, limit: int = 100) -> list[str]:
    return list(brain.household.popular(RecommendQuery(limit=limit), ()).content_ids)


def watched(
    content_id: str, at: datetime, share: float = 0.95, profile_id: str = ""
) -> ViewingEvent:
    return ViewingEvent(
        f"{profile_id}-{at.timestamp():.0f}", content_id, share, share, at, profile_id=profile_id
    )


def test_civilizational_and_omega_order_the_list_of_last_resort(
    open_brain: Open, titles: list[Content], clock: ManualClock
) -> None:
    brain = open_brain()
    assert brain.household.collective.model is None
    before = last_resort(brain)
    here = {title.content_id for title in titles}
    defaults = [c.content_id for c in shipped.defaults().popular if c.content_id in here]
    assert defaults
    assert before[: len(defaults)] == defaults, "Omega alone"
    liked = [titles[place].content_id for place in (77, 11, 93)]
    memories = popular.popular_memories(
        [PopularTitle(each, each, 3.0 - n) for n, each in enumerate([*liked, "not:here"])],
        "trend",
        "",
        clock.now(),
    )
    assert brain.memory.store_all(memories, clock.now()) == 3
    assert last_resort(brain) == before, "answers read no tier"
    daily(brain, clock)
    after = last_resort(brain)
    assert after[:3] == liked
    assert [i for i in after if i not in liked] == [
        i for i in last_resort(brain, 100) if i not in liked
    ]
    assert after[3 : 3 + len(defaults)] == [i for i in defaults if i not in liked][: len(defaults)]
    assert len(set(after)) == 100
    answer = brain.household.popular(RecommendQuery(limit=100), ())
    said = {title.content_id: title.reason for title in answer.titles}
    assert said[liked[0]] != said[after[-1]]
    again = open_brain()
    assert last_resort(again) == after, "after a restart too"


def test_substrate_lowers_the_time_limit_and_never_raises_it(
    open_brain: Open, clock: ManualClock
) -> None:
    brain = open_brain(recommend_timeout_ms=40)

    def limit(brain: Brain) -> timedelta:
        return brain._answering._budget

    assert limit(brain) == timedelta(milliseconds=40)
    for p99, expected in ((8.0, 16.0), (1.0, 10.0), (900.0, 40.0)):
        profile = substrate.DeviceProfile(2, 2**30, 10_000, p99 / 2, p99, p99)
        brain.memory.store(substrate.device_memory(profile, clock.now()), clock.now())
        brain = open_brain(recommend_timeout_ms=40)
        assert limit(brain) == timedelta(milliseconds=expected)
    for _ in range(150):
        brain._mind.latencies.note(0.009)
    daily(brain, clock)
    assert limit(brain) == timedelta(milliseconds=18), "read every day"
    brain.clear_data("00000000-0000-4000-8000-000000000001")
    assert limit(brain) == timedelta(milliseconds=40), "measured anew"


def test_an_answer_beyond_the_limit_of_the_device_is_a_simpler_one(
    open_brain: Open, clock: ManualClock, titles: list[Content]
) -> None:
    brain = open_brain(recommend_timeout_ms=10_000)
    brain.observe(watched(titles[0].content_id, clock.now()))
    assert brain.recommend(RecommendQuery()).mode is Mode.HEALTHY
    brain._answering.limit(0)
    assert brain.recommend(RecommendQuery()).mode is not Mode.HEALTHY
    brain._answering.limit(1e9)
    assert brain._answering._budget == timedelta(seconds=10)


@pytest.mark.parametrize(("p_value", "moved"), [(0.001, True), (0.5, False)])
def test_evolutionary_lets_old_viewings_fade_sooner_after_a_drift(
    p_value: float, moved: bool, open_brain: Open, clock: ManualClock, titles: list[Content]
) -> None:
    brain = open_brain()
    shipped_half_life = brain.household.tuned.rank.half_life
    for n, title in enumerate(titles[:30]):
        brain.observe(watched(title.content_id, START + n * MINUTE))
    clock.advance(9 * HOUR)
    before = brain.recommend(RecommendQuery(limit=100))
    report = DriftReport("2025-03", "2026-03", 0.25, 0.4, p_value, 200)
    brain.memory.store(trajectory.drift_memory(report, "", clock.now()), clock.now())
    brain = open_brain()
    tuned = brain.household.tuned
    assert tuned.rank.half_life == pytest.approx(shipped_half_life * (0.5 if moved else 1.0))
    assert tuned.version == 0
    after = brain.recommend(RecommendQuery(limit=100))
    scores = [{t.content_id: t.score for t in answer.titles} for answer in (before, after)]
    shared = scores[0].keys() & scores[1].keys()
    change = max(abs(scores[0][each] - scores[1][each]) for each in shared)
    assert (change > 0.01) is moved
    brain.clear_data("00000000-0000-4000-8000-000000000002")
    assert brain.household.tuned.rank.half_life == shipped_half_life


def test_a_year_that_moved_the_taste_bends_the_ranking_at_its_end(
    open_brain: Open, clock: ManualClock, titles: list[Content]
) -> None:
    brain = open_brain()
    brain.loops.tick(clock.now())
    comedies = [t for t in titles if "Comedy" in t.genres and "Drama" not in t.genres][:14]
    dramas = [t for t in titles if "Drama" in t.genres and "Comedy" not in t.genres][:14]
    for year, shelf in enumerate((comedies, dramas)):
        events = [
            watched(title.content_id, START + (20 + 365 * year + 12 * n) * DAY)
            for n, title in enumerate(shelf)
        ]
        brain.observe_all(events)
    shipped_half_life = brain.household.tuned.rank.half_life
    for _ in range(3):
        clock.advance(timedelta(days=366))
        for _ in range(4):  # a busy machine cuts a cycle off; the next tick goes on with it
            brain.loops.tick(clock.now())
        if brain.household.tuned.rank.half_life < shipped_half_life:
            break
    drifts = brain.memory.named(Tier.EVOLUTIONARY, trajectory.DRIFT_PREFIX, clock.now())
    assert any(each.metadata["significant"] == "true" for each in drifts)
    assert brain.household.tuned.rank.half_life < shipped_half_life


def _led(brain: Brain, titles: list[Content], clock: ManualClock) -> tuple[Content, str]:
    """Evenings on which one genre is followed by another; a title of the first, and the second."""
    first, second = "Comedy", "Horror"
    firsts = [t for t in titles if first in t.genres and second not in t.genres]
    seconds = [t for t in titles if second in t.genres and first not in t.genres]
    others = [t for t in titles if not {first, second} & set(t.genres)]
    events = []
    for n in range(25):
        at = START - (60 - n) * DAY
        pair = (firsts[n % 3], seconds[n % 3]) if n % 2 else (others[n % 5], others[5 + n % 5])
        events += [watched(title.content_id, at + place * HOUR) for place, title in enumerate(pair)]
    brain.observe_all(events)
    for _ in range(3):
        clock.advance(HOUR)
        brain.loops.tick(clock.now())
    clock.advance(10 * HOUR)
    return firsts[0], second


def test_what_was_watched_lifts_what_is_known_to_follow_for_a_session(
    open_brain: Open, clock: ManualClock, titles: list[Content]
) -> None:
    brain = open_brain()
    opener, follower = _led(brain, titles, clock)
    edges = brain.agentdb.causal_effects("genre:Comedy", only_sure=True)
    assert "genre:Horror" in {edge.effect for edge in edges if edge.uplift.value > 0}
    genres = brain.household.titles.catalogue.genres
    suited = brain._mind.preferences.suited

    def bonus() -> float:
        found = suited("", ViewingContext(), genres)
        return 0.0 if found is None else float(found.bonus[genres.index(follower)])

    before = bonus()
    brain.observe(watched(opener.content_id, clock.now()))
    clock.advance(timedelta(seconds=6))
    brain.loops.tick(clock.now())
    assert before < bonus() <= min(before + MOST_FOLLOWING + 1e-6, 1)
    lifted = bonus()
    answer = brain.recommend(RecommendQuery(limit=100))
    clock.advance(4 * HOUR)
    assert bonus() == pytest.approx(before), "the session is over"
    later = brain.recommend(RecommendQuery(limit=100))
    places = [
        np.mean([n for n, t in enumerate(a.titles) if follower in t.genres])
        for a in (answer, later)
    ]
    assert lifted > before
    assert places[0] < places[1]


def test_a_title_shown_in_vain_tonight_gives_way_a_little(
    open_brain: Open, clock: ManualClock, titles: list[Content]
) -> None:
    brain = open_brain()
    brain.put_profile(Profile("kim", "Kim"))
    for n in range(4):
        brain.observe(watched(titles[n].content_id, START - (n + 1) * DAY))
    clock.advance(timedelta(seconds=10))
    brain.loops.tick(clock.now())
    (first, *_) = brain.recommend(RecommendQuery(limit=3)).content_ids

    def score(content_id: str) -> float:
        answer = brain.recommend(RecommendQuery(limit=1, content_ids=(content_id,)))
        return answer.titles[0].score

    clock.advance(HOUR)
    fresh = score(first)
    for _ in range(12):
        clock.advance(MINUTE)
        brain.recommend(RecommendQuery(limit=3))
    assert score(first) == pytest.approx(fresh), "no answer waits for it"
    on = ViewingEvent(
        "on", titles[50].content_id, 0.0, 0.0, clock.now(), action=PlaybackAction.PAUSE
    )
    brain.observe(replace(on, profile_id="kim"))
    clock.advance(timedelta(seconds=10))
    brain.loops.tick(clock.now())
    tired = score(first)
    assert tired < fresh - 0.005
    viewer = brain.household._viewers.of("")
    bias = viewer.bias(clock.now())
    assert bias is not None
    row = brain.household.titles.catalogue.row_of[first]
    plain = viewer.session.bias(clock.now())
    before = 0.0 if plain is None else float(plain.bonus[row])
    assert 0 < before - float(bias.bonus[row]) <= MOST_TIRED
    assert brain.memory.named(Tier.INSTANT, tonight.SHOWN_PREFIX, clock.now())
    clock.advance(5 * HOUR)
    assert score(first) == pytest.approx(fresh, abs=1e-3), "the evening is over"


def test_every_title_of_a_bent_list_still_has_a_reason(
    open_brain: Open, clock: ManualClock, titles: list[Content]
) -> None:
    brain = open_brain()
    _led(brain, titles, clock)
    brain.observe(watched(titles[3].content_id, clock.now()))
    for _ in range(5):
        brain.recommend(RecommendQuery(limit=20))
        clock.advance(MINUTE)
        brain.loops.tick(clock.now())
    answer = brain.recommend(RecommendQuery(limit=100))
    assert all(title.reason and title.reason_term in Term for title in answer.titles)
