"""Episodes by meaning, by session and in sum, over the table of viewings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from omega_agentdb import ExactIndex, Reflexion
from omega_core.episodes import critique
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_core.vectors import FloatArray
from omega_core.viewing import Verdict, ViewingEvent
from omega_persistence import Database, Events, Profiles
from omega_persistence.episodes import Episodes
from omega_testing.taste_tables import START, database_of_titles, groups_of_titles

VECTORS = groups_of_titles(8, 1)


@pytest.fixture
def database() -> Iterator[Database]:
    with database_of_titles(8) as opened:
        yield opened


@pytest.fixture
def reflexion(database: Database) -> Reflexion:
    for name in ("ann", "bob"):
        Profiles(database).put(Profile(name, name))
    index = ExactIndex()
    index.add(np.arange(1, 9), VECTORS)
    return Reflexion(Episodes(database, Events(database)), index)


def event(number: int, title: int, watched: float, **rest: object) -> ViewingEvent:
    given: dict[str, object] = {"engagement_score": 0.5, "session_id": f"s{number % 2}", **rest}
    return ViewingEvent(
        event_id=f"e{number}",
        content_id=f"c{title}",
        watch_percentage=watched,
        occurred_at=START + timedelta(minutes=number),
        **given,  # type: ignore[arg-type]  # fields by name
    )


def near(*titles: int) -> FloatArray:
    """A direction that is nearest to the first title, then to the second, and so on."""
    weights = 0.5 ** np.arange(len(titles), dtype=np.float32)
    return np.asarray(weights @ VECTORS[[title - 1 for title in titles]], np.float32)


def test_episodes_come_back_by_meaning(reflexion: Reflexion) -> None:
    for number, (title, watched) in enumerate([(1, 0.9), (2, 0.2), (3, 0.95), (1, 0.4)]):
        assert reflexion.store(event(number, title, watched))
    assert not reflexion.store(event(0, 1, 0.9))
    found = reflexion.retrieve(near(2, 1, 5, 3), 10)
    assert [(each.episode.episode_id, each.episode.content_rowid) for each in found] == [
        ("e1", 2),
        ("e3", 1),
        ("e2", 3),
    ]
    assert found[0].similarity > found[1].similarity > found[2].similarity
    assert [each.episode.episode_id for each in reflexion.retrieve(near(3), 1)] == ["e2"]
    episode = found[0].episode
    assert (episode.task, episode.session_id, episode.success) == ("watched Title 2", "s1", False)
    assert episode.reward == pytest.approx(0.7 * 0.2 + 0.3 * 0.5)
    assert episode.timestamp == START + timedelta(minutes=1)


def test_successes_failures_rewards_and_people_are_told_apart(reflexion: Reflexion) -> None:
    plan: list[tuple[int, float, dict[str, object]]] = [
        (1, 0.9, {"profile_id": "ann"}),
        (2, 0.7, {"profile_id": "ann"}),  # exactly 70 % is no success
        (3, 1.0, {"verdict": Verdict.DISLIKED}),
        (4, 0.71, {"profile_id": "bob"}),
        (1, 0.1, {"profile_id": "bob"}),
    ]
    for number, (title, watched, rest) in enumerate(plan):
        reflexion.store(event(number, title, watched, **rest))

    def titles(**given: object) -> set[int]:
        found = reflexion.retrieve(near(1, 2, 3, 4), 10, **given)  # type: ignore[arg-type]  # by name
        return {each.episode.content_rowid for each in found}

    assert titles() == {1, 2, 3, 4}
    assert titles(success=True) == {1, 4}
    assert titles(success=False) == {1, 2, 3}
    assert titles(profile_id="ann") == {1, 2}
    assert titles(profile_id="ann", success=True) == {1}
    assert titles(profile_id="bob", success=True) == {4}
    assert titles(min_reward=0.63) == {1, 2, 3, 4}
    assert titles(min_reward=0.65) == {1, 3}
    (last,) = reflexion.retrieve(near(1), 1, success=True)
    assert last.episode.episode_id == "e0"  # the later viewing of this title failed
    (nearest,) = reflexion.retrieve(near(3, 4), 1, success=True)
    assert nearest.episode.content_rowid == 4  # the nearest title never succeeded


def test_a_session_comes_back_in_its_order(reflexion: Reflexion) -> None:
    for number in (4, 0, 2, 1):
        reflexion.store(event(number, 1 + number, 0.5))
    assert [each.episode_id for each in reflexion.by_session("s0")] == ["e0", "e2", "e4"]
    assert reflexion.by_session("unknown") == []
    with pytest.raises(OmegaError) as refused:
        reflexion.by_session("")
    assert refused.value.code is ErrorCode.INVALID_FIELD


def test_episodes_are_summed_up(reflexion: Reflexion) -> None:
    seconds = (600, 0, 1_800)
    for number, watched in enumerate((1.0, 0.5, 0.8)):
        profile_id = "ann" if number else ""
        reflexion.store(
            event(number, number + 1, watched, watch_seconds=seconds[number], profile_id=profile_id)
        )
    totals = reflexion.analyze()
    assert totals.count == reflexion.count() == 3
    assert totals.success_rate == pytest.approx(2 / 3)
    assert totals.mean_reward == pytest.approx(0.7 * (2.3 / 3) + 0.15)
    assert totals.mean_seconds == pytest.approx(1_200)
    assert reflexion.analyze(profile_id="ann").count == 2
    assert reflexion.analyze("watched Title 2").count == 1
    assert reflexion.analyze("watched Title").count == 3
    assert reflexion.analyze("watched title").count == 0
    assert reflexion.analyze("watched %").count == 0
    nothing = reflexion.analyze("skipped")
    assert (nothing.count, nothing.success_rate, nothing.mean_reward, nothing.mean_seconds) == (
        0,
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("watched", "engaged", "grade"),
    [
        (1.0, 1.0, "An excellent match: 100% watched, reward 1.00."),
        (0.9, 0.9, "A good match: 90% watched, reward 0.90."),
        (0.71, 0.7, "A good match: 71% watched, reward 0.71."),
        (0.5, 0.5, "A partial match: 50% watched, reward 0.50."),
        (0.1, 0.1, "A poor match: 10% watched, reward 0.10."),
    ],
)
def test_a_critique_says_how_it_went(watched: float, engaged: float, grade: str) -> None:
    assert critique(event(1, 1, watched, engagement_score=engaged)) == grade


def test_an_unknown_title_has_no_episode(reflexion: Reflexion) -> None:
    with pytest.raises(OmegaError) as refused:
        reflexion.store(event(1, 99, 0.9))
    assert refused.value.code is ErrorCode.UNKNOWN_CONTENT
    assert reflexion.retrieve(near(1), 5) == []
